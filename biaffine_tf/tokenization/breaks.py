"""Break points of texts: after sentences, else after clauses or words."""

from __future__ import annotations

import re

import numpy as np

from biaffine_tf.tokenization.base import Tokens

# Sentences end at these marks with the closing quotes and brackets after them;
# a full stop counts only before a space, because of numbers and addresses.
SENTENCE_MARKS = "。！？；!?;…"
LINE_ENDS = "\n\r\u2028\u2029"
CLOSERS = "”’」』）】》〉\"')]}"
CLAUSE_MARKS = "，,、：:"

_LINE_END = re.compile(f"[{LINE_ENDS}]")
_CLOSED = f"[{re.escape(CLOSERS)}]*"
_SENTENCE_END = re.compile(
    rf"(?:[{SENTENCE_MARKS}{LINE_ENDS}]|\.(?={_CLOSED}\s))+{_CLOSED}\s*"
)
_WEAK_END = re.compile(rf"[{CLAUSE_MARKS}]\s*|\s+")


def break_strengths(text: str, tokens: Tokens) -> np.ndarray:
    """Computes how well a text can be divided before each token.

    Args:
        text: The text.
        tokens: Its tokens.

    Returns:
        uint8 `[N]`: 2 after a sentence (or a line), 1 after a clause or a word
        that a space follows, else 0. Always 0 before the first token and
        between tokens that share a character.
    """
    strengths = np.zeros(len(tokens), np.uint8)
    if not len(tokens):
        return strengths
    starts, ends = np.array(tokens.offsets).T
    for strength, pattern in enumerate((_WEAK_END, _SENTENCE_END), start=1):
        places = np.fromiter(
            (match.end() for match in pattern.finditer(text)), np.int64
        )
        behind = np.searchsorted(starts, places)  # first token from there on
        inner = (behind > 0) & (behind < len(tokens))
        places, behind = places[inner], behind[inner]
        strengths[behind[ends[behind - 1] <= places]] = strength
    return strengths


def line_ranges(text: str, tokens: Tokens) -> list[tuple[int, int]]:
    """Finds the tokens of each line of a text.

    Args:
        text: The text.
        tokens: Its tokens.

    Returns:
        Ranges [first, end) of tokens, in order, of lines that have any. They
        leave out tokens that are line ends.
    """
    starts, ends = np.array(tokens.offsets).reshape(-1, 2).T
    places = np.fromiter(
        (match.start() for match in _LINE_END.finditer(text)), np.int64
    )
    lines = np.searchsorted(places, starts)
    inner = np.flatnonzero(lines == np.searchsorted(places, ends))
    if not len(inner):
        return []
    bounds = np.flatnonzero(np.diff(lines[inner])) + 1
    return [
        (int(line[0]), int(line[-1]) + 1) for line in np.split(inner, bounds)
    ]
