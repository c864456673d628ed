"""Measures memory and time of training steps."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.python.client import device_lib
from tqdm import tqdm

from biaffine_tf import machine
from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.records.span_batches import Buckets, Shape, training_batches
from biaffine_tf.records.span_records import Records
from biaffine_tf.training.fine_tuning import (
    make_average,
    make_updater,
    total_steps,
    weigh_classes,
)
from biaffine_tf.training.setup import distribute

_STEPS = 10  # timed steps, over all shapes
# Fraction of a batch to extrapolate memory from: in smaller ones activations
# are hidden by the gradients. More, while twice the sentences take hardly more
# memory.
_PROBED = 1 / 4
_FLAT = 1 / 2
_GROWTH = 1.05

_Batch = dict[str, np.ndarray]


class Peak(NamedTuple):
    """Peak memory of a training step on some sentences, in bytes."""

    sentences: int
    memory: int


@dataclasses.dataclass(frozen=True)
class StepMemory:
    """Memory of a training step on one device, measured on small batches.

    Attributes:
        peaks: Measured peaks by ascending number of sentences; at least two.
        sentences: Number of sentences in a full batch.
        limit: Memory of the device in bytes; None if unknown.
    """

    peaks: tuple[Peak, ...]
    sentences: int
    limit: int | None

    @property
    def per_sentence(self) -> float:
        """Bytes per additional sentence."""
        first, last = self.peaks[-2:]
        more = last.sentences - first.sentences
        return max(last.memory - first.memory, 0) / more

    @property
    def expected(self) -> int:
        """Bytes of a step on a full batch, extrapolated from the last peaks."""
        last = self.peaks[-1]
        more = self.sentences - last.sentences
        return round(last.memory + more * self.per_sentence)

    @property
    def fits(self) -> bool:
        """Whether memory suffices, or is unknown."""
        return self.limit is None or self.expected <= self.limit

    @property
    def max_sentences(self) -> int:
        """Number of sentences in the largest batch that fits; 0 if none."""
        assert self.limit is not None
        last = self.peaks[-1]
        more = (self.limit - last.memory) // (self.per_sentence or 1)
        return max(0, last.sentences + int(more))


def measure(
    peak_of: Callable[[int], int | None], sentences: int, limit: int | None
) -> StepMemory | None:
    """Measures steps of 1, 2, 4, ... sentences, as far as they surely fit.

    Args:
        peak_of: Makes a step on a number of sentences and returns its peak
            memory, or None if unknown.
        sentences: Number of sentences in a full batch.
        limit: Memory of the device in bytes; None if unknown.
    """
    peaks: list[Peak] = []
    size = 1
    while True:
        memory = peak_of(size)
        if memory is None:
            return None
        peaks.append(Peak(size, memory))
        size *= 2
        if len(peaks) < 2:
            continue
        # Twice the sentences take at most twice the memory.
        is_tight = limit is not None and 2 * memory > limit
        # Free memory within the process hides the first sentences.
        is_flat = memory < _GROWTH * peaks[-2].memory
        if is_tight or size > sentences * (_FLAT if is_flat else _PROBED):
            return StepMemory(tuple(peaks), sentences, limit)


class StepTime(NamedTuple):
    """Time of a training step of one shape.

    Attributes:
        shape: Shape of the batch; its length includes [CLS] and [SEP].
        seconds: Median of the timed steps.
    """

    shape: Shape
    seconds: float


def epoch_seconds(buckets: Buckets, times: Sequence[StepTime]) -> float:
    """Estimates the training time of an epoch from some shapes.

    Interpolates the time per position linearly between measured lengths, and
    takes that of the nearest length beyond them.

    Args:
        buckets: All buckets of the epoch.
        times: At least one time, ascending by length.
    """
    lengths = np.add(buckets.lengths, 2)
    rates = np.interp(
        lengths,
        [shape.length for shape, _ in times],
        [seconds / (shape.length * shape.size) for shape, seconds in times],
    )
    return float(np.sum(buckets.sentences * lengths * rates))


class Probe:
    """Trains some steps of a run; the model cannot be used afterwards.

    Args:
        config: Settings of the run.
        records: Training data.
        buckets: Buckets of these records.
        model: Model built under the strategy.
        strategy: Strategy from `set_up`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        records: Records,
        buckets: Buckets,
        model: SpanModel,
        *,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._strategy = strategy
        self._batches = _find_batches(config, records, buckets, model.pad_id)
        self._accumulation = min(2, config.gradient_accumulation)
        self._gpus = tf.config.list_logical_devices("GPU")
        steps = total_steps(config, buckets.steps_per_epoch)
        average = make_average(config, model, total_steps=steps)
        with strategy.scope():
            self._updater = make_updater(
                config,
                model,
                strategy=strategy,
                batch_spec=self._dataset([]).element_spec,
                total_steps=steps,
                class_weights=weigh_classes(config, records, model),
                average=average,
            )

    def memory(self) -> StepMemory | None:
        """Measures the memory of a step on the longest sentences.

        Returns:
            Memory of a step; None if unknown on this machine.
        """
        longest, replicas = (
            self._batches[-1],
            self._strategy.num_replicas_in_sync,
        )
        rows = len(longest["input_ids"])

        def step(sentences: int) -> None:
            chosen = np.arange(sentences * replicas) % rows
            part = {name: value[chosen] for name, value in longest.items()}
            self._train([part])

        def peak_of(sentences: int) -> int | None:
            if self._gpus:
                for gpu in self._gpus:
                    tf.config.experimental.reset_memory_stats(gpu.name)
            else:
                machine.reset_peak_memory()
            step(sentences)
            return self.peak()

        step(1)  # traces
        return measure(peak_of, -(-rows // replicas), self._limit())

    def times(self) -> list[StepTime]:
        """Times ten steps on the longest, the median and the shortest bucket.

        Each shape is run once more before, untimed. Shows a progress bar.

        Returns:
            Times by ascending length.
        """
        count = len(self._batches)
        times = []
        with tqdm(desc="probe", total=_STEPS + count, unit=" steps") as bar:
            # The longest first, so that a lack of memory shows at once.
            for rank, batch in enumerate(reversed(self._batches)):
                timed = _STEPS // count + (rank < _STEPS % count)
                size, length = batch["input_ids"].shape
                _, *seconds = self._train([batch] * (1 + timed), bar)
                median = statistics.median(seconds)
                times.append(StepTime(Shape(length, size), median))
        return times[::-1]

    def peak(self) -> int | None:
        """Returns the peak memory since the last small batch was measured."""
        if not self._gpus:
            return machine.peak_memory()
        info = tf.config.experimental.get_memory_info
        return max(info(gpu.name)["peak"] for gpu in self._gpus)

    def _limit(self) -> int | None:
        """Returns the memory available on the smallest GPU, or this machine."""
        if not self._gpus:
            return machine.memory_limit()
        return min(
            device.memory_limit
            for device in device_lib.list_local_devices()
            if device.device_type == "GPU"
        )

    def _train(
        self, batches: Sequence[_Batch], bar: tqdm | None = None
    ) -> list[float]:
        """Trains on batches; returns the seconds for each."""
        seconds = []
        with self._strategy.scope():
            for batch in self._dataset(batches):
                begun = time.perf_counter()
                self._updater.step([batch] * self._accumulation, 0)
                self._updater.sums.read()  # waits for the device
                spent = time.perf_counter() - begun
                seconds.append(spent / self._accumulation)
                if bar is not None:
                    bar.update()
        return seconds

    def _dataset(self, batches: Sequence[_Batch]) -> Any:
        """Builds a dataset of batches, with unknown shapes as in training."""
        signature = {
            name: tf.TensorSpec(
                [None] * min(2, value.ndim) + list(value.shape[2:]), value.dtype
            )
            for name, value in self._batches[0].items()
        }
        dataset = tf.data.Dataset.from_generator(
            lambda: iter(batches), output_signature=signature
        )
        return distribute(dataset, self._strategy)


def _find_batches(
    config: TrainingConfig, records: Records, buckets: Buckets, pad_id: int
) -> list[_Batch]:
    """Finds the largest batches of the shortest, median and longest bucket.

    Skips a bucket whose few sentences are in longer batches.
    """
    last = len(buckets.lengths) - 1
    missing = wanted = {0, last // 2, last}
    largest: dict[int, _Batch] = {}
    for batch in _epoch(config, records, buckets, pad_id):
        size, length = batch["input_ids"].shape
        bucket = buckets.lengths.index(length - 2)
        known = len(largest[bucket]["input_ids"]) if bucket in largest else 0
        if bucket in wanted and size > known:
            largest[bucket] = {
                key: value.numpy() for key, value in batch.items()
            }
            if size == buckets.batch_sizes[bucket]:
                missing = missing - {bucket}
        if not missing:
            break
    return [largest[bucket] for bucket in sorted(largest)]


def _epoch(
    config: TrainingConfig, records: Records, buckets: Buckets, pad_id: int
) -> Iterator[dict[str, tf.Tensor]]:
    return iter(
        training_batches(
            records, buckets, seed=config.seed, epochs=range(1), pad_id=pad_id
        )
    )
