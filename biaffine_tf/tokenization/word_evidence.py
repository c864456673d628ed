"""Learns from training data between which characters words do not end.

A pair of neighbouring characters is joined if it is within a word in at least
`MIN_SHARE` of its places, and not at the end of one and the begin of the next.
Between letters and digits, spaces between words are assumed to be those of the
source. A mark apart from a letter ("Paris .") may have been written onto it, so
such places count against the pair.

Data without words shows edges of words only at the edges of its spans. These
decide whether letters and digits are joined.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Collection, Iterable

from biaffine_tf.choices import Choice
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization.words import DIGIT, LETTER, OTHER, shape

MIN_SHARE = 0.995
# With fewer places, 1 in 200 cannot be told from 0.
MIN_PLACES = 200
_WORD = frozenset(LETTER + DIGIT)
_LETTERS = LETTER + LETTER
_LETTERS_AND_DIGITS = ("aa", "a0", "0a", "00")


class WordEvidence:
    """Counts of character pairs within words and at their edges.

    Example:
        >>> evidence = WordEvidence()
        >>> for sentence in formats.read("train.conll"):
        ...     evidence.add(sentence)
        >>> print(evidence.choose())
        --word_rule=aa a0 0a 00 #a (keeps 100.00% of 125460 edges of words ...)
    """

    def __init__(self) -> None:
        self._words = 0
        self._inside: collections.Counter[str] = collections.Counter()
        self._between: collections.Counter[str] = collections.Counter()
        # Character pairs at both edges of spans, and how many of the first and
        # the last character are letters or digits.
        self._spans: collections.Counter[tuple[str, str, int]] = (
            collections.Counter()
        )

    def add(self, sentence: Sentence) -> None:
        """Counts the pairs of a sentence."""
        symbols = shape(sentence.text)
        words = sentence.words or ()
        self._words += len(words)
        for start, end in words:
            word = symbols[start:end]
            self._inside.update(map("".join, itertools.pairwise(word)))
        for (_, end), (start, _) in itertools.pairwise(words):
            pair = symbols[end - 1] + symbols[start]
            if start == end or pair not in _LETTERS_AND_DIGITS:
                self._between[pair] += 1
        for start, end, *_ in sentence.spans or ():
            before = symbols[max(start - 1, 0) : start + 1]
            behind = symbols[end - 1 : end + 1]
            edges = (symbols[start] in _WORD) + (symbols[end - 1] in _WORD)
            self._spans[before, behind, edges] += 1

    def choose(self) -> Choice:
        """Chooses the rule that the data supports; None if there is none."""
        if self._words:
            return self._choose_by_words()
        return self._choose_by_spans()

    def _choose_by_words(self) -> Choice:
        pairs = [pair for pair in self._inside if self._is_joined(pair)]
        # A place between two words is an edge of both.
        while self._between_all(pairs) > (1 - MIN_SHARE) * self._words:
            pairs.remove(max(pairs, key=self._between.__getitem__))
        if _LETTERS not in pairs:
            return _free(self._explain_no_rule())
        share = 1 - self._between_all(pairs) / self._words
        closed = sum(self._inside[pair] for pair in pairs)
        return self._unless_spans_differ(
            pairs,
            f"keeps {share:.2%} of {2 * self._words} edges of words in the "
            f"training data, closes {closed / self._inside.total():.1%} of "
            "the places inside words",
        )

    def _between_all(self, pairs: Iterable[str]) -> int:
        return sum(self._between[pair] for pair in pairs)

    def _explain_no_rule(self) -> str:
        between = self._between[_LETTERS]
        places = between + self._inside[_LETTERS]
        if places < MIN_PLACES:
            return f"the training data has {places} places between letters"
        return (
            f"words of the training data end at {between} of {places} places "
            "between letters"
        )

    def _is_joined(self, pair: str) -> bool:
        inside = self._inside[pair]
        places = inside + self._between[pair]
        return (
            not _WORD.isdisjoint(pair)
            and OTHER not in pair
            and places >= MIN_PLACES
            and inside >= MIN_SHARE * places
        )

    def _choose_by_spans(self) -> Choice:
        edges, of_words, _ = self._count_edges(_LETTERS_AND_DIGITS)
        reason = (
            f"the training data has no words; {of_words} of {edges} edges of "
            "its spans are at letters or digits"
        )
        if of_words < MIN_PLACES or 2 * of_words < edges:
            return _free(reason)
        return self._unless_spans_differ(_LETTERS_AND_DIGITS, reason)

    def _unless_spans_differ(
        self, pairs: Collection[str], reason: str
    ) -> Choice:
        """Chooses the rule, unless spans begin or end inside its words."""
        _, of_words, cut = self._count_edges(pairs)
        if cut > (1 - MIN_SHARE) * of_words:
            return _free(
                f"{cut} of {of_words} edges of spans at letters or digits "
                "would be inside words"
            )
        if cut:
            reason += f"; {cut} edges are inside words, not found in plain text"
        others = sorted(set(pairs) - set(_LETTERS_AND_DIGITS))
        known = [pair for pair in _LETTERS_AND_DIGITS if pair in pairs]
        return Choice("word_rule", " ".join([*known, *others]), reason)

    def _count_edges(self, pairs: Iterable[str]) -> tuple[int, int, int]:
        """Counts edges of spans: all, at letters and digits, within words."""
        joined = set(pairs)
        all_edges = of_words = within = 0
        for (before, behind, own), count in self._spans.items():
            all_edges += 2 * count
            of_words += own * count
            within += ((before in joined) + (behind in joined)) * count
        return all_edges, of_words, within


def learn_word_rule(sentences: Iterable[Sentence]) -> Choice:
    """Chooses the word rule for plain text.

    Args:
        sentences: Sentences of the training data, or a sample.

    Returns:
        Choice of `DecodingConfig.word_rule`; None if the data supports no rule,
        so that entities of plain text may begin and end anywhere.
    """
    evidence = WordEvidence()
    for sentence in sentences:
        evidence.add(sentence)
    return evidence.choose()


def _free(reason: str) -> Choice:
    return Choice("word_rule", None, f"{reason}; plain text stays free")
