"""Share of [UNK] in the tokens and entities of the data."""

from __future__ import annotations

from collections.abc import Iterator

from biaffine_tf.corpora.checks.check import Check, Row, Side
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Tokenizer
from biaffine_tf.tokenization.unknown import UnknownTokens

_SHOWN = 6  # characters or words
_LONGEST = 20  # characters of a word


class Unknown(Check):
    """Counts what the vocabulary lacks.

    Args:
        train: Counts of the training data.
        tokenizer: Text to tokens.
    """

    def __init__(self, train: UnknownTokens, tokenizer: Tokenizer) -> None:
        self._counts = {Side.TRAIN: train}
        self._dev = UnknownTokens(tokenizer)

    def add(self, sentence: Sentence, side: Side) -> None:
        """Counts a dev sentence; the training data were counted before."""
        if side is Side.DEV:
            self._counts[side] = self._dev
            self._dev.add(sentence)

    def rows(self) -> Iterator[Row]:
        """Yields the shares of [UNK], and what the commonest ones are."""
        for name, figure in (
            ("tokens", lambda one: f"{one.tokens:,}"),
            ("  [UNK]", lambda one: f"{100 * one.token_share:.2f} %"),
            (
                "  entities with [UNK]",
                lambda one: f"{100 * one.entity_share:.2f} %",
            ),
            (
                "  commonest unknown",
                lambda one: " ".join(map(_visible, one.commonest(_SHOWN)))
                or "-",
            ),
        ):
            yield Row(
                name, {side: figure(one) for side, one in self._counts.items()}
            )

    def warnings(self) -> Iterator[str]:
        """Yields what to change if many entities hold [UNK]."""
        for side, counts in self._counts.items():
            if warning := counts.warning():
                yield f"{side}: {warning}"


def _visible(text: str) -> str:
    """Characters that can be seen, code points of others; the end cut off."""
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "\u2026"
    return "".join(
        one if one.isprintable() and not one.isspace() else f"U+{ord(one):04X}"
        for one in text
    )
