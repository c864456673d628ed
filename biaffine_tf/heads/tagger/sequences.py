"""Sums over all tag sequences, and the best one, in the graph.

In float64: sums over long texts are differences of large numbers.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.tagger.chain import Chain


def sums_before(emissions: tf.Tensor, chain: Chain) -> tf.Tensor:
    """Computes the log-sum of all sequences up to each token, by its tag.

    Returns:
        float64 `[B, L, T]`; minus infinity for what cannot be.
    """
    steps = tf.transpose(emissions, [1, 0, 2])
    length = tf.shape(steps)[0]
    odds = tf.exp(chain.transitions)

    def step(place: tf.Tensor, last: tf.Tensor, done: tf.TensorArray) -> tuple:
        sums = _log_product(last, odds) + steps[place]
        return place + 1, sums, done.write(place, sums)

    first = steps[0] + chain.starts
    done = tf.TensorArray(steps.dtype, length, element_shape=steps.shape[1:])
    *_, done = tf.while_loop(
        lambda place, *_: place < length,
        step,
        (tf.constant(1), first, done.write(0, first)),
        parallel_iterations=1,
    )
    return tf.transpose(done.stack(), [1, 0, 2])


def sums_behind(
    emissions: tf.Tensor, counts: tf.Tensor, chain: Chain, num_free: int
) -> tf.Tensor:
    """Computes the log-sum of all that can follow an entity's last tag.

    Args:
        emissions: float64 `[B, L, T]`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        chain: Scores of neighbouring tags, float64.
        num_free: Number of tags that do not continue an entity.

    Returns:
        float64 `[B, L, T]`, by the tag of the token before what follows.
    """
    steps = tf.transpose(emissions, [1, 0, 2])
    length = tf.shape(steps)[0]
    odds = tf.exp(tf.transpose(chain.transitions))  # [to, from]

    def step(place: tf.Tensor, later: tf.Tensor, done: tf.TensorArray) -> tuple:
        onward = steps[place] + later  # [B, T]
        inside = (place < counts)[:, None]
        free = _log_product(onward[:, :num_free], odds[:num_free])
        done = done.write(place - 1, tf.where(inside, free, chain.ends))
        later = tf.where(inside, _log_product(onward, odds), chain.ends)
        return place - 1, later, done

    at_end = tf.zeros_like(steps[0]) + chain.ends
    done = tf.TensorArray(steps.dtype, length, element_shape=steps.shape[1:])
    *_, done = tf.while_loop(
        lambda place, *_: place > 0,
        step,
        (length - 1, at_end, done.write(length - 1, at_end)),
        parallel_iterations=1,
    )
    return tf.transpose(done.stack(), [1, 0, 2])


def _log_product(values: tf.Tensor, odds: tf.Tensor) -> tf.Tensor:
    """Multiplies exponentials of `[B, T]` by a matrix; logarithms of both.

    Terms more than 700 below the greatest vanish; log-odds do not show it.
    """
    greatest = tf.reduce_max(values, axis=1, keepdims=True)
    return tf.math.log(tf.exp(values - greatest) @ odds) + greatest


def best_sequences(
    emissions: tf.Tensor, counts: tf.Tensor, chain: Chain
) -> tf.Tensor:
    """Finds the most probable tag sequence of each sentence (Viterbi).

    Args:
        emissions: `[B, L, T]`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        chain: Scores of neighbouring tags, of the same dtype.

    Returns:
        int32 `[B, L]`, 0 for padding. Ties go to the lower tag.
    """
    steps = tf.transpose(emissions, [1, 0, 2])
    length, batch, size = tf.unstack(tf.shape(steps))
    into = tf.transpose(chain.transitions)  # [to, from]
    same = tf.zeros([batch, 1], tf.int32) + tf.range(size)

    def step(place: tf.Tensor, last: tf.Tensor, done: tf.TensorArray) -> tuple:
        scores = last[:, None, :] + into  # [B, to, from]
        best = tf.reduce_max(scores, axis=2) + steps[place]
        origin = tf.argmax(scores, axis=2, output_type=tf.int32)
        inside = (place < counts)[:, None]
        done = done.write(place, tf.where(inside, origin, same))
        return place + 1, tf.where(inside, best, last), done

    origins = tf.TensorArray(tf.int32, length, element_shape=[None, None])
    _, last, origins = tf.while_loop(
        lambda place, *_: place < length,
        step,
        (tf.constant(1), steps[0] + chain.starts, origins.write(0, same)),
        parallel_iterations=1,
    )
    origins = origins.stack()  # [L, B, T]

    def back(place: tf.Tensor, tag: tf.Tensor, done: tf.TensorArray) -> tuple:
        done = done.write(place, tag)
        return place - 1, tf.gather(origins[place], tag, batch_dims=1), done

    tags = tf.TensorArray(tf.int32, length, element_shape=[None])
    *_, tags = tf.while_loop(
        lambda place, *_: place >= 0,
        back,
        (
            length - 1,
            tf.argmax(last + chain.ends, axis=1, output_type=tf.int32),
            tags,
        ),
        parallel_iterations=1,
    )
    real = tf.sequence_mask(counts, length)
    return tf.where(real, tf.transpose(tags.stack()), 0)
