"""The word rule for plain text, in the graph."""

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
    """Drops candidates that cut words; twin of `tokenization.words`.

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
        """Returns the candidates that begin and end at word boundaries.

        Args:
            candidates: Candidates in characters, in any order.
            code_points: Texts of their sentences, int32 `[B, (T)]`.

        Returns:
            The remaining candidates, in the given order.
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
        """Whether a word continues before each code point, and after the last.

        Texts are concatenated, so that one place serves the end of a text and
        the begin of the next.

        Returns:
            bool `[T + 1]`.
        """
        texts = tf.cast(code_points.value_rowids(), tf.int32)
        symbols = self._symbols(code_points.values)
        pairs = tf.stack([shift(symbols, 0), symbols], axis=1)
        goes_on = tf.gather_nd(self._table, pairs) & (texts == shift(texts, -1))
        return tf.concat([goes_on, [False]], 0)
