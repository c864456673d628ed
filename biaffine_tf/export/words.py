"""Twin of the rule that tells the words of plain text, in the graph."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.export.code_points import (
    NUM_CODE_POINTS,
    CodePointTable,
)
from biaffine_tf.export.vectors import shift
from biaffine_tf.tokenization import WordRule
from biaffine_tf.tokenization.words import symbol


class GraphWordRule(tf.Module):
    """Drops candidates as `tokenization.words` does for plain text, exactly.

    Args:
        rule: The twin in Python.
    """

    def __init__(self, rule: WordRule) -> None:
        super().__init__()
        symbols = [ord(symbol(chr(code))) for code in range(NUM_CODE_POINTS)]
        self._symbols = CodePointTable(np.array(symbols))
        self._table = tf.constant(rule.table)

    def __call__(
        self, candidates: CandidateTensors, code_points: tf.RaggedTensor
    ) -> CandidateTensors:
        """The candidates that begin and end at words.

        Args:
            candidates: In characters, in any order.
            code_points: The texts of their sentences, int32 `[B, (T)]`.

        Returns:
            Those left, in the order given.
        """
        inside = self._inside(code_points)
        begin = tf.gather(
            tf.cast(code_points.row_starts(), tf.int32), candidates.sentences
        )
        return candidates.where(
            ~tf.gather(inside, begin + candidates.starts)
            & ~tf.gather(inside, begin + candidates.ends)
        )

    def _inside(self, code_points: tf.RaggedTensor) -> tf.Tensor:
        """Whether a word goes on before each code point, and behind the last.

        A text begins where the one before it has ended, so that one place
        serves for both.

        Returns:
            bool `[T + 1]`.
        """
        texts = tf.cast(code_points.value_rowids(), tf.int32)
        symbols = self._symbols(code_points.values)
        pairs = tf.stack([shift(symbols, 0), symbols], axis=1)
        goes_on = tf.gather_nd(self._table, pairs) & (texts == shift(texts, -1))
        return tf.concat([goes_on, [False]], 0)
