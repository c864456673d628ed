"""Lines packed into sequences, within one document."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from biaffine_tf.tokenization import Pieces

_SENTENCE_END = re.compile(
    r"""[。！？；…!?]+[”’」』）》】"')\]]*|\.["')\]]*(?=\s)"""
)


class PieceRun(NamedTuple):
    """Pieces that stand one after the other, without [CLS] and [SEP].

    Attributes:
        ids: Vocabulary id of each piece.
        word_starts: 1 for each piece that begins a word, 0 for the others.
    """

    ids: list[int]
    word_starts: bytearray


def pack(runs: Iterable[PieceRun], max_pieces: int) -> Iterator[PieceRun]:
    """Joins runs, in order, to sequences; each begins when the last is full.

    Args:
        runs: Of one document, none longer than `max_pieces`; none is cut.
        max_pieces: Longest sequence.

    Yields:
        The sequences, which hold every piece once.
    """
    ids, word_starts = list[int](), bytearray()
    for run in runs:
        if ids and len(ids) + len(run.ids) > max_pieces:
            yield PieceRun(ids, word_starts)
            ids, word_starts = [], bytearray()
        ids += run.ids
        word_starts += run.word_starts
    if ids:
        yield PieceRun(ids, word_starts)


def split_line(
    text: str, pieces: Pieces, word_starts: bytes, max_pieces: int
) -> Iterator[PieceRun]:
    """A line as runs that fit: whole, or its sentences, or parts of them.

    Args:
        text: The line.
        pieces: Its pieces.
        word_starts: 1 for each piece that begins a word.
        max_pieces: Longest run.

    Yields:
        The runs, together the whole line. Each begins a word, even where a
        word was cut.
    """
    for begin, end in _ranges(text, pieces, max_pieces):
        starts = bytearray(word_starts[begin:end])
        starts[0] = 1
        yield PieceRun(list(pieces.ids[begin:end]), starts)


def _ranges(
    text: str, pieces: Pieces, max_pieces: int
) -> Iterator[tuple[int, int]]:
    """Non-empty ranges of pieces, at most `max_pieces` each."""
    bounds = [0, len(pieces)]
    if len(pieces) > max_pieces:
        firsts = [start for start, _ in pieces.offsets]
        ends = (match.end() for match in _SENTENCE_END.finditer(text))
        bounds[1:1] = [bisect.bisect_left(firsts, end) for end in ends]
    for begin, end in itertools.pairwise(bounds):
        for part in range(begin, end, max_pieces):
            yield part, min(part + max_pieces, end)


def cut_text(text: str, longest: int) -> Iterator[str]:
    """Cuts a text behind sentences if there are any, else anywhere.

    Args:
        text: A text.
        longest: Most characters of a part.

    Yields:
        The parts, together the whole text.
    """
    begin = 0
    while len(text) - begin > longest:
        stop = begin + longest
        matches = _SENTENCE_END.finditer(text, begin, stop)
        end = max((match.end() for match in matches), default=stop)
        yield text[begin:end]
        begin = end
    yield text[begin:]
