"""Word boundaries, at which entities begin and end.

A candidate must begin and end with a word; others are dropped before decoding,
so that the next best candidates take their place.

A sentence that comes in words (columns, token lists) has these words. For plain
text a rule gives pairs of neighbouring characters that are never divided, such
as two letters. Between all other characters, including white space and Chinese
ones, entities may begin and end. `word_evidence` learns the rule
`config.DecodingConfig.word_rule`, and `export.words` applies it in the graph.

A rule that keeps whole tokens together ("only white space separates words")
would be true of columns, whose tokens are joined with spaces, but would miss
"Paris" in "in Paris." in plain text. Pairs of characters are counted as if
there were no space between tokens.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from biaffine_tf.config import DecodingConfig, WordBoundaries
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization.base import Tokens

LETTER, DIGIT, OTHER = "a", "0", " "
# Scripts whose words are separated by spaces or marks, by the names of their
# characters. Scripts without spaces, and those that write particles onto words
# (Hangul, Arabic, Hebrew, Ethiopic), are left out.
_SCRIPTS = (
    *("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN"),
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA"),
    *("TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA"),
)
_NAMES = tuple(
    f"{prefix}{script} " for script in _SCRIPTS for prefix in ("", "FULLWIDTH ")
)
_DIGITS = (*_NAMES, "FULLWIDTH ")
# Variants of characters; a soft hyphen is inside a word.
_SAME = {"\u2018": "'", "\u2019": "'", "\u02bc": "'"}
_SAME |= {"\u2010": "-", "\u2011": "-", "\u00ad": LETTER}
_BEHIND = np.iinfo(np.int64).max  # all tokens


def shape(text: str) -> str:
    """Converts a text to its shape: a symbol for each character.

    `LETTER` stands for letters of scripts with spaces between words, and for
    combining marks; `DIGIT` for digits used with them; ASCII punctuation for
    itself, also for variants of quotes and hyphens; `OTHER` for all else.

    Example:
        >>> shape("Zoë’s 3 猫")
        "aaa'a 0  "
    """
    return text.translate(_SYMBOLS)


def symbol(character: str) -> str:
    """Returns the ASCII symbol of a character in the shape of a text."""
    if character in _SAME:
        return _SAME[character]
    category = unicodedata.category(character)
    name = unicodedata.name(character, "")
    if category == "Nd":
        is_known = character.isascii() or name.startswith(_DIGITS)
        return DIGIT if is_known else OTHER
    if category[0] in "LM" and name.startswith(_NAMES):
        return LETTER
    if category[0] == "M" and name.startswith("COMBINING "):
        return OTHER if "KATAKANA" in name else LETTER
    is_mark = character.isascii() and category[0] in "PS"
    return character if is_mark else OTHER


class _Symbols(dict[int, str]):
    """Symbols of code points, computed on demand."""

    def __missing__(self, code_point: int) -> str:
        return self.setdefault(code_point, symbol(chr(code_point)))


_SYMBOLS = _Symbols()


class WordRule:
    """Pairs of neighbouring characters that no word boundary divides.

    Args:
        pairs: Pairs of symbols of `shape`, separated by spaces; validated by
            `DecodingConfig`.

    Example:
        >>> WordRule("aa a0 0a 00").inside("B2B, ok").tolist()
        [False, True, True, False, False, False, True, False]
    """

    def __init__(self, pairs: str) -> None:
        self.pairs = frozenset(pairs.split())
        # Indexed by the ASCII codes of both symbols.
        self.table = np.zeros([128, 128], bool)
        for pair in self.pairs:
            self.table[ord(pair[0]), ord(pair[1])] = True

    @classmethod
    def of(cls, decoding: DecodingConfig) -> WordRule | None:
        """Returns the rule of some settings; None if there is none."""
        if decoding.word_boundaries is WordBoundaries.FREE:
            return None
        return cls(decoding.word_rule)

    def inside(self, text: str) -> np.ndarray:
        """Marks the places inside words.

        Args:
            text: The text.

        Returns:
            bool `[len(text) + 1]`: whether each place is inside a word; place
            i is before character i.
        """
        places = np.zeros(len(text) + 1, bool)
        symbols = np.frombuffer(shape(text).encode("ascii"), np.uint8)
        places[1:-1] = self.table[symbols[:-1], symbols[1:]]
        return places


def cut_spans(sentence: Sentence, rule: WordRule) -> list[Span]:
    """Finds the spans of a sentence that begin or end inside a word.

    Args:
        sentence: Sentence; its own words take precedence over the rule.
        rule: Word rule for plain text.

    Returns:
        Spans that cannot be predicted if entities begin and end at words.
    """
    if not sentence.spans:
        return []
    if sentence.words is None:
        inside = rule.inside(sentence.text)
        return [s for s in sentence.spans if inside[[*s[:2]]].any()]
    starts, ends = ({word[i] for word in sentence.words} for i in (0, 1))
    return [
        span
        for span in sentence.spans
        if span.start not in starts or span.end not in ends
    ]


class Edges(NamedTuple):
    """Tokens that entities may begin and end with.

    Attributes:
        begins: Whether a word begins with each token, bool `[N]`.
        ends: Whether a word ends with each token, bool `[N]`.
    """

    begins: np.ndarray
    ends: np.ndarray

    def admit(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Whether pairs of first and last token may be entities, bool."""
        return self.begins[first] & self.ends[last]


def find_edges(
    sentence: Sentence, tokens: Tokens, rule: WordRule | None
) -> Edges | None:
    """Finds where entities of a sentence may begin and end.

    Args:
        sentence: Sentence; its own words take precedence over the rule.
        tokens: Tokens of the sentence.
        rule: Word rule for plain text; None for no restriction.

    Returns:
        The tokens; None if any token may be an edge.
    """
    if rule is None or (sentence.words is None and not rule.pairs):
        return None
    starts, ends = np.array(tokens.offsets, np.int64).reshape(-1, 2).T
    if sentence.words is not None:
        return _given_edges(sentence.words, starts, ends)
    inside = rule.inside(sentence.text)
    return Edges(~inside[starts], ~inside[ends])


def _given_edges(
    words: Sequence[tuple[int, int]], starts: np.ndarray, ends: np.ndarray
) -> Edges:
    """Finds the edges of given words, without characters that have no token.

    A word begins with the first token in it, unless that begins before the
    word, and likewise for ends.
    """
    word_starts, word_ends = np.array(words, np.int64).reshape(-1, 2).T
    first = np.searchsorted(starts, word_starts)
    last = np.searchsorted(ends, word_ends, side="right") - 1
    is_first = np.append(starts, _BEHIND)[first] < word_ends
    is_first &= np.insert(ends, 0, 0)[first] <= word_starts
    is_last = np.insert(ends, 0, 0)[last + 1] > word_starts
    is_last &= np.append(starts, _BEHIND)[last + 1] >= word_ends
    return Edges(_share(starts, first[is_first]), _share(ends, last[is_last]))


def _share(places: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Marks the tokens that share the place of a chosen one, bool."""
    is_chosen = np.zeros(places.max(initial=-1) + 1, bool)
    is_chosen[places[chosen]] = True
    return is_chosen[places]
