"""The tables of a plan: numbers with their units, in groups of rows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from biaffine_tf.planning.memory import MemoryEstimate, Parameters
from biaffine_tf.planning.probe import StepTime, epoch_seconds
from biaffine_tf.records.span_batches import Buckets

Rows = list[tuple[str, str]]


def print_table(console: Console, title: str, *groups: Rows) -> None:
    """Prints groups of rows, with a line between them."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for rows in groups:
        for row in rows:
            table.add_row(*row)
        table.add_section()
    console.print(table)


def parameter_rows(parameters: Parameters) -> Rows:
    """The model in numbers."""
    return [
        ("parameters of the encoder", _count(parameters.encoder)),
        ("of them, embeddings", _count(parameters.embeddings)),
        ("parameters of the head", _count(parameters.head)),
        ("trained in all", _count(parameters.trained)),
    ]


def data_rows(
    buckets: Buckets, lengths: dict[int, int], *, epochs: int
) -> Rows:
    """The training data in numbers.

    Args:
        buckets: Shapes of the batches.
        lengths: Number of sentences for each number of pieces.
        epochs: Of the run.
    """
    padded = sum(
        count * (bound + 2)
        for count, bound in zip(buckets.sentences, buckets.lengths, strict=True)
    )
    real = sum(count * (length + 2) for length, count in lengths.items())
    steps = buckets.steps_per_epoch
    return [
        ("training sentences", _count(sum(buckets.sentences))),
        ("positions an epoch, padded", _count(padded)),
        ("padding", f"{1 - real / padded:.1%}"),
        ("steps an epoch", _count(steps)),
        (f"steps in all, {epochs} epochs", _count(steps * epochs)),
        (
            "longest batch",
            _shape(buckets.batch_sizes[-1], buckets.lengths[-1] + 2),
        ),
    ]


def memory_rows(estimate: MemoryEstimate, limit: int | None) -> Rows:
    """The memory of a training step, and what there is."""
    return [
        ("the program without a model", format_bytes(estimate.program)),
        ("weights", format_bytes(estimate.weights)),
        ("gradients", format_bytes(estimate.gradients)),
        ("moments of the optimizer", format_bytes(estimate.moments)),
        ("activations of the encoder", format_bytes(estimate.encoder)),
        ("the head, while it runs", format_bytes(estimate.head)),
        ("or later: gradients of a layer", format_bytes(estimate.layer)),
        ("memory in all, estimated", format_bytes(estimate.total)),
        ("memory there is", format_bytes(limit)),
    ]


def peak_rows(estimate: MemoryEstimate, peak: int | None) -> Rows:
    """The memory that was used at most, beside the estimate."""
    return [
        ("memory in all, estimated", format_bytes(estimate.total)),
        ("memory used at most", format_bytes(peak)),
    ]


def time_rows(
    buckets: Buckets,
    times: Sequence[StepTime],
    *,
    evaluation: float,
    epochs: int,
) -> Rows:
    """How long steps, an epoch and the run take.

    Args:
        buckets: Shapes of the batches.
        times: Of the shapes that were timed.
        evaluation: Seconds to score the eval data.
        epochs: Of the run.
    """
    training = epoch_seconds(buckets, times)
    return [
        *(
            (
                f"a step of {_shape(time.batch, time.length)}",
                format_seconds(time.seconds),
            )
            for time in times
        ),
        ("training, an epoch", format_seconds(training)),
        ("evaluation, an epoch", format_seconds(evaluation)),
        (
            f"in all, {epochs} epochs",
            format_seconds(epochs * (training + evaluation)),
        ),
    ]


def format_bytes(count: int | None) -> str:
    """MiB, or GiB from 1 GiB on."""
    if count is None:
        return "unknown"
    if count < 1 << 30:
        return f"{count / (1 << 20):.1f} MiB"
    return f"{count / (1 << 30):.2f} GiB"


def format_seconds(seconds: float) -> str:
    """Seconds, or minutes from 2 minutes on, or hours from 2 hours on."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _shape(batch: int, length: int) -> str:
    return f"{_count(batch)} sentences of {_count(length)} positions"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")
