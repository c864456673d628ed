"""The candidates of a batch, found block by block, in the graph."""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.heads.biaffine.blocks import Block, divide, pair_mask
from biaffine_tf.heads.biaffine.scores import (
    classes_at,
    map_starts,
    pair_logits,
)


class Found(NamedTuple):
    """Pairs and the model's opinion of them, one entry for each.

    Attributes:
        where: Sentence, first and last piece, int32 `[N, 3]`.
        labels: The best class but "none", int32 `[N]`; of equal ones the lower.
        logits: Its logit, float32 `[N]`.
        margins: Its logit less that of "none", float32 `[N]`.
        log_odds: Of its softmax probability, float32 `[N]`. The probability
            itself would have steps of 6e-8 close to 1, where most entities are.
    """

    where: tf.Tensor
    labels: tf.Tensor
    logits: tf.Tensor
    margins: tf.Tensor
    log_odds: tf.Tensor


class _Arrays(NamedTuple):
    """What the walk collects; each array has an entry for each block.

    Attributes:
        found: The candidates of the block.
        best: The best pair of each sentence, N = B; empty if not asked for.
        is_empty: Whether the sentence has no candidate, bool `[B]`.
    """

    found: Found
    best: Found
    is_empty: tf.TensorArray


def find_candidates(
    starts: tf.Tensor,
    ends: tf.Tensor,
    bilinear: tf.Tensor,
    counts: tf.Tensor,
    *,
    max_span_width: int | None = None,
    force_one_entity: bool = False,
    least_margin: float | tf.Tensor = 0.0,
    most_floats: int | None = None,
) -> Found:
    """Finds the pairs whose best class is a label, or nearly so.

    What `decoding.candidates_from_logits` finds in the logits of each sentence,
    without ever holding more than one block of them.

    Args:
        starts: `[B, L, D]`, from `Biaffine.project`.
        ends: `[B, L, D']`, likewise.
        bilinear: `[D, C, D']`.
        counts: Pieces of each sentence, int32 `[B]`.
        max_span_width: Pieces of the widest span; None for all pairs.
        force_one_entity: The ancestor's rule: a sentence without candidates
            gets `decoding.best_candidate`.
        least_margin: Pairs whose margin is above it are candidates, float32
            scalar. 0 for those whose best class is a label; less for those,
            too, that thresholds may let through.
        most_floats: Bound on the size of a block, see `blocks.divide`.

    Returns:
        The candidates in row-major order. With a least margin of 0, "none"
        wins a tie with a label.
    """
    blocks = divide(
        starts,
        bilinear,
        max_span_width=max_span_width,
        most_floats=most_floats,
    )
    bilinear = tf.cast(bilinear, starts.dtype)

    def visit(
        block: Block, state: tuple[tf.Tensor, _Arrays]
    ) -> tuple[tf.Tensor, _Arrays]:
        index, arrays = state
        mapped = map_starts(block.rows_of(starts), bilinear)
        logits = pair_logits(mapped, block.columns_of(ends))
        logits = tf.cast(logits, tf.float32)  # [B, S, C, E]
        valid = pair_mask(counts, block, blocks.width)  # [B, S, E]
        best_label = tf.reduce_max(logits[:, :, 1:], axis=2)  # [B, S, E]
        chosen = valid & (logits[:, :, 0] + least_margin < best_label)
        where = tf.cast(tf.where(chosen), tf.int32)  # [N, 3]
        found = _write(arrays.found, index, _describe(logits, where, block))
        best, is_empty = arrays.best, arrays.is_empty
        if force_one_entity:
            best = _write(best, index, _best(logits, valid, block))
            some = tf.reduce_any(chosen, axis=[1, 2])
            is_empty = is_empty.write(index, ~some)
        return index + 1, _Arrays(found, best, is_empty)

    empty = _Arrays(_arrays(), _arrays(), _array(tf.bool))
    _, arrays = blocks.walk(visit, (tf.constant(0), empty))
    found = Found(*(array.concat() for array in arrays.found))
    if force_one_entity:
        forced = _force(arrays, counts)
        found = Found(
            *(tf.concat(x, 0) for x in zip(found, forced, strict=True))
        )
    # Blocks come in the order of rows, but each holds those of all sentences.
    order = tf.argsort(found.where[:, 0], stable=True)
    return Found(*(tf.gather(values, order) for values in found))


def _describe(logits: tf.Tensor, where: tf.Tensor, block: Block) -> Found:
    """Looks at all classes of some pairs, `where` `[N, 3]` in the block."""
    classes = classes_at(logits, where)  # [N, C]
    labels = 1 + tf.argmax(classes[:, 1:], axis=-1, output_type=tf.int32)
    own = tf.gather(classes, labels, batch_dims=1)
    is_own = tf.range(tf.shape(classes)[1]) == labels[:, None]
    others = tf.where(is_own, -math.inf, classes)
    return Found(
        where + tf.stack([0, block.first, block.first]),
        labels,
        own,
        own - classes[:, 0],
        own - tf.reduce_logsumexp(others, axis=1),
    )


def _best(logits: tf.Tensor, valid: tf.Tensor, block: Block) -> Found:
    """The pair of each sentence with the greatest logit of any label.

    Of equal ones the first in row-major order. Sentences without a pair in the
    block have the least of all floats for a logit.
    """
    batch, _, columns = tf.unstack(tf.shape(valid))
    greatest = tf.reduce_max(logits[:, :, 1:], axis=2)  # [B, S, E]
    greatest = tf.where(valid, greatest, greatest.dtype.min)
    greatest = tf.reshape(greatest, [batch, -1])  # [B, S * E]
    flat = tf.argmax(greatest, axis=1, output_type=tf.int32)  # [B]
    where = tf.stack([tf.range(batch), flat // columns, flat % columns], axis=1)
    found = _describe(logits, where, block)
    return found._replace(logits=tf.reduce_max(greatest, axis=1))


def _force(arrays: _Arrays, counts: tf.Tensor) -> Found:
    """The best pairs of the sentences that no block has a candidate of."""
    best = Found(*(array.stack() for array in arrays.best))  # N = blocks, B
    block = tf.argmax(best.logits, axis=0, output_type=tf.int32)  # [B]
    index = tf.stack([block, tf.range(tf.size(block))], axis=1)
    is_empty = tf.reduce_all(arrays.is_empty.stack(), axis=0)
    index = tf.boolean_mask(index, is_empty & (counts > 0))
    return Found(*(tf.gather_nd(values, index) for values in best))


def _arrays() -> Found:
    return Found(
        _array(tf.int32, 3),
        _array(tf.int32),
        *(_array(tf.float32) for _ in range(3)),
    )


def _array(dtype: tf.DType, *shape: int) -> tf.TensorArray:
    return tf.TensorArray(
        dtype,
        size=0,
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None, *shape],
    )


def _write(arrays: Found, index: tf.Tensor, values: Found) -> Found:
    return Found(
        *(a.write(index, v) for a, v in zip(arrays, values, strict=True))
    )
