"""Batches of span records: seeded, bucketed by length, padded.

Each window of a long sentence counts as a sentence here.

The order of the batches of epoch e depends only on the seed and e, so that a
run that continues anywhere gets the batches of an undisturbed one.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from biaffine_tf.records.augmentation import Augmentation
from biaffine_tf.records.sampling import Weights
from biaffine_tf.records.span_augmentation import augment, fit_lengths
from biaffine_tf.records.span_records import Records
from biaffine_tf.records.span_sampling import sample
from biaffine_tf.records.span_schema import parse
from biaffine_tf.seeds import order_seed, small_seed

_SHUFFLE_BUFFER = 65_536  # sentences; a few hundred bytes each
_PARSERS = 2  # threads, a hundred times faster than training
_BATCHES_AHEAD = 4
_BATCHES_SHUFFLED = 256  # in memory at once; some tens of MiB
# A bucket with fewer batches would repeat those of the same few sentences.
_BATCHES_OF_BUCKET = 8
_INSTEAD_OF_SEED_0 = 2**31  # different from the seeds of epochs


class Shape(NamedTuple):
    """Shape of a batch.

    Attributes:
        length: Padded number of tokens.
        size: Number of sentences.
    """

    length: int
    size: int


@dataclasses.dataclass(frozen=True)
class Buckets:
    """Sentences of similar length, padded to the same length.

    Sentences left over from full batches of a bucket are mixed with those of
    other buckets, from the longest bucket down, so that at most one batch of an
    epoch is not full.

    Attributes:
        lengths: Padded number of tokens in each bucket, ascending.
        batch_sizes: Number of sentences per batch in each bucket.
        sentences: Number of sentences in each bucket.
    """

    lengths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    sentences: tuple[int, ...]

    @property
    def kinds(self) -> tuple[Shape, ...]:
        """Shapes of batches: those of the buckets, then the mixed ones."""
        own = map(Shape, self.lengths, self.batch_sizes)
        return (*own, *self.mixed)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches per epoch."""
        full = zip(self.sentences, self.batch_sizes, strict=True)
        return sum(n // size for n, size in full) + len(self.mixed)

    @property
    def leftovers(self) -> tuple[int, ...]:
        """Number of sentences of each bucket that are left over."""
        return tuple(
            n % size
            for n, size in zip(self.sentences, self.batch_sizes, strict=True)
        )

    @functools.cached_property
    def mixed(self) -> tuple[Shape, ...]:
        """Shapes of mixed batches, those of the longest sentences first.

        Length and maximum size are those of the longest bucket in the batch.
        """
        shapes = []
        room = 0
        parts = zip(self.lengths, self.batch_sizes, self.leftovers, strict=True)
        for length, size, left in reversed(list(parts)):
            while left:
                if not room:
                    shapes.append(Shape(length, 0))
                    room = size
                taken = min(room, left)
                last = shapes[-1]
                shapes[-1] = Shape(last.length, last.size + taken)
                left, room = left - taken, room - taken
        return tuple(shapes)


def make_buckets(
    lengths: dict[int, int],
    *,
    num_buckets: int,
    batch_size: int,
    token_budget: int | None = None,
) -> Buckets:
    """Divides a corpus into buckets of about equal numbers of sentences.

    Args:
        lengths: Number of sentences by number of tokens.
        num_buckets: Maximum number of buckets; each is one shape to compile.
            Small corpora have fewer, of at least eight batches each.
        batch_size: Number of sentences per batch, without `token_budget`.
        token_budget: Number of encoder positions per batch, including
            padding, [CLS] and [SEP]; a batch has at least one sentence.

    Returns:
        The buckets; the longest sentence fits into the last one.
    """
    ordered = sorted(lengths)

    def size_of(bound: int) -> int:
        if token_budget is None:
            return batch_size
        return max(1, token_budget // (bound + 2))

    batches = sum(n / size_of(length) for length, n in lengths.items())
    num_buckets = max(1, min(num_buckets, int(batches / _BATCHES_OF_BUCKET)))
    cumulated = np.cumsum([lengths[length] for length in ordered])
    shares = np.arange(1, num_buckets + 1) / num_buckets
    picks = np.searchsorted(cumulated, shares * cumulated[-1] - 1e-6)
    bounds = sorted({ordered[min(pick, len(ordered) - 1)] for pick in picks})
    counts = [0] * len(bounds)
    for length, count in lengths.items():
        counts[int(np.searchsorted(bounds, length))] += count
    return Buckets(tuple(bounds), tuple(map(size_of, bounds)), tuple(counts))


# tf.data would rewrite the source of functions by AutoGraph.
@tf.autograph.experimental.do_not_convert
def training_batches(
    records: Records,
    buckets: Buckets,
    *,
    seed: int,
    epochs: range,
    skip: int = 0,
    pad_id: int = 0,
    temperature: float = 1.0,
    augmentation: Augmentation | None = None,
    weights: Weights | None = None,
) -> tf.data.Dataset:
    """Returns the batches of several consecutive epochs.

    Args:
        records: Training data.
        buckets: Buckets of `records.lengths`.
        seed: Random seed, used with the number of the epoch.
        epochs: Numbers of the epochs, each with `buckets.steps_per_epoch`
            batches.
        skip: Number of batches to skip at the beginning.
        pad_id: Padding of `input_ids`.
        temperature: Divisor of the teachers' log-odds.
        augmentation: Changes of the sentences; None for none. Batches are then
            padded to the length of some bucket, or the maximum, and N varies.
        weights: Weights of the sentences, by which they are drawn; None to
            take each once an epoch.

    Returns:
        Dataset of dicts: `input_ids` int32 `[B, L + 2]`, `context` bool
        `[B, L + 2]`, `cells` int32 `[B, N, 3]` (see `Features`); L is that of
        the bucket, N is fixed for the corpus. With teachers also those of
        `heads.head.SoftCells`: `soft_cells`, `soft_probabilities` and
        `is_labelled`. With pseudo labels also `pseudo`, float32 `[B]`: weight
        of sentences that have them, 0 for others. Where some
        files do not label everything also `labelled`, bool `[B, C]`, see
        `span_schema.parse`.
    """
    buffer = min(_SHUFFLE_BUFFER, sum(buckets.sentences))

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        # Within this function's graph, so that the order does not depend on the
        # global seed. TensorFlow accepts no tensor as seed if the global one is
        # 0.
        tf.random.set_seed(small_seed(seed) or _INSTEAD_OF_SEED_0)
        epoch_seed = order_seed(seed) + epoch
        paths = tf.data.Dataset.from_tensor_slices(records.paths)
        if len(records.paths) > 1:
            paths = paths.shuffle(
                len(records.paths), epoch_seed, reshuffle_each_iteration=False
            )
        sentences = tf.data.TFRecordDataset(paths, records.compression)
        sentences = sentences.shuffle(
            buffer, epoch_seed, reshuffle_each_iteration=False
        )
        if weights is not None:
            sentences = sample(
                sentences,
                weights,
                buckets.lengths,
                buckets.sentences,
                epoch_seed,
            ).shuffle(buffer, epoch_seed, reshuffle_each_iteration=False)
        sentences = sentences.map(
            functools.partial(
                parse,
                soft=records.soft is not None,
                pseudo=records.pseudo is not None,
                temperature=temperature,
                partial_classes=records.labels.num_classes
                if records.hidden
                else None,
            ),
            num_parallel_calls=_PARSERS,
            deterministic=True,
        )
        if augmentation is not None:
            sentences = augment(sentences, augmentation, epoch, buckets.lengths)
        batches = _bucketed(
            sentences, buckets, records, pad_id, augmentation=augmentation
        )
        # Mixed batches are complete only at the end of an epoch.
        return batches.shuffle(
            min(_BATCHES_SHUFFLED, buckets.steps_per_epoch),
            epoch_seed,
            reshuffle_each_iteration=False,
        )

    dataset = tf.data.Dataset.range(epochs.start, epochs.stop)
    dataset = dataset.flat_map(epoch_batches).skip(skip)
    steps = len(epochs) * buckets.steps_per_epoch - skip
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    return read_ahead(dataset)


def read_ahead(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prepares a few batches of a run ahead; replicas divide each batch."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    # The autotune thread wakes up more and more rarely, and iterators wait
    # for it: a run would take up to a minute to end.
    options.autotune.enabled = False
    return batches.prefetch(_BATCHES_AHEAD).with_options(options)


def _bucketed(
    sentences: tf.data.Dataset,
    buckets: Buckets,
    records: Records,
    pad_id: int,
    *,
    augmentation: Augmentation | None,
) -> tf.data.Dataset:
    more_shapes: dict[str, list[Any]] = {}
    more_padding: dict[str, tf.Tensor] = {}
    if records.soft is not None:
        most = max(records.soft.max_cells, 1)
        more_shapes = {
            "soft_cells": [most, 3],
            "soft_probabilities": [most],
            "is_labelled": [],
        }
        more_padding = {
            "soft_cells": tf.constant(0, tf.int32),
            "soft_probabilities": tf.constant(0.0),
            "is_labelled": tf.constant(False),
        }
    if records.pseudo is not None:
        more_shapes["pseudo"] = []
        more_padding["pseudo"] = tf.constant(0.0)
    if records.hidden:
        more_shapes["labelled"] = [records.labels.num_classes]
        more_padding["labelled"] = tf.constant(True)
    lengths = tf.constant([kind.length for kind in buckets.kinds], tf.int64)

    def tokens(sentence: dict[str, tf.Tensor]) -> tf.Tensor:
        if augmentation is not None:
            return sentence["tokens"]
        return tf.size(sentence["input_ids"], tf.int64) - 2

    def shapes(kind: tf.Tensor) -> dict[str, list[Any]]:
        length: Any = lengths[kind] + 2
        num_cells: Any = max(records.max_cells, 1)
        if augmentation is not None:
            length = num_cells = None
        return {
            "input_ids": [length],
            "context": [length],
            "cells": [num_cells, 3],
            **more_shapes,
        }

    if augmentation is not None:
        more_shapes["tokens"] = []
        more_padding["tokens"] = tf.constant(0, tf.int64)
    batches = group(
        sentences,
        buckets,
        tokens=tokens,
        shapes=shapes,
        padding={
            "input_ids": tf.constant(pad_id, tf.int32),
            "context": tf.constant(False),
            "cells": tf.constant(0, tf.int32),
            **more_padding,
        },
    )
    if augmentation is None:
        return batches
    longest = (*buckets.lengths, augmentation.max_tokens)
    return fit_lengths(batches, longest, pad_id)


def group(
    elements: tf.data.Dataset,
    buckets: Buckets,
    *,
    tokens: Callable[[dict[str, tf.Tensor]], tf.Tensor],
    shapes: Callable[[tf.Tensor], dict[str, list[Any]]],
    padding: dict[str, tf.Tensor],
) -> tf.data.Dataset:
    """Groups elements into the batches of `Buckets`, each once it is complete.

    The last elements of a bucket are left over. The kind of an element is its
    bucket or, for those left over, its mixed batch.

    Args:
        elements: Dicts of tensors, in the numbers given by the buckets.
        buckets: Buckets of the elements.
        tokens: Returns the number of tokens of an element, int64 scalar.
        shapes: Returns the padded shapes of the elements of a kind, given by
            its index in `buckets.kinds`, int64 scalar.
        padding: Padding values.
    """
    num_buckets = len(buckets.lengths)
    bounds = tf.constant(buckets.lengths, tf.int64)
    sizes = tf.constant([kind.size for kind in buckets.kinds], tf.int64)
    full = np.subtract(buckets.sentences, buckets.leftovers)
    # Leftovers are numbered from the longest bucket down.
    numbers = np.cumsum([0, *buckets.leftovers[::-1]])[-2::-1]
    first_leftovers = tf.constant(numbers - full, tf.int64)
    full = tf.constant(full, tf.int64)
    ends = tf.constant(
        np.cumsum([shape.size for shape in buckets.mixed]), tf.int64
    )

    def find_kind(
        seen: tf.Tensor, element: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, dict[str, tf.Tensor]]]:
        bucket = tf.reduce_sum(tf.cast(tokens(element) > bounds, tf.int64))
        number = seen[bucket]
        mixed = tf.searchsorted(
            ends,
            [number + first_leftovers[bucket]],
            side="right",
            out_type=tf.int64,
        )[0]
        kind = tf.where(number < full[bucket], bucket, num_buckets + mixed)
        seen += tf.one_hot(bucket, num_buckets, dtype=tf.int64)
        return seen, (kind, element)

    def pad(kind: tf.Tensor, window: tf.data.Dataset) -> tf.data.Dataset:
        return window.map(lambda _, element: element).padded_batch(
            sizes[kind], padded_shapes=shapes(kind), padding_values=padding
        )

    return elements.scan(
        tf.zeros(num_buckets, tf.int64), find_kind
    ).group_by_window(
        lambda kind, _: kind, pad, window_size_func=lambda kind: sizes[kind]
    )
