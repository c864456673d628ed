"""How long a run will take, from ten of its training steps."""

from __future__ import annotations

import dataclasses
import itertools
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from biaffine_tf.config import ExperimentConfig
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.records.span_batches import Buckets, training_batches
from biaffine_tf.records.span_records import Records
from biaffine_tf.training.fine_tuning import make_updater
from biaffine_tf.training.update import Updater

_STEPS = 10  # timed, of all shapes together

_Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class StepTime:
    """How long a training step of one shape takes.

    Attributes:
        batch: Sentences.
        length: Positions of each, [CLS], [SEP] and padding included.
        seconds: Median of the steps that were timed.
    """

    batch: int
    length: int
    seconds: float

    @property
    def seconds_per_position(self) -> float:
        """Time of a step divided by its positions."""
        return self.seconds / (self.batch * self.length)


def epoch_seconds(buckets: Buckets, times: Sequence[StepTime]) -> float:
    """Time of an epoch, from that of some shapes.

    The time of a position is interpolated linearly between the lengths that
    were timed, and that of the nearest one beyond them.

    Args:
        buckets: All shapes of the epoch.
        times: At least one, ascending by length.

    Returns:
        Seconds, without evaluation.
    """
    lengths = [bound + 2 for bound in buckets.lengths]
    rates = np.interp(
        lengths,
        [time.length for time in times],
        [time.seconds_per_position for time in times],
    )
    return float(
        sum(
            count * length * rate
            for count, length, rate in zip(
                buckets.sentences, lengths, rates, strict=True
            )
        )
    )


def time_steps(
    config: ExperimentConfig,
    records: Records,
    buckets: Buckets,
    model: SpanModel,
    *,
    strategy: tf.distribute.Strategy,
) -> list[StepTime]:
    """Trains ten steps on the longest, the median and the shortest bucket.

    Each shape gets one step more, before those that are timed. The model is
    of no use afterwards. Shows a progress bar.

    Args:
        config: The experiment.
        records: Training data, of which one full batch of each shape is taken.
        buckets: Made of these records.
        model: Built under the strategy.
        strategy: Strategy from `set_up`.

    Returns:
        Times, ascending by length.
    """
    last = len(buckets.lengths) - 1
    # The longest first: what does not fit, is known at once.
    shapes = sorted({0, last // 2, last}, reverse=True)
    found = _find_batches(config, records, buckets, shapes, model.pad_id)
    shapes = [shape for shape in shapes if shape in found]
    batches = [found[shape] for shape in shapes]
    repeats = [
        1 + _STEPS // len(shapes) + (rank < _STEPS % len(shapes))
        for rank in range(len(shapes))
    ]
    dataset = _repeated(batches, repeats)
    if strategy.num_replicas_in_sync > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    with strategy.scope():
        updater = make_updater(
            config.training,
            model,
            strategy=strategy,
            batch_spec=dataset.element_spec,
            total_steps=sum(repeats),
        )
        seconds = iter(_seconds_of_steps(updater, dataset, sum(repeats)))
    times = []
    for batch, count in zip(batches, repeats, strict=True):
        _, *timed = itertools.islice(seconds, count)
        size, length = batch["input_ids"].shape
        times.append(StepTime(size, length, statistics.median(timed)))
    return times[::-1]


def _seconds_of_steps(
    updater: Updater, batches: Iterable[Any], total: int
) -> list[float]:
    """Trains on each batch, and waits for the device after each."""
    seconds = []
    with tqdm(desc="probe", total=total, unit=" steps") as bar:
        for number, batch in enumerate(batches):
            begun = time.perf_counter()
            updater.step([batch], number)
            updater.sums.read()
            seconds.append(time.perf_counter() - begun)
            bar.update()
    return seconds


def _find_batches(
    config: ExperimentConfig,
    records: Records,
    buckets: Buckets,
    wanted: Sequence[int],
    pad_id: int,
) -> dict[int, _Batch]:
    """The largest batch of each wanted bucket, by number of the bucket.

    There is none of a bucket whose few sentences are in longer batches.
    """
    found: dict[int, _Batch] = {}
    missing = set(wanted)
    for batch in training_batches(
        records,
        buckets,
        seed=config.training.seed,
        epochs=range(1),
        pad_id=pad_id,
    ):
        size, length = batch["input_ids"].shape
        bucket = buckets.lengths.index(length - 2)
        known = len(found[bucket]["cells"]) if bucket in found else 0
        if bucket in wanted and size > known:
            found[bucket] = {key: value.numpy() for key, value in batch.items()}
            if size == buckets.batch_sizes[bucket]:
                missing.discard(bucket)
        if not missing:
            break
    return found


def _repeated(
    batches: Sequence[_Batch], repeats: Sequence[int]
) -> tf.data.Dataset:
    """Each batch so many times, in order; of unknown shapes, as in training."""

    def generate() -> Iterator[_Batch]:
        for batch, count in zip(batches, repeats, strict=True):
            yield from itertools.repeat(batch, count)

    signature = {
        name: tf.TensorSpec(
            [None] * min(2, value.ndim) + list(value.shape[2:]), value.dtype
        )
        for name, value in batches[0].items()
    }
    return tf.data.Dataset.from_generator(generate, output_signature=signature)
