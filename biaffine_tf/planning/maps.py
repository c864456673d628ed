"""Memory of features of all pairs, for heads that have them."""

from __future__ import annotations

from typing import Any, cast

from biaffine_tf import machine
from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.planning.units import Rows, format_bytes
from biaffine_tf.records.span_batches import Buckets, Shape, make_buckets
from biaffine_tf.records.span_records import Records


def buckets_of(training: TrainingConfig, records: Records) -> Buckets:
    """Builds the buckets of a run's batches."""
    return make_buckets(
        records.lengths,
        num_buckets=training.num_buckets,
        batch_size=training.train_batch_size,
        token_budget=training.token_budget,
    )


def map_rows(model: SpanModel, longest: Shape) -> Rows:
    """Describes the memory of features of all pairs, if the head has them.

    Args:
        model: A built model.
        longest: Shape of the longest batch.
    """
    floats_of = getattr(model.head, "map_floats", None)
    if floats_of is None:
        return []
    size = 4 * longest.size * floats_of(longest.length)
    return [
        ("features of all pairs of the longest batch", format_bytes(size)),
    ]


def map_warning(
    training: TrainingConfig, records: Records, model: SpanModel
) -> str:
    """Warns if the features of all pairs of a batch hardly fit into memory.

    Args:
        training: Settings of the batches.
        records: Training data.
        model: A built model.

    Returns:
        Empty if they fit, or the head has none.
    """
    limit, head = machine.memory_limit(), cast(Any, model.head)
    if limit is None or not hasattr(head, "map_floats"):
        return ""
    buckets = buckets_of(training, records)
    size, length = max(
        (size * head.map_floats(length), length)
        for size, length in zip(
            buckets.batch_sizes, buckets.lengths, strict=True
        )
    )
    needed = 4 * size * head.training_maps
    if needed < limit / 2:
        return ""
    return (
        f"warning: --head={model.config.head.name} keeps features of all pairs "
        f"of tokens: a step on sentences of {length} tokens takes about "
        f"{format_bytes(needed)}, of {format_bytes(limit)} that there are"
    )
