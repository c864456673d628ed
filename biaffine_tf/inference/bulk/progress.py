"""How far a job has come, and how long it will take."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterable, Iterator
from typing import Self

from tqdm import tqdm

from biaffine_tf.inference.bulk.reading import Reading
from biaffine_tf.spans import Sentence

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class Progress:
    """A bar over the bytes of all inputs, with sentences a second.

    Args:
        total: Bytes of all inputs as they are stored.
        is_shown: Whether to show it.

    Attributes:
        sentences: Predicted so far.
    """

    def __init__(self, total: int, *, is_shown: bool) -> None:
        self.sentences = 0
        self._begun = time.perf_counter()
        self._files_before = 0  # their bytes
        # Of sentences that were read but not yet predicted.
        self._positions: collections.deque[int] = collections.deque()
        self._bar = tqdm(
            desc="predicting",
            total=total,
            bar_format=_BAR,
            smoothing=0,  # sentences are read by thousands
            disable=not is_shown,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    @property
    def seconds(self) -> float:
        """Time so far, but for what was passed over."""
        return time.perf_counter() - self._begun

    def read(
        self, sentences: Iterable[Sentence], reading: Reading
    ) -> Iterator[Sentence]:
        """Watches sentences that are read to be predicted."""
        for sentence in sentences:
            self._positions.append(self._files_before + reading.position)
            yield sentence

    def predicted(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Counts those sentences when they are predicted."""
        for sentence in sentences:
            self.sentences += 1
            self._bar.set_postfix_str(
                f"{self.sentences:,} sentences, "
                f"{self.sentences / self.seconds:,.0f} a second",
                refresh=False,
            )
            self._bar.update(self._positions.popleft() - self._bar.n)
            yield sentence

    def pass_over(
        self, sentences: Iterable[Sentence], reading: Reading
    ) -> None:
        """Reads sentences that were predicted before."""
        begun = time.perf_counter()
        collections.deque(sentences, maxlen=0)
        self._begin_at(self._files_before + reading.position)
        self._begun += time.perf_counter() - begun

    def pass_over_file(self, size: int) -> None:
        """A file was predicted before."""
        self._begin_at(self._files_before + size)
        self.end_file(size)

    def end_file(self, size: int) -> None:
        """A file was read."""
        self._files_before += size
        self._bar.update(self._files_before - self._bar.n)

    def _begin_at(self, position: int) -> None:
        """What lies before was not done in the time that counts."""
        passed = position - self._bar.n
        if not self._bar.disable:
            self._bar.initial += passed
        self._bar.update(passed)
