"""Statistics of [UNK] in labelled data, and settings that reduce it."""

from __future__ import annotations

import bisect
import collections
from collections.abc import Iterable, Iterator

from biaffine_tf.config import TokenizerKind
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import (
    Tokenizer,
    Tokens,
    choose_kind,
    make_tokenizer,
)

_WORTH_WARNING = 0.01  # minimum fraction of entities
_WORTH_CHANGING = 0.5  # maximum ratio with another setting to advise it
# Number of sentences with entities to try other settings on.
_KEPT = 20_000


class UnknownTokens:
    """Counts of [UNK] among the tokens and entities of sentences.

    An entity counts if any of its tokens is [UNK], which the model cannot tell
    from other unknown text.

    Example:
        >>> unknown = UnknownTokens(tokenizer).add_all(formats.read(path))
        >>> f"{unknown.token_share:.4f} {unknown.entity_share:.4f}"
        '0.0021 0.0065'

    Attributes:
        tokens: Number of tokens.
        unknown_tokens: Number of tokens that are [UNK].
        entities: Number of gold spans.
        unknown_entities: Number of gold spans that contain [UNK].
        hiding_entities: Number of gold spans that contain [UNK] for anything
            except white space.
        unknown: Counts of the characters that cause [UNK], or of whole words
            whose characters are all known.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Creates empty counts.

        Args:
            tokenizer: Tokenizer of the encoder.
        """
        self._tokenizer = tokenizer
        self._kept: list[Sentence] = []
        self.tokens = self.unknown_tokens = 0
        self.entities = self.unknown_entities = self.hiding_entities = 0
        self.unknown: collections.Counter[str] = collections.Counter()

    def add(self, sentence: Sentence, tokens: Tokens | None = None) -> None:
        """Counts a sentence.

        Args:
            sentence: Sentence with or without gold spans.
            tokens: Its tokens; None to tokenize it.
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
        """Counts sentences; returns the object itself."""
        for sentence in sentences:
            self.add(sentence)
        return self

    @property
    def token_share(self) -> float:
        """Fraction of tokens that are [UNK]."""
        return self.unknown_tokens / max(self.tokens, 1)

    @property
    def entity_share(self) -> float:
        """Fraction of entities that contain [UNK]."""
        return self.unknown_entities / max(self.entities, 1)

    def commonest(self, limit: int) -> list[str]:
        """Returns the most common unknown text, up to a number."""
        ranked = sorted(self.unknown.items(), key=lambda item: (-item[1], item))
        return [text for text, _ in ranked[:limit]]

    def warning(self) -> str | None:
        """Returns advice if many entities contain [UNK], else None."""
        share = self.hiding_entities / max(self.entities, 1)
        if share <= _WORTH_WARNING:
            return None
        return (
            f"{_percent(share)} of the entities hold [UNK] for characters that "
            f"the vocabulary lacks; {self._remedy()}"
        )

    def _causes(self, text: str) -> Iterable[str]:
        characters = [c for c in text if not self._tokenizer.knows(c)]
        return characters or [text]

    def _remedy(self) -> str:
        """Advises the best setting, or another vocabulary."""
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
        """Yields flags of other settings, with their tokenizers.

        Another kind of tokenizer is included only if it would be chosen: single
        letters are hardly ever unknown, but carry little information.
        """
        now = self._tokenizer
        if now.kind is TokenizerKind.SUBWORD:
            return
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
    """Returns the character ranges of [UNK] tokens, in order."""
    return [
        offsets
        for token, offsets in zip(tokens.ids, tokens.offsets, strict=True)
        if token == unk_id
    ]


def _visible(
    sentence: Sentence, ranges: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    return [
        (start, end)
        for start, end in ranges
        if not sentence.text[start:end].isspace()
    ]


def _entities_with(sentence: Sentence, ranges: list[tuple[int, int]]) -> int:
    ends = [end for _, end in ranges]
    count = 0
    for span in sentence.spans or ():
        first = bisect.bisect_right(ends, span.start)
        count += first < len(ranges) and ranges[first][0] < span.end
    return count


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
