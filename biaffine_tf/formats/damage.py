"""Detects damage of compressed files before they are used."""

from __future__ import annotations

import os

from biaffine_tf.errors import DataError
from biaffine_tf.formats.lines import Source
from biaffine_tf.formats.problems import Problems


def check_undamaged(path: str | os.PathLike[str]) -> None:
    """Checks the checksums of a compressed file.

    Checksums are at the end: text that is read before may differ from what was
    compressed. A file that is only truncated is accepted.

    Args:
        path: Path of a regular file; uncompressed ones are not checked.

    Raises:
        DataError: If it is damaged, or cannot be read.
    """
    with Source(path, Problems()) as source:
        if not source.is_compressed:
            return
        try:
            for _ in source.chunks():
                pass
        except DataError as error:
            cause = error.__cause__
            if _is_end(cause):
                return
            if isinstance(cause, OSError) and cause.errno is not None:
                raise
            raise source.place().error(
                f"is damaged ({cause}); where is not known, and so none of it "
                "can be trusted",
                "fetch or compress it again",
            ) from cause


def _is_end(cause: BaseException | None) -> bool:
    """Whether a file is only truncated, or followed by other bytes."""
    is_more = str(cause).startswith("Not a gzipped file")
    return isinstance(cause, EOFError) or is_more
