"""Linear-chain CRF in log space: partition function and its gradient.

    score(y | x) = a[y_1] + sum_t x[t, y_t] + sum_t A[y_(t-1), y_t] + b[y_n]

Lafferty et al. 2001, "Conditional Random Fields",
https://repository.upenn.edu/cis_papers/159
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Chain(NamedTuple):
    """Scores of neighbouring tags, and of the first and the last one.

    Attributes:
        transitions: A, `[T, T]`; from the row's tag to the column's.
        starts: a, `[T]`.
        ends: b, `[T]`.
    """

    transitions: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


def sequence_score(
    emissions: tf.Tensor, tags: tf.Tensor, counts: tf.Tensor, chain: Chain
) -> tf.Tensor:
    """Scores one tag sequence of each sentence, `[B]`.

    Args:
        emissions: Score of each tag at each token, `[B, L, T]`.
        tags: int32 `[B, L]`.
        counts: Number of tokens of each sentence, at least 1, int32 `[B]`.
        chain: Scores of tags side by side.
    """
    real = tf.sequence_mask(counts, tf.shape(tags)[1], emissions.dtype)
    own = tf.gather(emissions, tags, batch_dims=2)  # [B, L]
    # One gather per pair, since its gradient is sparse.
    pairs = tf.stack([tags[:, :-1], tags[:, 1:]], axis=-1)
    steps = tf.gather_nd(chain.transitions, pairs)  # [B, L - 1]
    last = tf.gather(tags, tf.maximum(counts - 1, 0), batch_dims=1)
    return (
        tf.reduce_sum(own * real, axis=1)
        + tf.reduce_sum(steps * real[:, 1:], axis=1)
        + tf.gather(chain.starts, tags[:, 0])
        + tf.gather(chain.ends, last)
    )


def log_partition(
    emissions: tf.Tensor, counts: tf.Tensor, chain: Chain
) -> tf.Tensor:
    """Computes the log-sum of the exponentials of all sequences' scores.

    Its gradient is the marginal probability of each tag, and of each pair of
    neighbouring tags, from one pass backwards. Memory is that of the emissions,
    and of one step of T by T for each sentence.

    Args:
        emissions: `[B, L, T]`, L at least 1.
        counts: Number of tokens of each sentence, at least 1, int32 `[B]`.
        chain: Scores of tags side by side.

    Returns:
        `[B]`, of the emissions' dtype.
    """

    @tf.custom_gradient
    def compute(emissions: tf.Tensor, *chain: tf.Tensor) -> tuple:
        steps = tf.transpose(emissions, [1, 0, 2])  # [L, B, T]
        forward = _forward(steps, counts, *chain[:2])  # [L, B, T]
        total = _log_sum(forward[-1] + chain[2])  # [B]

        def backward(upstream: tf.Tensor) -> tuple:
            return _gradients(steps, counts, forward, total, upstream, *chain)

        return total, backward

    return compute(emissions, *chain)


def _forward(
    steps: tf.Tensor,
    counts: tf.Tensor,
    transitions: tf.Tensor,
    starts: tf.Tensor,
) -> tf.Tensor:
    """Computes the log-sum of all sequences up to each token, by its tag.

    Behind the last token, the sums stay as they are.
    """
    length = tf.shape(steps)[0]
    into = tf.transpose(transitions)  # [to, from]

    def step(place: tf.Tensor, last: tf.Tensor, done: tf.TensorArray) -> tuple:
        sums = _log_sum(last[:, None, :] + into) + steps[place]
        sums = tf.where((place < counts)[:, None], sums, last)
        return place + 1, sums, done.write(place, sums)

    first = steps[0] + starts
    done = tf.TensorArray(steps.dtype, length, element_shape=steps.shape[1:])
    *_, done = tf.while_loop(
        lambda place, *_: place < length,
        step,
        (tf.constant(1), first, done.write(0, first)),
        parallel_iterations=1,
    )
    return done.stack()


def _gradients(
    steps: tf.Tensor,
    counts: tf.Tensor,
    forward: tf.Tensor,
    total: tf.Tensor,
    upstream: tf.Tensor,
    transitions: tf.Tensor,
    starts: tf.Tensor,
    ends: tf.Tensor,
) -> tuple[tf.Tensor, ...]:
    """Computes the gradients by a pass backwards.

    The probability of a pair of tags is that of the first one times that of the
    second one behind it.
    """
    length = tf.shape(steps)[0]

    def marginals(place: tf.Tensor, later: tf.Tensor) -> tf.Tensor:
        """Probability of each tag at a token, `[B, T]`, times upstream."""
        values = tf.exp(forward[place] + later - total[:, None])
        inside = (place < counts)[:, None]
        return tf.where(inside, values * upstream[:, None], 0)

    def step(
        place: tf.Tensor,
        later: tf.Tensor,
        pairs: tf.Tensor,
        done: tf.TensorArray,
    ) -> tuple:
        onward = transitions + (steps[place] + later)[:, None, :]
        greatest = tf.reduce_max(onward, axis=2, keepdims=True)
        odds = tf.exp(onward - greatest)  # [B, T, T]
        sums = tf.reduce_sum(odds, axis=2)
        has_next = (place < counts)[:, None]
        later = tf.math.log(sums) + greatest[..., 0]
        later = tf.where(has_next, later, ends)
        values = marginals(place - 1, later)
        factors = tf.where(has_next, values / sums, 0)
        pairs += tf.reduce_sum(factors[..., None] * odds, axis=0)
        return place - 1, later, pairs, done.write(place - 1, values)

    at_end = tf.zeros_like(steps[0]) + ends
    done = tf.TensorArray(steps.dtype, length, element_shape=steps.shape[1:])
    *_, pairs, done = tf.while_loop(
        lambda place, *_: place > 0,
        step,
        (
            length - 1,
            at_end,
            tf.zeros_like(transitions),
            done.write(length - 1, marginals(length - 1, at_end)),
        ),
        parallel_iterations=1,
    )
    values = tf.transpose(done.stack(), [1, 0, 2])  # [B, L, T]
    last = tf.gather(values, tf.maximum(counts - 1, 0), batch_dims=1)
    return (
        values,
        pairs,
        tf.reduce_sum(values[:, 0], axis=0),
        tf.reduce_sum(last, axis=0),
    )


def _log_sum(values: tf.Tensor) -> tf.Tensor:
    """Computes the log-sum-exp over the last axis; all values are finite."""
    greatest = tf.reduce_max(values, axis=-1, keepdims=True)
    total = tf.reduce_sum(tf.exp(values - greatest), axis=-1)
    return tf.math.log(total) + greatest[..., 0]
