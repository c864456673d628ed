"""Opens output: atomic files, compressed by name, or devices."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple, TextIO

from biaffine_tf.errors import DataError
from biaffine_tf.files import atomic_write
from biaffine_tf.formats.compression import compressor

STANDARD_OUTPUT = "-"


class NamedFile(NamedTuple):
    """A file of a format that is written as a folder."""

    name: str
    content: bytes


@contextlib.contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[TextIO]:
    r"""Opens a UTF-8 text file that appears only when complete.

    Lines end in "\n" on all systems. Otherwise as `open_bytes`.
    """
    with open_bytes(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()


@contextlib.contextmanager
def open_bytes(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Opens a file that appears only when complete.

    Names that end in .gz, .xz, .bz2 or .zst
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
        yield packed
        if packed is not raw:
            packed.close()


def write_folder(
    path: str | os.PathLike[str], files: Iterable[NamedFile]
) -> None:
    """Writes a folder of files that appears only when complete.

    Args:
        path: Path of the folder; may be an empty one.
        files: Its files.

    Raises:
        DataError: If it exists and is not empty, or cannot be written.
    """
    target = os.fspath(path).rstrip(os.sep)
    if target == STANDARD_OUTPUT or (
        os.path.lexists(target)
        and (not os.path.isdir(target) or os.listdir(target))
    ):
        raise DataError(
            "exists already and is not an empty folder",
            file=target,
            remedy="give the name of a new folder: the format has two files "
            "per text",
        )
    unfinished = f"{target}.unfinished"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        os.mkdir(unfinished)
        for name, content in files:
            with open(os.path.join(unfinished, name), "wb") as stream:
                stream.write(content)
        if os.path.isdir(target):
            os.rmdir(target)
        os.rename(unfinished, target)
    except OSError as error:
        raise DataError(
            f"the folder cannot be written ({error})",
            file=target,
            remedy="check the directory above and its permissions",
        ) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
