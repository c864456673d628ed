"""The candidates of a batch, found block by block, in the graph."""

from __future__ import annotations

import math
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.biaffine.blocks import Block, divide, pair_mask
from biaffine_tf.heads.biaffine.scores import (
    classes_at,
    map_starts,
    pair_logits,
)


class _Arrays(NamedTuple):
    """TensorArrays with an entry for each block.

    Attributes:
        found: The candidates of the block.
        best: The best pair of each sentence, N = B; empty if not asked for.
        is_empty: Whether the sentence has no candidate, bool `[B]`.
    """

    found: Candidates
    best: Candidates
    is_empty: tf.TensorArray


def find_candidates(
    starts: tf.Tensor,
    ends: tf.Tensor,
    bilinear: tf.Tensor,
    counts: tf.Tensor,
    *,
    max_span_width: int | None = None,
    force_one_entity: bool = False,
    min_margin: float | tf.Tensor = 0.0,
    max_floats: int | None = None,
) -> Candidates:
    """Finds the pairs whose best class is a label, or nearly so.

    Never holds the logits of more than one block.

    Args:
        starts: `[B, L, D]`, from `Biaffine.project`.
        ends: `[B, L, D']`, likewise.
        bilinear: `[D, C, D']`.
        counts: Tokens of each sentence, int32 `[B]`.
        max_span_width: Tokens of the widest span; None for all pairs.
        force_one_entity: The original implementation's rule: a sentence
            without candidates gets the pair with the greatest logit of any
            label, of equal ones the first in row-major order.
        min_margin: Pairs whose margin is above it are candidates, float32
            scalar. 0 for those whose best class is a label; less for those,
            too, that thresholds may let through.
        max_floats: Bound on the size of a block, see `blocks.divide`.

    Returns:
        One candidate for each pair, of its best label (of equal ones the
        lower), in row-major order. With a minimum margin of 0, "none" wins a
        tie with a label.
    """
    blocks = divide(
        starts,
        bilinear,
        max_span_width=max_span_width,
        max_floats=max_floats,
    )
    bilinear = tf.cast(bilinear, starts.dtype)

    def add(
        block: Block, state: tuple[tf.Tensor, _Arrays]
    ) -> tuple[tf.Tensor, _Arrays]:
        index, so_far = state
        mapped = map_starts(block.rows_of(starts), bilinear)
        logits = pair_logits(mapped, block.columns_of(ends))
        logits = tf.cast(logits, tf.float32)  # [B, S, C, E]
        valid = pair_mask(counts, block, blocks.width)  # [B, S, E]
        best_label = tf.reduce_max(logits[:, :, 1:], axis=2)  # [B, S, E]
        chosen = valid & (logits[:, :, 0] + min_margin < best_label)
        where = tf.cast(tf.where(chosen), tf.int32)  # [N, 3]
        found = _describe(logits, where, block)
        found = so_far.found.map(lambda a, x: a.write(index, x), found)
        best, is_empty = so_far.best, so_far.is_empty
        if force_one_entity:
            best = best.map(
                lambda a, x: a.write(index, x), _best(logits, valid, block)
            )
            some = tf.reduce_any(chosen, axis=[1, 2])
            is_empty = is_empty.write(index, ~some)
        return index + 1, _Arrays(found, best, is_empty)

    empty = _Arrays(_arrays(), _arrays(), _array(tf.bool))
    _, filled = blocks.fold(add, (tf.constant(0), empty))
    found = filled.found.map(lambda array: array.concat())
    if force_one_entity:
        found = found.map(
            lambda *columns: tf.concat(columns, 0), _force(filled, counts)
        )
    # Blocks come in the order of rows, but each holds those of all sentences.
    order = tf.argsort(found.sentences, stable=True)
    return found.map(lambda column: tf.gather(column, order))


def _describe(logits: tf.Tensor, where: tf.Tensor, block: Block) -> Candidates:
    """Looks at all classes of some pairs, `where` `[N, 3]` in the block."""
    classes = classes_at(logits, where)  # [N, C]
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


def _force(arrays: _Arrays, counts: tf.Tensor) -> Candidates:
    """The best pairs of the sentences that no block has a candidate of."""
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
