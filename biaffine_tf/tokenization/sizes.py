"""Lengths of sentences and widths of spans, in tokens."""

from __future__ import annotations

import collections
import dataclasses

from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization.alignment import align
from biaffine_tf.tokenization.base import Tokens


@dataclasses.dataclass
class TokenSizes:
    """Counts of lengths and widths in a corpus.

    Attributes:
        lengths: Number of sentences by length in tokens, without [CLS] and
            [SEP]; sentences without tokens do not count.
        widths: Number of spans by width in tokens.
    """

    lengths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    widths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )

    def add(self, sentence: Sentence, tokens: Tokens) -> None:
        """Counts a sentence.

        Args:
            sentence: The sentence, labelled or not.
            tokens: Its tokens.
        """
        if len(tokens.ids):
            self.lengths[len(tokens.ids)] += 1
        cells = align(sentence.spans or (), tokens.offsets).cells
        self.widths.update(last - first + 1 for first, last, _ in cells)
