"""Packing of the lines of a document into sequences."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from biaffine_tf.tokenization import Tokens

_SENTENCE_END = re.compile(
    r"""[。！？；…!?]+[”’」』）》】"')\]]*|\.["')\]]*(?=\s)"""
)


class TokenRun(NamedTuple):
    """Consecutive tokens, without [CLS] and [SEP].

    Attributes:
        ids: Vocabulary id of each token.
        word_starts: 1 for each token that begins a word, else 0.
    """

    ids: list[int]
    word_starts: bytearray


def pack(runs: Iterable[TokenRun], max_tokens: int) -> Iterator[TokenRun]:
    """Joins runs to sequences, in order; a new one begins when one is full.

    Args:
        runs: Runs of one document, not longer than `max_tokens`.
        max_tokens: Maximum length of a sequence.

    Yields:
        Sequences with every token once; runs are not divided.
    """
    ids, word_starts = list[int](), bytearray()
    for run in runs:
        if ids and len(ids) + len(run.ids) > max_tokens:
            yield TokenRun(ids, word_starts)
            ids, word_starts = [], bytearray()
        ids += run.ids
        word_starts += run.word_starts
    if ids:
        yield TokenRun(ids, word_starts)


def split_line(
    text: str, tokens: Tokens, word_starts: bytes, max_tokens: int
) -> Iterator[TokenRun]:
    """Divides a line into runs: the whole, its sentences, or their parts.

    Args:
        text: The line.
        tokens: Tokens of the line.
        word_starts: 1 for each token that begins a word, else 0.
        max_tokens: Maximum length of a run.

    Yields:
        The runs, together the whole line. The first token of a run counts as
        the begin of a word.
    """
    for begin, end in _ranges(text, tokens, max_tokens):
        starts = bytearray(word_starts[begin:end])
        starts[0] = 1
        yield TokenRun(list(tokens.ids[begin:end]), starts)


def _ranges(
    text: str, tokens: Tokens, max_tokens: int
) -> Iterator[tuple[int, int]]:
    bounds = [0, len(tokens)]
    if len(tokens) > max_tokens:
        firsts = [start for start, _ in tokens.offsets]
        ends = (match.end() for match in _SENTENCE_END.finditer(text))
        bounds[1:1] = [bisect.bisect_left(firsts, end) for end in ends]
    for begin, end in itertools.pairwise(bounds):
        for part in range(begin, end, max_tokens):
            yield part, min(part + max_tokens, end)


def cut_text(text: str, longest: int) -> Iterator[str]:
    """Divides a text after sentences if there are any, else anywhere.

    Args:
        text: A text.
        longest: Maximum number of characters in a part.

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
