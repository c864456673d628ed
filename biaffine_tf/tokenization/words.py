"""Words, at which entities begin and end.

A candidate is admitted if its first token begins a word and its last one ends
one; the others are dropped before anything is decided, so that the decoder
fills their room with the next best.

Where a sentence came in words (columns, token lists), these are its words. In
plain text a rule tells them by pairs of neighbouring characters: no word begins
or ends between two letters, for example. It says where words do not end and
nothing else: between all other characters, white space and Chinese ones
included, entities are free to begin and end. `word_evidence` learns the rule
from training data. It is stored with the model as
`config.DecodingConfig.word_rule`, and `export.words` applies it in the graph.

A rule that keeps whole tokens together ("nothing but white space separates
words") would be true of columns, whose tokens are joined with spaces, and
would lose the "Paris" of "in Paris." in plain text. Pairs of characters are
judged as if tokens had no space between them.
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
# Scripts whose words stand between spaces or marks, by the names of their
# characters. Others are free: those without spaces, and those that write
# particles onto words (Hangul, Arabic, Hebrew, Ethiopic).
_SCRIPTS = (
    *("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "GEORGIAN"),
    *("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA"),
    *("TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA"),
)
_NAMES = tuple(
    f"{prefix}{script} " for script in _SCRIPTS for prefix in ("", "FULLWIDTH ")
)
_DIGITS = (*_NAMES, "FULLWIDTH ")
# Characters that are written in several ways; a soft hyphen is inside a word.
_SAME = {"\u2018": "'", "\u2019": "'", "\u02bc": "'"}
_SAME |= {"\u2010": "-", "\u2011": "-", "\u00ad": LETTER}
_BEHIND = np.iinfo(np.int64).max  # all tokens


def shape(text: str) -> str:
    """The shape of a text: a symbol for each of its characters.

    `LETTER` stands for letters of scripts that are written with spaces between
    words, and for combining marks; `DIGIT` for digits that go with them; ASCII
    punctuation for itself, and quotes and hyphens for those of ASCII; `OTHER`
    for all else.

    Example:
        >>> shape("Zoë’s 3 猫")
        "aaa'a 0  "
    """
    return text.translate(_SYMBOLS)


def symbol(character: str) -> str:
    """Stands for a character in the shape of a text; one of ASCII."""
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
    """Symbols of code points, found when they are first needed."""

    def __missing__(self, code_point: int) -> str:
        return self.setdefault(code_point, symbol(chr(code_point)))


_SYMBOLS = _Symbols()


class WordRule:
    """Pairs of neighbouring characters that no word begins or ends between.

    Args:
        pairs: Two symbols of `shape` each, separated by spaces; checked by
            `DecodingConfig`.

    Example:
        >>> WordRule("aa a0 0a 00").inside("B2B, ok").tolist()
        [False, True, True, False, False, False, True, False]
    """

    def __init__(self, pairs: str) -> None:
        self.pairs = frozenset(pairs.split())
        # By the ASCII codes of both symbols.
        self.table = np.zeros([128, 128], bool)
        for pair in self.pairs:
            self.table[ord(pair[0]), ord(pair[1])] = True

    @classmethod
    def of(cls, decoding: DecodingConfig) -> WordRule | None:
        """The rule of some settings; None where nothing is bound to words."""
        if decoding.word_boundaries is WordBoundaries.FREE:
            return None
        return cls(decoding.word_rule)

    def inside(self, text: str) -> np.ndarray:
        """Places where a word neither begins nor ends.

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
        sentence: The words it came in go before those of the rule.
        rule: Tells the words of plain text.

    Returns:
        The spans that are out of reach where entities begin and end at words.
    """
    if not sentence.spans:
        return []
    if sentence.words is None:
        inside = rule.inside(sentence.text)
        return [one for one in sentence.spans if inside[[*one[:2]]].any()]
    starts, ends = ({word[i] for word in sentence.words} for i in (0, 1))
    return [
        one
        for one in sentence.spans
        if one.start not in starts or one.end not in ends
    ]


class Edges(NamedTuple):
    """Tokens of the encoder that entities may begin and end with.

    Attributes:
        begins: Whether a word begins with it, bool `[N]`.
        ends: Whether a word ends with it, bool `[N]`.
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
        sentence: The words it came in go before those of the rule.
        tokens: Its tokens of the encoder.
        rule: Tells the words of plain text; None where entities are free.

    Returns:
        The edges; None where any token is one.
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
    """Edges of words, less the characters that tokenization takes out.

    A word begins with the first token in it, if none reaches into it from
    before, and ends likewise.
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
    """Which tokens share the place of a chosen one, bool."""
    is_chosen = np.zeros(places.max(initial=-1) + 1, bool)
    is_chosen[places[chosen]] = True
    return is_chosen[places]
