"""Opens output: atomic files, compressed by name, or devices."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from typing import IO, TextIO

from biaffine_tf.errors import DataError
from biaffine_tf.files import atomic_write
from biaffine_tf.formats.compression import compressor

STANDARD_OUTPUT = "-"


@contextlib.contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    r"""Opens a UTF-8 text file that appears only when complete.

    Lines end in "\n" on all systems. Names that end in .gz, .xz, .bz2 or .zst
    are compressed. Devices and pipes (/dev/stdout) are written to directly.

    Args:
        path: Path of the file; "-" for standard output.

    Yields:
        The open file.

    Raises:
        ConfigError: If the compression needs a package that is not installed.
        DataError: If the file cannot be created.
    """
    device = os.path.exists(path) and not os.path.isfile(path)
    # Renaming onto a link would replace the link, not its target; /dev/stdout
    # may link to a pipe, which has no path.
    target = os.fspath(path) if device else os.path.realpath(path)
    with contextlib.ExitStack() as stack:
        try:
            opened: contextlib.AbstractContextManager[IO[bytes]]
            if path == STANDARD_OUTPUT:
                # It may be open for appending; by name it would be truncated.
                opened = open(1, "wb", closefd=False)  # noqa: SIM115
            elif device:
                opened = open(target, "wb")  # noqa: SIM115
            else:
                opened = atomic_write(target, "wb")
            raw = stack.enter_context(opened)
        except (OSError, ValueError) as error:
            raise DataError(
                f"the file cannot be written ({error})",
                file=path,
                remedy="check the directory and its permissions",
            ) from None
        packed = compressor(raw, target)
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()
        if packed is not raw:
            packed.close()
