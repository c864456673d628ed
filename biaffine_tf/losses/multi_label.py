"""Zero-threshold loss of several labels a pair, over a sentence.

With m the margin of a label, its logit minus that of "none", P the gold spans
of the label in a sentence, and N all other pairs,

    loss = sum over labels of  log(1 + sum_P exp(-m)) + log(1 + sum_N exp(m))

which wants the margins of P above 0 and those of N below. As a sentence is
computed block by block, so are the sums; the gradient needs the whole of them,
hence `log_sums` of all blocks first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from biaffine_tf.losses.binary import margins_of
from biaffine_tf.losses.reductions import logsumexp_over, sum_over

if TYPE_CHECKING:
    from biaffine_tf.config import TrainingConfig

_NOTHING = -1e30  # log of 0


class LogSums(NamedTuple):
    """Logarithms of the sums of a loss, float32 `[B, C - 1]` each.

    Attributes:
        positive: Of exp(-m) over gold spans.
        negative: Of exp(m) over other pairs.
    """

    positive: tf.Tensor
    negative: tf.Tensor


class MultiLabel:
    """The loss, as functions of the sums of blocks.

    Reference:
        Su et al. 2022, "Global Pointer" (https://arxiv.org/abs/2208.03054) and
        "ZLPR" (https://arxiv.org/abs/2208.02955).
    """

    @staticmethod
    def start(batch: tf.Tensor, num_classes: int) -> LogSums:
        """Returns the sums without any pair: the 1 of the formula."""
        zeros = tf.zeros([batch, num_classes - 1])
        return LogSums(zeros, zeros)

    @staticmethod
    def log_sums(
        logits: tf.Tensor, targets: tf.Tensor, chosen: tf.Tensor
    ) -> LogSums:
        """Computes the sums of a block.

        Args:
            logits: `[B, S, C, E]`.
            targets: Above 0 for gold labels, `[B, S, C - 1, E]`.
            chosen: Pairs to count, bool `[B, S, E]`.
        """
        margins = margins_of(logits)
        chosen, is_gold = chosen[:, :, None], targets > 0
        return LogSums(
            *(
                logsumexp_over(tf.where(mask, values, _NOTHING), [1, 3])
                for mask, values in (
                    (chosen & is_gold, -margins),
                    (chosen & ~is_gold, margins),
                )
            )
        )

    @staticmethod
    def add(left: LogSums, right: LogSums) -> LogSums:
        """Adds the sums of two blocks."""
        return LogSums(
            *(
                logsumexp_over(tf.stack(both), 0)
                for both in zip(left, right, strict=True)
            )
        )

    @staticmethod
    def value(totals: LogSums) -> tf.Tensor:
        """Computes the loss of each sentence, float32 `[B]`."""
        return sum_over(totals.positive + totals.negative, 1)

    @staticmethod
    def tangent(sums: LogSums, totals: LogSums) -> tf.Tensor:
        """Returns zeros `[B]` with the gradient of a block.

        Args:
            sums: Of the block, with a gradient.
            totals: Of all blocks, `start` included.
        """
        tangents = [
            tf.stop_gradient(tf.exp(own - total))
            * (own - tf.stop_gradient(own))
            for own, total in zip(sums, totals, strict=True)
        ]
        return sum_over(tf.stack(tangents), [0, 2])


def make(config: TrainingConfig) -> MultiLabel:
    """Returns the loss of the settings."""
    del config
    return MultiLabel()
