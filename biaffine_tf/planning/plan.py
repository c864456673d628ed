"""Estimates memory and time of a run: `run_classifier.py --plan`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from biaffine_tf import machine
from biaffine_tf.config import ExperimentConfig, LongText, Precision
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.planning.maps import buckets_of, map_rows
from biaffine_tf.planning.probe import (
    Probe,
    StepMemory,
    StepTime,
    epoch_seconds,
)
from biaffine_tf.planning.units import Rows, count, format_bytes, format_seconds
from biaffine_tf.records.span_batches import Buckets, Shape
from biaffine_tf.records.span_records import Records
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Windowing
from biaffine_tf.training.dev_evaluation import Evaluate
from biaffine_tf.training.fine_tuning import total_steps

# Number of sentences to predict, a batch of the predictor.
_EVAL_SENTENCES = 64
# Compute capability of NVIDIA's Ampere, the first with bfloat16.
_BFLOAT16_CAPABILITY = (8, 0)


def print_plan(
    config: ExperimentConfig,
    records: Records,
    model: SpanModel,
    *,
    strategy: tf.distribute.Strategy,
    sentences: Sequence[Sentence] | None,
    evaluator: Callable[[list[Sentence]], Evaluate],
    remedy: str,
) -> None:
    """Prints estimates of a run's memory and time.

    Trains on small batches and, if memory suffices, ten steps on full ones. The
    model cannot be used afterwards.

    Args:
        config: Settings of the run.
        records: Training data.
        model: Model built under the strategy, with initial weights.
        strategy: Strategy from `set_up`.
        sentences: Sentences of the eval data; None if there is none.
        evaluator: Returns a function that scores a model on sentences.
        remedy: Flags to change if memory does not suffice.
    """
    training = config.training
    buckets = buckets_of(training, records)
    parameters = parameter_rows(model)
    probe = Probe(training, records, buckets, model, strategy=strategy)
    memory = probe.memory()
    steps = total_steps(training, buckets.steps_per_epoch)
    _print_table(
        "plan",
        parameters,
        [
            *data_rows(buckets, records.lengths),
            (f"steps in all, {training.num_train_epochs} epochs", count(steps)),
            *map_rows(
                model, Shape(buckets.lengths[-1], buckets.batch_sizes[-1])
            ),
        ],
        memory_rows(memory),
    )
    if memory is not None and not memory.fits:
        _print(f"warning: {too_much(memory)}; {remedy}. No full step is tried.")
        return
    times = probe.times()
    peak = probe.peak()
    evaluation = _evaluation_seconds(config, model, sentences, evaluator)
    _print_table(
        "probe",
        time_rows(
            times,
            epoch=epoch_seconds(buckets, times),
            evaluation=evaluation,
            epochs=training.num_train_epochs,
        ),
        [("memory used at most, measured", format_bytes(peak))],
    )
    device = _bfloat16_device()
    if training.precision is Precision.FLOAT32 and device is not None:
        _print(
            f"this {device} has instructions for bfloat16; "
            f"--precision={Precision.BFLOAT16} would be faster"
        )


def parameter_rows(model: SpanModel) -> Rows:
    """Counts the weights of a built model, without the unused pooler."""
    sizes = {
        name: math.prod(weight.shape)
        for name, weight in model.saved_weights().items()
    }
    encoder = {k: v for k, v in sizes.items() if k.startswith("encoder/")}
    embeddings = (v for k, v in encoder.items() if k.endswith("/embeddings"))
    trained = (math.prod(v.shape) for v in model.trainable_variables)
    in_encoder = sum(encoder.values())
    in_neck = sum(v for k, v in sizes.items() if k.startswith("neck/"))
    in_head = sum(sizes.values()) - in_encoder - in_neck
    neck = [("parameters between encoder and head", count(in_neck))]
    return [
        ("parameters of the encoder", count(in_encoder)),
        ("of them, embeddings", count(sum(embeddings))),
        *(neck if in_neck else ()),
        ("parameters of the head", count(in_head)),
        ("trained in all", count(sum(trained))),
    ]


def data_rows(buckets: Buckets, lengths: dict[int, int]) -> Rows:
    """Describes the training data in numbers.

    Args:
        buckets: Buckets of the batches.
        lengths: Number of sentences by number of tokens.
    """
    padded = sum(
        count * (bound + 2)
        for count, bound in zip(buckets.sentences, buckets.lengths, strict=True)
    )
    real = sum(count * (length + 2) for length, count in lengths.items())
    longest = Shape(buckets.lengths[-1] + 2, buckets.batch_sizes[-1])
    return [
        ("training sentences", count(sum(buckets.sentences))),
        ("positions an epoch, padded", count(padded)),
        ("padding", f"{1 - real / padded:.1%}"),
        ("longest batch", _shape(longest)),
        ("steps an epoch", count(buckets.steps_per_epoch)),
    ]


def memory_rows(memory: StepMemory | None) -> Rows:
    """Describes the memory of a training step, and the memory available."""
    if memory is None:
        return [("memory of a step", "unknown on this machine")]
    return [
        *(
            (
                f"step of {_sentences(peak.sentences)}, measured",
                format_bytes(peak.memory),
            )
            for peak in memory.peaks[-2:]
        ),
        (
            f"step of {_sentences(memory.sentences)}, extrapolated",
            format_bytes(memory.expected),
        ),
        ("memory there is", format_bytes(memory.limit)),
    ]


def too_much(memory: StepMemory) -> str:
    """Says that a full batch does not fit, and which would."""
    limit = memory.max_sentences
    fits = (
        f"at most {_sentences(limit)} would" if limit else "not even one would"
    )
    return (
        f"a batch of {_sentences(memory.sentences)} of this length does not "
        f"fit into the memory, {fits}"
    )


def time_rows(
    times: Sequence[StepTime], *, epoch: float, evaluation: float, epochs: int
) -> Rows:
    """Describes the time of steps, an epoch and the run.

    Args:
        times: Measured times by shape.
        epoch: Seconds of training per epoch.
        evaluation: Seconds to score the eval data.
        epochs: Number of epochs.
    """
    total = epochs * (epoch + evaluation)
    return [
        *(
            (f"a step of {_shape(shape)}", format_seconds(seconds))
            for shape, seconds in times
        ),
        ("training, an epoch", format_seconds(epoch)),
        ("evaluation, an epoch", format_seconds(evaluation)),
        (f"in all, {epochs} epochs", format_seconds(total)),
    ]


def middle_batch(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Returns a batch of sentences of about the median length."""
    ordered = sorted(sentences, key=lambda sentence: len(sentence.text))
    first = max(0, (len(ordered) - _EVAL_SENTENCES) // 2)
    return ordered[first : first + _EVAL_SENTENCES]


def _evaluation_seconds(
    config: ExperimentConfig,
    model: SpanModel,
    sentences: Sequence[Sentence] | None,
    evaluator: Callable[[list[Sentence]], Evaluate],
) -> float:
    """Estimates the time to score all sentences from a batch of median length.

    Returns 0 without a dev set. Hardly includes decoding, since an untrained
    model predicts no entities.
    """
    if sentences is None:
        return 0.0
    windowing = Windowing.of(config.model)

    def work(part: Sequence[Sentence]) -> int:
        return sum(_positions(len(s.text), windowing) for s in part)

    sample = middle_batch(sentences)
    evaluate = evaluator(sample)
    evaluate(model)  # compiles
    begun = time.perf_counter()
    evaluate(model)
    return (time.perf_counter() - begun) * work(sentences) / work(sample)


def _positions(length: int, windowing: Windowing) -> int:
    """Estimates the number of positions for a text of `length` tokens."""
    longest, overlap = windowing.max_tokens, windowing.overlap
    if length <= longest or windowing.long_text is LongText.TRUNCATE:
        return min(length, longest) + 2  # [CLS] and [SEP]
    windows = math.ceil((length - overlap) / (longest - overlap))
    return windows * (longest + 2)


def _bfloat16_device() -> str | None:
    """Names the device if it is known to support bfloat16."""
    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return "processor" if machine.has_bfloat16() else None
    details = map(tf.config.experimental.get_device_details, gpus)
    if all(
        d.get("compute_capability", (0, 0)) >= _BFLOAT16_CAPABILITY
        for d in details
    ):
        return "GPU"
    return None


def _shape(shape: Shape) -> str:
    return f"{count(shape.size)} sentences of {count(shape.length)} positions"


def _sentences(number: int) -> str:
    return f"{count(number)} sentence{'' if number == 1 else 's'}"


def _print_table(title: str, *groups: Rows) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for rows in groups:
        for row in rows:
            table.add_row(*row)
        table.add_section()
    Console().print(table)


def _print(line: str) -> None:
    Console().print(line, highlight=False)
