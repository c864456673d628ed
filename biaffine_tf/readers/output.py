"""Where writers write: complete files, compressed by name, or devices."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import IO, TextIO, cast

from biaffine_tf.errors import DataError
from biaffine_tf.files import atomic_write


@contextlib.contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    r"""Opens a UTF-8 text file that appears when it is complete.

    Lines end in "\n" everywhere. Names that end in .gz or .xz are compressed.
    What is no ordinary file (/dev/stdout, a pipe) is written to directly.

    Args:
        path: The file to write.

    Yields:
        The open file.

    Raises:
        DataError: If the file cannot be created.
    """
    device = os.path.exists(path) and not os.path.isfile(path)
    # Renaming onto a link would replace the link, not what it points to; the
    # link /dev/stdout may point to a pipe, which has no path.
    target = os.fspath(path) if device else os.path.realpath(path)
    with contextlib.ExitStack() as stack:
        try:
            opening = open if device else atomic_write
            raw = stack.enter_context(opening(target, "wb"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"the file cannot be written ({error})",
                file=path,
                remedy="check the directory and its permissions",
            ) from None
        packed = _compressor(raw, target)
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()
        if packed is not raw:
            packed.close()


def _compressor(raw: IO[bytes], target: str) -> IO[bytes]:
    if target.endswith(".gz"):
        import gzip

        # No time and no name: the same sentences give the same bytes.
        return cast(IO[bytes], gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
    if target.endswith(".xz"):
        import lzma

        return lzma.open(raw, "wb")
    return raw
