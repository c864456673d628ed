"""Check for [UNK] in the tokens and entities of the data."""

from __future__ import annotations

from collections.abc import Iterator

from biaffine_tf.corpora.checks.check import Check, Row, Side
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Tokenizer
from biaffine_tf.tokenization.unknown import UnknownTokens

_MAX_SHOWN = 6  # characters or words
_MAX_LENGTH = 20  # characters of a word


class Unknown(Check):
    """Counts tokens and entities with [UNK].

    Args:
        train: Counts of the training data.
        tokenizer: Tokenizer of the encoder.
    """

    def __init__(self, train: UnknownTokens, tokenizer: Tokenizer) -> None:
        self._counts = {Side.TRAIN: train}
        self._dev = UnknownTokens(tokenizer)

    def add(self, sentence: Sentence, side: Side) -> None:
        """Counts a dev sentence; training data are counted elsewhere."""
        if side is Side.DEV:
            self._counts[side] = self._dev
            self._dev.add(sentence)

    def rows(self) -> Iterator[Row]:
        """Yields the fractions of [UNK] and the most frequent unknowns."""
        for name, value in (
            ("tokens", lambda one: f"{one.tokens:,}"),
            ("  [UNK]", lambda one: f"{100 * one.token_share:.2f} %"),
            (
                "  entities with [UNK]",
                lambda one: f"{100 * one.entity_share:.2f} %",
            ),
            (
                "  commonest unknown",
                lambda one: " ".join(map(_visible, one.commonest(_MAX_SHOWN)))
                or "-",
            ),
        ):
            yield Row(
                name, {side: value(one) for side, one in self._counts.items()}
            )

    def warnings(self) -> Iterator[str]:
        """Yields a remedy if many entities contain [UNK]."""
        for side, counts in self._counts.items():
            if warning := counts.warning():
                yield f"{side}: {warning}"


def _visible(text: str) -> str:
    """Shows invisible characters as code points, and shortens the text."""
    if len(text) > _MAX_LENGTH:
        text = text[:_MAX_LENGTH] + "\u2026"
    return "".join(
        one if one.isprintable() and not one.isspace() else f"U+{ord(one):04X}"
        for one in text
    )
