"""Tags of gold spans, in the graph."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.tagger.tags import TagSet


def gold_tags(cells: tf.Tensor, tags: TagSet, length: tf.Tensor) -> tf.Tensor:
    """Tags the tokens of a batch.

    A token has one tag: of spans that overlap, the longest is tagged first, of
    equally long ones the first; spans that overlap a tagged one are left out.

    Args:
        cells: int32 `[B, N, 3]`: first token, last token, label id; padding is
            all zeros.
        tags: Tags of the head.
        length: L, the padded number of tokens.

    Returns:
        int32 `[B, L]`, 0 for tokens in no span.
    """
    cells = _longest_first(cells)
    place = tf.range(length)
    parts = [tf.constant(one, tf.int32) for one in tags.parts]

    def step(number: tf.Tensor, done: tf.Tensor) -> tuple:
        first, last, label = tf.unstack(cells[:, number, :, None], axis=1)
        inside = (first <= place) & (place <= last) & (label > 0)  # [B, L]
        is_free = tf.reduce_all((done == 0) | ~inside, axis=1, keepdims=True)
        single, begin, middle, end = (
            tf.gather(part, tf.maximum(label - 1, 0)) for part in parts
        )
        own = tf.where(place == last, end, middle)
        own = tf.where(place == first, begin, own)
        own = tf.where(first == last, single, own)
        return number + 1, tf.where(inside & is_free, own, done)

    batch, slots, _ = tf.unstack(tf.shape(cells))
    _, done = tf.while_loop(
        lambda number, _: number < slots,
        step,
        (tf.constant(0), tf.zeros([batch, length], tf.int32)),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None])),
        parallel_iterations=1,
    )
    return done


def _longest_first(cells: tf.Tensor) -> tf.Tensor:
    """Sorts the cells of each sentence; padding goes to the end."""
    first, last, label = tf.unstack(cells, axis=2)
    width = tf.where(label > 0, last - first + 1, 0)
    by_place = tf.argsort(first, axis=1, stable=True)
    width = tf.gather(width, by_place, batch_dims=1)
    by_width = tf.argsort(-width, axis=1, stable=True)
    order = tf.gather(by_place, by_width, batch_dims=1)
    return tf.gather(cells, order, batch_dims=1)
