"""Share of [UNK] in labelled data, and whether a setting would lower it."""

from __future__ import annotations

import bisect
import collections
from collections.abc import Iterable, Iterator

from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import (
    Tokenizer,
    Tokens,
    choose_kind,
    make_tokenizer,
)

_WORTH_WARNING = 0.01  # of the entities
_WORTH_CHANGING = 0.5  # of that share, which another setting must leave at most
# Sentences with entities that other settings are tried on.
_KEPT = 20_000


class UnknownTokens:
    """Counts of [UNK] among the tokens and entities of sentences.

    An entity counts if any of its tokens is [UNK], to which all that the
    vocabulary lacks is alike.

    Example:
        >>> unknown = UnknownTokens(tokenizer).add_all(formats.read(path))
        >>> f"{unknown.token_share:.4f} {unknown.entity_share:.4f}"
        '0.0021 0.0065'

    Attributes:
        tokens: Tokens of all sentences.
        unknown_tokens: Those that are [UNK].
        entities: Gold spans of all sentences.
        unknown_entities: Those that hold [UNK].
        hiding_entities: Those that hold [UNK] for anything but white space.
        unknown: Occurrences of characters that make [UNK]; whole words where
            each of their characters is known.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Creates the counts, all of them 0.

        Args:
            tokenizer: Text to tokens.
        """
        self._tokenizer = tokenizer
        self._kept: list[Sentence] = []
        self.tokens = self.unknown_tokens = 0
        self.entities = self.unknown_entities = self.hiding_entities = 0
        self.unknown: collections.Counter[str] = collections.Counter()

    def add(self, sentence: Sentence, tokens: Tokens | None = None) -> None:
        """Counts a sentence.

        Args:
            sentence: With its gold spans, or without any.
            tokens: Its tokens, if they are there already.
        """
        if tokens is None:
            tokens = self._tokenizer.encode(sentence.text)
        unknown = _unknown_ranges(tokens, self._tokenizer.unk_id)
        self.tokens += len(tokens)
        self.unknown_tokens += len(unknown)
        for start, end in unknown:
            self.unknown.update(self._causes(sentence.text[start:end]))
        if sentence.spans:
            self.entities += len(sentence.spans)
            self.unknown_entities += _entities_with(sentence, unknown)
            self.hiding_entities += _entities_with(
                sentence, _visible(sentence, unknown)
            )
            if len(self._kept) < _KEPT:
                self._kept.append(sentence)

    def add_all(self, sentences: Iterable[Sentence]) -> UnknownTokens:
        """Counts sentences; returns itself."""
        for sentence in sentences:
            self.add(sentence)
        return self

    @property
    def token_share(self) -> float:
        """Share of [UNK] among the tokens."""
        return self.unknown_tokens / max(self.tokens, 1)

    @property
    def entity_share(self) -> float:
        """Share of the entities that hold [UNK]."""
        return self.unknown_entities / max(self.entities, 1)

    def commonest(self, most: int) -> list[str]:
        """The commonest of what is unknown, at most so many, in order."""
        ranked = sorted(self.unknown.items(), key=lambda item: (-item[1], item))
        return [text for text, _ in ranked[:most]]

    def warning(self) -> str | None:
        """Remedy if too many entities hold [UNK]; None if few do."""
        share = self.hiding_entities / max(self.entities, 1)
        if share <= _WORTH_WARNING:
            return None
        return (
            f"{_percent(share)} of the entities hold [UNK] for characters that "
            f"the vocabulary lacks; {self._remedy()}"
        )

    def _causes(self, text: str) -> Iterable[str]:
        """Characters that make the text of an [UNK] unknown."""
        characters = [c for c in text if not self._tokenizer.knows(c)]
        return characters or [text]

    def _remedy(self) -> str:
        """The setting that leaves the fewest; another vocabulary if none."""
        now = self._share_with(self._tokenizer)
        shares = {
            setting: self._share_with(tokenizer)
            for setting, tokenizer in self._alternatives()
        }
        best = min(shares, key=shares.__getitem__)
        if shares[best] <= _WORTH_CHANGING * now:
            return f"{best} would make it {_percent(shares[best])}"
        return (
            "no --tokenizer or --do_lower_case helps: take an encoder whose "
            "vocabulary has these characters, or for a random start make a "
            "vocabulary with python -m biaffine_tf.vocabulary"
        )

    def _alternatives(self) -> Iterator[tuple[str, Tokenizer]]:
        """Other settings with the same vocabulary, and what gives them.

        Another kind of tokenizer is one only where it is what would have been
        chosen: single letters are hardly ever unknown, but say little.
        """
        now = self._tokenizer
        texts = (sentence.text for sentence in self._kept)
        chosen = choose_kind(now.vocabulary, texts).value
        for kind in dict.fromkeys((now.kind, chosen)):
            for lower in (now.do_lower_case, not now.do_lower_case):
                flags = []
                if kind != now.kind:
                    flags.append(f"--tokenizer={kind}")
                if lower != now.do_lower_case:
                    flags.append(f"--{'' if lower else 'no'}do_lower_case")
                if flags:
                    changes = {"kind": kind, "do_lower_case": lower}
                    config = now.to_config() | changes
                    yield (
                        " ".join(flags),
                        make_tokenizer(vocabulary=now.vocabulary, **config),
                    )

    def _share_with(self, tokenizer: Tokenizer) -> float:
        """Share of hiding entities among those kept, with a tokenizer."""
        entities = hiding_entities = 0
        for sentence in self._kept:
            tokens = tokenizer.encode(sentence.text)
            unknown = _unknown_ranges(tokens, tokenizer.unk_id)
            entities += len(sentence.spans or ())
            hiding_entities += _entities_with(
                sentence, _visible(sentence, unknown)
            )
        return hiding_entities / max(entities, 1)


def _unknown_ranges(tokens: Tokens, unk_id: int) -> list[tuple[int, int]]:
    """Character ranges of the tokens that are [UNK], in order."""
    return [
        offsets
        for token, offsets in zip(tokens.ids, tokens.offsets, strict=True)
        if token == unk_id
    ]


def _visible(
    sentence: Sentence, ranges: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Ranges of a sentence that are not white space alone."""
    return [
        (start, end)
        for start, end in ranges
        if not sentence.text[start:end].isspace()
    ]


def _entities_with(sentence: Sentence, ranges: list[tuple[int, int]]) -> int:
    """Number of spans that share a character with any of the ranges."""
    ends = [end for _, end in ranges]
    found = 0
    for span in sentence.spans or ():
        first = bisect.bisect_right(ends, span.start)
        found += first < len(ranges) and ranges[first][0] < span.end
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
