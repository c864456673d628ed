"""Splits a JSON array of any size into elements, in constant memory.

`json.load` would hold the whole file, and decoding a growing buffer repeatedly
would take quadratic time. This scans each byte once for quotes, brackets and
commas, and leaves the elements to the JSON decoder: a broken element can then
be skipped like a broken line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from biaffine_tf.formats import lines
from biaffine_tf.formats.lines import Line, Source

_SPACE = b" \t\r\n"
# A string on one line, or a quote whose string does not end in the chunk.
_STRING = rb'"(?:[^"\\\n]++|\\[^\n])*+"|"'
_BETWEEN_ELEMENTS = re.compile(_STRING + rb"|[{}\[\],]")
_INSIDE_ELEMENT = re.compile(_STRING + rb"|[{}\[\]]")
_MEND = "the file is cut off, or a bracket or quote is missing; mend it"


def array_elements(source: Source, start: int | None = None) -> Iterator[Line]:
    """Yields the bytes of each element of the array in a file.

    Args:
        source: File whose first byte other than white space is "[".
        start: Position in the head of the "[" of an array inside an object, of
            which nothing else is read.

    Yields:
        Each element, not decoded, with the line on which it starts.

    Raises:
        DataError: If the array is not closed, if something follows it, or if
            an element is longer than `lines.MAX_LINE_BYTES`.
    """
    chunks = source.chunks()
    head = next(chunks)
    opening = (head.index(b"[") if start is None else start) + 1
    scanner = _Scanner(
        source, 1 + head.count(b"\n", 0, opening), is_inner=start is not None
    )
    for chunk in itertools.chain((head[opening:],), chunks):
        yield from scanner.feed(chunk)
    scanner.finish()


class _Scanner:
    """State of the incremental array parser."""

    def __init__(self, source: Source, line: int, *, is_inner: bool) -> None:
        self._source = source
        self._is_inner = is_inner
        self._line = line  # on which the kept bytes start
        self._kept: list[bytes] = []  # of the current element
        self._kept_bytes = 0
        self._depth = 0  # of brackets inside the current element
        self._in_string = False
        self._escaped = False  # the last chunk ended in a backslash
        self._elements = 0
        self._closed = False

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Yields the elements that end in the next bytes of the file."""
        begin = position = 0  # of the current element; of the search
        while not self._closed:
            if self._in_string:
                position = self._skip_string(chunk, begin, position)
                if self._in_string:
                    break
            pattern = _INSIDE_ELEMENT if self._depth else _BETWEEN_ELEMENTS
            match = pattern.search(chunk, position)
            if match is None:
                break
            position = match.end()
            if position - match.start() > 1:
                continue  # a whole string
            if match[0] == b'"':
                self._in_string = True
            elif match[0] in b"[{":
                self._depth += 1
            elif self._depth:
                self._depth -= 1
            else:
                yield from self._end_element(
                    chunk[begin : match.start()], match[0]
                )
                begin = position
        self._keep(chunk[begin:])

    def finish(self) -> None:
        """Checks that the array is closed at the end of the file."""
        if not self._closed:
            raise self._source.place(self._first_line()).error(
                "the JSON array is not closed; what starts here does not end",
                _MEND,
            )

    def _end_element(self, data: bytes, byte: bytes) -> Iterator[Line]:
        self._keep(data)
        element = b"".join(self._kept)
        number = self._first_line()
        self._line += element.count(b"\n")
        self._kept.clear()
        self._kept_bytes = 0
        if byte == b"}":
            raise self._source.place(self._line).error(
                "a closing brace without an opening one", _MEND
            )
        self._closed = byte == b"]"
        element = element.strip(_SPACE)
        if element or self._elements or not self._closed:
            yield Line(number, element)
        self._elements += 1

    def _keep(self, data: bytes) -> None:
        if self._closed:
            self._check_rest(data)
            return
        self._kept.append(data)
        self._kept_bytes += len(data)
        if self._kept_bytes > lines.MAX_LINE_BYTES:
            raise lines.too_long(self._source.place(self._first_line()))

    def _check_rest(self, data: bytes) -> None:
        if self._is_inner:
            return
        rest = data.lstrip(_SPACE)
        self._line += data.count(b"\n", 0, len(data) - len(rest))
        if rest:
            received = rest[:20].decode("utf-8", errors="replace")
            raise self._source.place(self._line).error(
                f"{lines.shorten(received)} follows the end of the JSON array",
                "give one array, or one JSON object a line",
            )

    def _first_line(self) -> int:
        """Returns the line of the first kept byte other than white space."""
        kept = b"".join(self._kept)
        space = len(kept) - len(kept.lstrip(_SPACE))
        return self._line + kept.count(b"\n", 0, space)

    def _skip_string(self, chunk: bytes, begin: int, position: int) -> int:
        """Returns the position after the string, or the end of the chunk."""
        if self._escaped:
            position += 1
            self._escaped = False
        while True:
            quote = chunk.find(b'"', position)
            stop = len(chunk) if quote < 0 else quote
            self._check_newline(chunk, begin, position, stop)
            part = chunk[position:stop]
            escaped = (len(part) - len(part.rstrip(b"\\"))) % 2 == 1
            if quote < 0:
                self._escaped = escaped
                return stop
            position = quote + 1
            if not escaped:
                self._in_string = False
                return position

    def _check_newline(
        self, chunk: bytes, begin: int, position: int, stop: int
    ) -> None:
        # Otherwise one missing quote would invert all later strings.
        newline = chunk.find(b"\n", position, stop)
        if newline < 0:
            return
        line = self._line + chunk.count(b"\n", begin, newline)
        line += sum(kept.count(b"\n") for kept in self._kept)
        raise self._source.place(line).error(
            "a string of the JSON array is not closed on its line", _MEND
        )
