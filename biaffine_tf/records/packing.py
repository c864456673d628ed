"""Lines packed into sequences, within one document."""

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
    """Tokens that stand one after the other, without [CLS] and [SEP].

    Attributes:
        ids: Vocabulary id of each token.
        word_starts: 1 for each token that begins a word, 0 for the others.
    """

    ids: list[int]
    word_starts: bytearray


def pack(runs: Iterable[TokenRun], max_tokens: int) -> Iterator[TokenRun]:
    """Joins runs, in order, to sequences; each begins when the last is full.

    Args:
        runs: Of one document, none longer than `max_tokens`; none is cut.
        max_tokens: Longest sequence.

    Yields:
        The sequences, which hold every token once.
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
    """A line as runs that fit: whole, or its sentences, or parts of them.

    Args:
        text: The line.
        tokens: Its tokens.
        word_starts: 1 for each token that begins a word.
        max_tokens: Longest run.

    Yields:
        The runs, together the whole line. Each begins a word, even where a
        word was cut.
    """
    for begin, end in _ranges(text, tokens, max_tokens):
        starts = bytearray(word_starts[begin:end])
        starts[0] = 1
        yield TokenRun(list(tokens.ids[begin:end]), starts)


def _ranges(
    text: str, tokens: Tokens, max_tokens: int
) -> Iterator[tuple[int, int]]:
    """Non-empty ranges of tokens, at most `max_tokens` each."""
    bounds = [0, len(tokens)]
    if len(tokens) > max_tokens:
        firsts = [start for start, _ in tokens.offsets]
        ends = (match.end() for match in _SENTENCE_END.finditer(text))
        bounds[1:1] = [bisect.bisect_left(firsts, end) for end in ends]
    for begin, end in itertools.pairwise(bounds):
        for part in range(begin, end, max_tokens):
            yield part, min(part + max_tokens, end)


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
