"""In-graph search for the candidates of a batch, block by block."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow as tf

from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.pairs.blocks import Block, pair_mask
from biaffine_tf.heads.pairs.logits import classes_at
from biaffine_tf.heads.pairs.scorer import Pairs


class _Arrays(NamedTuple):
    """TensorArrays with one entry per block.

    Attributes:
        candidates: Candidates of the block.
        best: Best pair of each sentence, N = B; empty unless entities are
            forced.
        is_empty: Whether the sentence has no candidate, bool `[B]`.
    """

    candidates: Candidates
    best: Candidates
    is_empty: tf.TensorArray


def find_candidates(
    pairs: Pairs,
    counts: tf.Tensor,
    *,
    max_span_width: int | None = None,
    force_one_entity: bool = False,
    every_label: bool = False,
    is_multi_label: bool = False,
    min_margin: float | tf.Tensor = 0.0,
    max_floats: int | None = None,
) -> Candidates:
    """Finds the pairs whose best label has a sufficient margin.

    Only one block of logits is in memory at a time.

    Args:
        pairs: Pairs of the batch.
        counts: Number of tokens of each sentence, int32 `[B]`.
        max_span_width: Maximum span width in tokens; None for all pairs.
        force_one_entity: Whether a sentence without candidates gets the pair
            with the greatest logit of any label, of equal ones the first in
            row-major order, as in the original implementation.
        every_label: Whether each label with a sufficient margin is a candidate,
            not only the best one of a pair.
        is_multi_label: Whether labels are decided each by its margin alone:
            each is a candidate then, and its margin its log-odds.
        min_margin: Candidates have a margin above it, float32 scalar. With 0
            their best class is a label; thresholds may need a lower one.
        max_floats: Maximum number of floats in a block, see `blocks.divide`.

    Returns:
        One candidate per pair, with its best label (of equal ones the lower),
        or one per label and pair, in row-major order. With a minimum margin of
        0, "none" wins a tie with a label.
    """
    blocks = pairs.divide(max_span_width, max_floats)
    pairs = pairs.cast(pairs.rows[0].dtype)

    def add(
        block: Block, state: tuple[tf.Tensor, _Arrays]
    ) -> tuple[tf.Tensor, _Arrays]:
        index, so_far = state
        logits = pairs.logits(block, pairs.parts(block))
        logits = tf.cast(logits, tf.float32)  # [B, S, C, E]
        valid = pair_mask(counts, block, blocks.width)  # [B, S, E]
        best_label = tf.reduce_max(logits[:, :, 1:], axis=2)  # [B, S, E]
        chosen = valid & (logits[:, :, 0] + min_margin < best_label)
        where = tf.cast(tf.where(chosen), tf.int32)  # [N, 3]
        candidates = (
            _describe_all(logits, where, block, min_margin)
            if every_label or is_multi_label
            else _describe(logits, where, block)
        )
        candidates = so_far.candidates.map(
            lambda a, x: a.write(index, x), candidates
        )
        best, is_empty = so_far.best, so_far.is_empty
        if force_one_entity:
            best = best.map(
                lambda a, x: a.write(index, x), _best(logits, valid, block)
            )
            some = tf.reduce_any(chosen, axis=[1, 2])
            is_empty = is_empty.write(index, ~some)
        return index + 1, _Arrays(candidates, best, is_empty)

    empty = _Arrays(_arrays(), _arrays(), _array(tf.bool))
    _, filled = blocks.fold(add, (tf.constant(0), empty))
    candidates = filled.candidates.map(lambda array: array.concat())
    if force_one_entity:
        candidates = candidates.map(
            lambda *columns: tf.concat(columns, 0), _force(filled, counts)
        )
    # Candidates are in the order of blocks; sort them by sentence.
    order = tf.argsort(candidates.sentences, stable=True)
    candidates = candidates.map(lambda column: tf.gather(column, order))
    if is_multi_label:
        return candidates._replace(log_odds=candidates.margins)
    return candidates


def _describe_all(
    logits: tf.Tensor, where: tf.Tensor, block: Block, min_margin: Any
) -> Candidates:
    """Describes each label with a sufficient margin of the pairs at `where`."""
    classes = classes_at(logits, where)  # [N, C]
    chosen = classes[:, :1] + min_margin < classes[:, 1:]
    pairs, labels = tf.unstack(tf.cast(tf.where(chosen), tf.int32), axis=1)
    return _describe(logits, tf.gather(where, pairs), block, labels + 1)


def _describe(
    logits: tf.Tensor,
    where: tf.Tensor,
    block: Block,
    labels: tf.Tensor | None = None,
) -> Candidates:
    """Describes pairs with their best labels, or those given.

    Args:
        logits: `[B, S, C, E]`.
        where: Positions in the block, `[N, 3]`.
        block: The block.
        labels: Ids `[N]`.
    """
    classes = classes_at(logits, where)  # [N, C]
    if labels is None:
        labels = 1 + tf.argmax(classes[:, 1:], axis=-1, output_type=tf.int32)
    own = tf.gather(classes, labels, batch_dims=1)
    is_own = tf.range(tf.shape(classes)[1]) == labels[:, None]
    others = tf.where(is_own, -math.inf, classes)
    sentences, rows, columns = tf.unstack(where, axis=1)
    return Candidates(
        sentences,
        block.first + rows,
        block.first + columns + 1,
        labels,
        own - classes[:, 0],
        own,
        own - tf.reduce_logsumexp(others, axis=1),
    )


def _best(logits: tf.Tensor, valid: tf.Tensor, block: Block) -> Candidates:
    """Finds the pair of each sentence with the greatest logit of any label.

    Ties go to the first in row-major order. Sentences without a pair
    in the block get the lowest float as logit.
    """
    batch, _, columns = tf.unstack(tf.shape(valid))
    greatest = tf.reduce_max(logits[:, :, 1:], axis=2)  # [B, S, E]
    greatest = tf.where(valid, greatest, greatest.dtype.min)
    greatest = tf.reshape(greatest, [batch, -1])  # [B, S * E]
    flat = tf.argmax(greatest, axis=1, output_type=tf.int32)  # [B]
    where = tf.stack([tf.range(batch), flat // columns, flat % columns], axis=1)
    candidates = _describe(logits, where, block)
    return candidates._replace(logits=tf.reduce_max(greatest, axis=1))


def _force(arrays: _Arrays, counts: tf.Tensor) -> Candidates:
    """Returns the best pairs of the sentences without candidates."""
    best = arrays.best.map(lambda array: array.stack())  # N = blocks, B
    block = tf.argmax(best.logits, axis=0, output_type=tf.int32)  # [B]
    index = tf.stack([block, tf.range(tf.size(block))], axis=1)
    is_empty = tf.reduce_all(arrays.is_empty.stack(), axis=0)
    index = tf.boolean_mask(index, is_empty & (counts > 0))
    return best.map(lambda column: tf.gather_nd(column, index))


def _arrays() -> Candidates:
    return Candidates(
        *(_array(tf.int32) for _ in range(4)),
        *(_array(tf.float32) for _ in range(3)),
    )


def _array(dtype: tf.DType) -> tf.TensorArray:
    return tf.TensorArray(
        dtype,
        size=0,
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None],
    )
