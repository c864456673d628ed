"""Negative sampling by a hash of each pair.

A draw depends only on the seed, the sentence and the pair: not on how a batch
is padded, nor on the blocks in which its pairs are computed.
"""

from __future__ import annotations

import tensorflow as tf

# 2^32 / golden ratio: spreads neighbouring counters over all bits.
_STEP = 0x9E3779B9


def sample_pairs(
    fraction: float,
    *,
    seed: tf.Tensor,
    num_sentences: int | tf.Tensor,
    rows: tf.Tensor,
    columns: tf.Tensor,
) -> tf.Tensor:
    """Samples a fraction of the pairs.

    Args:
        fraction: Probability of keeping a pair, in (0, 1).
        seed: Random seed of the run and the step, int32 `[2]`.
        num_sentences: B.
        rows: First token of each row, int32 `[S]`.
        columns: Last token of each column, int32 `[E]`.

    Returns:
        bool `[B, S, E]`: whether each pair is kept.
    """
    hashed = tf.zeros([], tf.uint32)
    for counter in (
        seed[0],
        seed[1],
        tf.range(num_sentences)[:, None, None],
        rows[:, None],
        columns,
    ):
        hashed = _mix(hashed + tf.cast(counter, tf.uint32) * _STEP + _STEP)
    return hashed < tf.constant(int(fraction * 2**32), tf.uint32)


def _mix(values: tf.Tensor) -> tf.Tensor:
    """Applies the 32-bit finaliser of MurmurHash3, a bijection of uint32.

    Reference:
        https://github.com/aappleby/smhasher/wiki/MurmurHash3
    """
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        values = tf.bitwise.bitwise_xor(values, _shifted(values, shift))
        values *= tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(values, _shifted(values, 16))


def _shifted(values: tf.Tensor, shift: int) -> tf.Tensor:
    return tf.bitwise.right_shift(values, tf.constant(shift, tf.uint32))
