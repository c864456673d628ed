"""What the tests of the readers share."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from biaffine_tf.formats import Problems, ReadOptions, read
from biaffine_tf.spans import Sentence


class Reading:
    """Reads contents from a file of their own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder / "data"
        self.problems = Problems()

    def __call__(
        self, content: str | bytes, **options: object
    ) -> list[Sentence]:
        if isinstance(content, str):
            content = content.encode()
        self.path.write_bytes(content)
        self.problems = Problems()
        return list(read(self.path, ReadOptions(**options), self.problems))


@pytest.fixture
def reading(tmp_path: pathlib.Path) -> Callable[..., list[Sentence]]:
    return Reading(tmp_path)
