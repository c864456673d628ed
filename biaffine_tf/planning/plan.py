"""What a run will take, said before it starts: `run_classifier.py --plan`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import tensorflow as tf
from rich.console import Console
from tensorflow.python.client import device_lib

from biaffine_tf import machine
from biaffine_tf.config import ExperimentConfig, LongText, Precision
from biaffine_tf.heads import head_class
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.planning import memory, plan_tables
from biaffine_tf.planning.memory import MemoryEstimate, Parameters
from biaffine_tf.planning.probe import time_steps
from biaffine_tf.records.span_batches import Buckets, make_buckets
from biaffine_tf.records.span_records import Records
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Windowing
from biaffine_tf.training.fine_tuning import Evaluate

# Sentences of the eval data that the probe predicts: a batch of the predictor.
_EVAL_SENTENCES = 64
# Of the first GPUs that multiply in bfloat16, NVIDIA's Ampere.
_BFLOAT16_CAPABILITY = (8, 0)


def count_parameters(model: SpanModel) -> Parameters:
    """Counts the weights of a model that is built."""
    sizes = {
        name: math.prod(weight.shape)
        for name, weight in model.saved_weights().items()
    }
    encoder = {k: v for k, v in sizes.items() if k.startswith("encoder/")}
    return Parameters(
        encoder=sum(encoder.values()),
        embeddings=sum(
            v for k, v in encoder.items() if k.endswith("/embeddings")
        ),
        head=sum(sizes.values()) - sum(encoder.values()),
        trained=sum(math.prod(v.shape) for v in model.trainable_variables),
    )


def estimate_memory(
    config: ExperimentConfig,
    buckets: Buckets,
    parameters: Parameters,
    *,
    num_classes: int,
    replicas: int,
    program: int,
) -> MemoryEstimate:
    """Memory of a training step on the bucket that needs most.

    Args:
        config: The experiment.
        buckets: Shapes of the batches.
        parameters: Of the model.
        num_classes: C, "none" included.
        replicas: Devices that share a batch; the estimate is for one.
        program: Bytes the process holds without the model.
    """
    head = head_class(config.model.head.name)
    estimates = []
    for length, size, count in zip(
        buckets.lengths, buckets.batch_sizes, buckets.sentences, strict=True
    ):
        batch = math.ceil(min(size, count) / replicas)
        estimates.append(
            memory.step_memory(
                config.model,
                config.training,
                parameters,
                batch=batch,
                length=length,
                head=head.memory(
                    config.model.head,
                    batch=batch,
                    length=length,
                    num_classes=num_classes,
                ),
                program=program,
            )
        )
    return max(estimates, key=lambda estimate: estimate.total)


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
    """Prints what a run needs, trains ten steps, prints how long it takes.

    The steps are left out if the memory would not do for them. The model is
    of no use afterwards.

    Args:
        config: The experiment.
        records: Training data.
        model: Built under the strategy, with its initial weights.
        strategy: From `trainer.set_up`.
        sentences: The eval data; None if there is none.
        evaluator: From sentences to what scores a model on them.
        remedy: Which flags to change if the memory does not do.
    """
    training = config.training
    buckets = make_buckets(
        records.lengths,
        num_buckets=training.num_buckets,
        batch_size=training.train_batch_size,
        token_budget=training.token_budget,
    )
    parameters = count_parameters(model)
    estimate = estimate_memory(
        config,
        buckets,
        parameters,
        num_classes=records.labels.num_classes,
        replicas=strategy.num_replicas_in_sync,
        program=_program_memory(parameters),
    )
    limit = _memory_limit()
    console = Console()
    plan_tables.print_table(
        console,
        "plan",
        plan_tables.parameter_rows(parameters),
        plan_tables.data_rows(
            buckets, records.lengths, epochs=training.num_train_epochs
        ),
        plan_tables.memory_rows(estimate, limit),
    )
    if limit is not None and estimate.total > limit:
        console.print(
            f"warning: this is more memory than there is; {remedy}. No step "
            "is tried.",
            highlight=False,
        )
        return
    evaluation = _evaluation_seconds(config, model, sentences, evaluator)
    times = time_steps(config, records, buckets, model, strategy=strategy)
    plan_tables.print_table(
        console,
        "probe",
        plan_tables.time_rows(
            buckets,
            times,
            evaluation=evaluation,
            epochs=training.num_train_epochs,
        ),
        plan_tables.peak_rows(estimate, _memory_peak()),
    )
    device = _bfloat16_device()
    if training.precision is Precision.FLOAT32 and device is not None:
        console.print(
            f"this {device} has instructions for bfloat16; "
            f"--precision={Precision.BFLOAT16} would be faster",
            highlight=False,
        )


def middle_batch(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The sentences of about the median length, as many as a batch holds."""
    ordered = sorted(sentences, key=lambda sentence: len(sentence.text))
    first = max(0, (len(ordered) - _EVAL_SENTENCES) // 2)
    return ordered[first : first + _EVAL_SENTENCES]


def _evaluation_seconds(
    config: ExperimentConfig,
    model: SpanModel,
    sentences: Sequence[Sentence] | None,
    evaluator: Callable[[list[Sentence]], Evaluate],
) -> float:
    """Seconds to score all sentences, from a batch of the median length.

    Without a dev set, 0.

    A fresh model finds nothing: what decoding takes is hardly in it.
    """
    if sentences is None:
        return 0.0
    windowing = Windowing.of(config.model)

    def work(some: Sequence[Sentence]) -> int:
        return sum(_positions(len(s.text), windowing) for s in some)

    sample = middle_batch(sentences)
    evaluate = evaluator(sample)
    evaluate(model)  # compiles
    begun = time.perf_counter()
    evaluate(model)
    return (time.perf_counter() - begun) * work(sentences) / work(sample)


def _positions(length: int, windowing: Windowing) -> int:
    """About how many positions are read of a text of so many pieces."""
    longest, overlap = windowing.max_pieces, windowing.overlap
    if length <= longest or windowing.long_text is LongText.TRUNCATE:
        return min(length, longest) + 2  # [CLS] and [SEP]
    windows = math.ceil((length - overlap) / (longest - overlap))
    return windows * (longest + 2)


def _bfloat16_device() -> str | None:
    """What trains, if it is known to multiply matrices in bfloat16."""
    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return "processor" if machine.has_bfloat16() else None
    details = map(tf.config.experimental.get_device_details, gpus)
    if all(
        one.get("compute_capability", (0, 0)) >= _BFLOAT16_CAPABILITY
        for one in details
    ):
        return "GPU"
    return None


def _program_memory(parameters: Parameters) -> int:
    if tf.config.list_logical_devices("GPU"):
        return 0  # the program is elsewhere
    weights = memory.state_memory(parameters)["weights"]
    return max(0, (machine.resident_memory() or 0) - weights)


def _memory_limit() -> int | None:
    """Bytes that the smallest GPU, or else this machine, lets us have."""
    limits = [
        device.memory_limit
        for device in device_lib.list_local_devices()
        if device.device_type == "GPU"
    ]
    return min(limits) if limits else machine.memory_limit()


def _memory_peak() -> int | None:
    gpus = tf.config.list_logical_devices("GPU")
    if not gpus:
        return machine.peak_memory()
    return max(
        tf.config.experimental.get_memory_info(gpu.name)["peak"] for gpu in gpus
    )
