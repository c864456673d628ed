"""Opens files and reads them as numbered lines.

Lines end at b"\\n" only: U+2028, U+0085 and form feeds are ordinary characters
of a text, at which `str.splitlines` would break.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import IO, NamedTuple

from biaffine_tf.errors import DataError
from biaffine_tf.formats import compression
from biaffine_tf.formats.problems import Problems

HEAD_BYTES = 1 << 16
# Bounds the memory: a longer line means a broken file.
MAX_LINE_BYTES = 1 << 26

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
STANDARD_INPUT = "-"
_SKIP = "correct the line or pass --on_bad_data=skip"


class Line(NamedTuple):
    """Bytes of a file and the one-based line on which they start."""

    number: int
    data: bytes


class Place(NamedTuple):
    """Place in an input: file and line."""

    file: str
    line: int | None = None

    def error(self, problem: str, remedy: str = _SKIP) -> DataError:
        """Makes a DataError that names this place."""
        return DataError(problem, file=self.file, line=self.line, remedy=remedy)

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Source:
    """An open file, read sequentially once (so it may be a pipe).

    Attributes:
        file: Path as the user gave it, or "standard input".
        foreign: Problem and remedy of content that is no UTF-8 text; None for
            text.
        is_compressed: Whether the file is compressed; damage may show late.
        head: First `HEAD_BYTES` of the content, for detecting the format.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        problems: Problems,
        *,
        allow_binary: bool = False,
    ) -> None:
        """Opens a file, decompressing it if needed.

        Args:
            path: Path of the file; "-" for standard input.
            problems: Counts a byte order mark.
            allow_binary: Whether to leave `foreign` content to the caller.

        Raises:
            DataError: If it cannot be opened or does not start with text.
        """
        self._path: str | int = os.fspath(path)
        self.file = self._path
        if self._path == STANDARD_INPUT:
            self._path, self.file = 0, "standard input"
        self._problems = problems
        self._lines_read = 0
        self._files = contextlib.ExitStack()
        self._stream = self._open()
        try:
            self.head = self._read_head()
            self.foreign = self._find_foreign()
            if self.foreign and not allow_binary:
                raise self.foreign_error()
            self._remove_mark(problems)
        except BaseException:
            self._files.close()
            raise

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def stored_bytes_read(self) -> int:
        """Number of bytes read of the file as stored (compressed)."""
        return self._stored.tell()

    def place(self, line: int | None = None) -> Place:
        """Returns the place of a line, or of the whole file."""
        return Place(self.file, line)

    def chunks(self) -> Iterator[bytes]:
        """Yields the content in chunks of bytes, without byte order mark."""
        chunk = self.head
        while chunk:
            yield chunk
            chunk = self._read()

    def lines(self) -> Iterator[Line]:
        r"""Yields the lines without "\n" or "\r\n".

        Lines of a file without "\n" end at "\r", as on old systems.

        Raises:
            DataError: If a line is longer than `MAX_LINE_BYTES`.
        """
        number, newline = 1, self._newline
        pending: list[bytes] = []  # parts of a line longer than a chunk
        pending_bytes = 0
        for chunk in self.chunks():
            *whole, rest = chunk.split(newline)
            for data in whole:
                if pending:
                    data = b"".join((*pending, data))
                    pending.clear()
                    pending_bytes = 0
                yield Line(number, data.removesuffix(b"\r"))
                number += 1
            if rest:
                pending.append(rest)
                pending_bytes += len(rest)
            if pending_bytes > MAX_LINE_BYTES:
                raise too_long(self.place(number))
        if pending:
            yield Line(number, b"".join(pending).removesuffix(b"\r"))

    @functools.cached_property
    def head_lines(self) -> list[str]:
        """Complete lines of the head, with invalid bytes replaced."""
        newline = self._newline.decode()
        lines = self.head.decode("utf-8", errors="replace").split(newline)
        if len(self.head) >= HEAD_BYTES - len(_UTF8_MARK) and len(lines) > 1:
            lines.pop()  # may be incomplete
        return [line.removesuffix("\r") for line in lines]

    @functools.cached_property
    def _newline(self) -> bytes:
        if b"\n" in self.head or self.head.count(b"\r") < 2:
            return b"\n"
        self._problems.count(
            "lines end in a lone carriage return", f"{self.file}:1"
        )
        return b"\r"

    def _open(self) -> IO[bytes]:
        try:
            raw = open(  # noqa: SIM115 (closed by the stack)
                self._path, "rb", closefd=self._path != 0
            )
            self._stored = raw
            self._files.enter_context(raw)
            start = raw.peek(compression.MAGIC_BYTES)
        except FileNotFoundError:
            raise self.place().error(
                "there is no such file", "check the path"
            ) from None
        except IsADirectoryError:
            raise self.place().error(
                "this is a directory", "give a file in it"
            ) from None
        except (OSError, ValueError) as error:
            self._files.close()
            raise self.place().error(
                f"the file cannot be opened ({error})",
                "check the path and its permissions",
            ) from None
        self.is_compressed = compression.is_compressed(start)
        try:
            content = compression.decompressed(raw, start, self.file)
        except DataError:
            self._files.close()
            raise
        return raw if content is None else self._files.enter_context(content)

    def _read_head(self) -> bytes:
        chunks = []
        missing = HEAD_BYTES
        while missing and (chunk := self._read(missing)):
            chunks.append(chunk)
            missing -= len(chunk)
        return b"".join(chunks)

    def _read(self, size: int = HEAD_BYTES) -> bytes:
        try:
            chunk = self._stream.read(size)
        except MemoryError:
            raise
        except Exception as error:  # differs by decompressor and OS
            raise self.place(self._lines_read + 1).error(
                f"the file cannot be read on from here ({error})",
                "it is cut off or damaged; fetch or compress it again",
            ) from error
        self._lines_read += chunk.count(b"\n")
        return chunk

    def foreign_error(self) -> DataError:
        """Makes the error for content that is no UTF-8 text."""
        assert self.foreign is not None
        is_text = self.head.startswith(_UTF16_MARKS)
        return self.place(1 if is_text else None).error(*self.foreign)

    def content(self) -> bytes:
        """Returns the whole content, for formats that are read at once."""
        return b"".join(self.chunks())

    def _find_foreign(self) -> tuple[str, str] | None:
        if self.head.startswith(_UTF16_MARKS):
            return (
                "the file is UTF-16, not UTF-8",
                f"convert it: iconv -f UTF-16 -t UTF-8 {self.file} > NEW_FILE",
            )
        return compression.foreign_kind(self.head, self.file)

    def _remove_mark(self, problems: Problems) -> None:
        if self.head.startswith(_UTF8_MARK):
            self.head = self.head[len(_UTF8_MARK) :]
            problems.count("byte order mark removed", f"{self.file}:1")


def decode(line: Line, file: str) -> str:
    """Decodes a line.

    Args:
        line: Bytes, possibly of several lines.
        file: Name of the file, for messages.

    Returns:
        The text, unstripped.

    Raises:
        DataError: If it is not UTF-8 or contains a NUL byte.
    """
    data = line.data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - (before.rfind(b"\n") + 1)
        raise Place(file, line.number + before.count(b"\n")).error(
            f"byte {column + 1} of the line, 0x{data[error.start]:02X}, is "
            "not UTF-8",
            _encoding_remedy(data, file),
        ) from None
    if "\0" in text:
        before = data[: data.index(b"\0")]
        raise Place(file, line.number + before.count(b"\n")).error(
            "the line holds a NUL byte",
            "the file is binary or UTF-16; give UTF-8 text",
        )
    return text


def check_encodable(text: str, place: Place, what: str) -> str:
    r"""Checks that a text from JSON is free of lone surrogates.

    Raises:
        DataError: If it contains a lone surrogate such as "\ud800".
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise place.error(
            f"{what} holds half of a character, U+{ord(text[error.start]):04X}"
            f" at position {error.start}, which is no text",
            "write it as one character or remove it, or pass "
            "--on_bad_data=skip",
        ) from None
    return text


def shorten(value: object) -> str:
    """Returns the representation of a value, shortened for messages."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def too_long(place: Place) -> DataError:
    """Makes the error for a line or object that is too long."""
    return place.error(
        f"more than {MAX_LINE_BYTES >> 20} MiB without an end",
        "give one sentence a line, or a JSON array of objects",
    )


def _encoding_remedy(data: bytes, file: str) -> str:
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return _SKIP
    return (
        "it reads as GB18030; convert the file: "
        f"iconv -f GB18030 -t UTF-8 {file} > NEW_FILE; or, if only some lines "
        "are, pass --on_bad_data=skip"
    )
