"""ONNX form of the biaffine head: writes its nodes, reads its outputs.

Does not load TensorFlow. Scores all pairs even with `max_span_width`, which
costs little up to a few hundred tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from biaffine_tf.config import HeadConfig
from biaffine_tf.decoding import Candidates
from biaffine_tf.heads.head import OnnxOutput

_PAIRS = ["sentences", "first", "last"]
OUTPUTS = {
    "labels": OnnxOutput(
        np.int32,
        _PAIRS,
        "first token by last token: the best label; n is line n of "
        "`labels.txt`, from 1",
    ),
    "logits": OnnxOutput(np.float32, _PAIRS, "the logit of this label"),
    "margins": OnnxOutput(
        np.float32,
        _PAIRS,
        'that logit minus the logit of "none"; minus infinity where there is '
        "no span: the last token before the first, wider than "
        "`max_span_width` of `config.json`, or padding",
    ),
    "log_odds": OnnxOutput(
        np.float32,
        _PAIRS,
        "log-odds of the model's probability of this label, before calibration",
    ),
}


def write(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    vectors: str,
    counts: str,
) -> None:
    """Adds the head to a graph; see `OnnxForm`."""
    bilinear = np.asarray(weights["biaffine/bilinear"], np.float32)
    length = graph("Shape", vectors, start=1, end=2)
    logits = _logits(graph, weights, bilinear, vectors, length)
    is_span = _is_span(graph, config.max_span_width, length, counts)
    _add_outputs(graph, bilinear.shape[1], logits, is_span)


def read(
    outputs: Sequence[np.ndarray], *, min_margin: float, force_one_entity: bool
) -> Candidates:
    """Returns the pairs with a sufficient margin; see `OnnxForm`."""
    labels, logits, margins, log_odds = outputs
    chosen = margins > min_margin
    if force_one_entity:
        _choose_best(chosen, logits, margins)
    where = np.nonzero(chosen)
    sentences, first, last = where
    return Candidates(
        sentences,
        first,
        last + 1,
        labels[where],
        margins[where],
        logits[where],
        log_odds[where],
    )


def floats(config: HeadConfig, *, length: int, num_classes: int) -> int:
    """Counts the logits and mapped starts of a sentence."""
    return length * num_classes * (length + config.projection_size + 1)


def _logits(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    bilinear: np.ndarray,
    vectors: str,
    length: str,
) -> str:
    """Computes logits `[B, L, C, L]`, as `scores.pair_logits` does."""
    starts, ends = (
        graph.product(
            vectors,
            np.asarray(weights[f"biaffine/{part}/kernel"], np.float32),
            np.asarray(weights[f"biaffine/{part}/bias"], np.float32),
        )
        for part in ("start", "end")
    )
    # The one appended to the starts makes the last row a bias.
    size, num_classes = len(bilinear) - 1, bilinear.shape[1]
    flat = bilinear.reshape(size + 1, -1)
    mapped = graph.product(starts, flat[:-1], flat[-1])
    batch = graph("Shape", vectors, end=1)
    classes = graph.integers(num_classes)
    rows = graph("Mul", length, classes)
    mapped = graph.reshape(mapped, batch, rows, graph.integers(size + 1))
    pads = graph.integers(0, 0, 0, 0, 0, 1)
    ends = graph("Pad", ends, pads, graph.number(1))  # [B, L, D + 1]
    ends = graph("Transpose", ends, perm=[0, 2, 1])
    logits = graph("MatMul", mapped, ends)  # [B, L * C, L]
    return graph.reshape(logits, batch, length, classes, length)


def _is_span(graph: Any, width: int | None, length: str, counts: str) -> str:
    """Marks valid spans, bool `[B, L, L]`; see `blocks.pair_mask`."""
    zero, one = graph.constant(np.int32(0)), graph.constant(np.int32(1))
    length = graph("Squeeze", graph.cast(length, np.int32))
    last = graph("Range", zero, length, one)
    first = graph("Unsqueeze", last, graph.integers(1))
    distance = graph("Sub", last, first)  # [L, L]
    is_span = graph("GreaterOrEqual", distance, zero)
    if width is not None:
        is_narrow = graph("Less", distance, graph.constant(np.int32(width)))
        is_span = graph("And", is_span, is_narrow)
    counts = graph("Unsqueeze", counts, graph.integers(2))  # [B, 1, 1]
    return graph("And", is_span, graph("Less", last, counts))


def _add_outputs(
    graph: Any, num_classes: int, logits: str, is_span: str
) -> None:
    """Computes the outputs from `[B, L, C, L]` and `[B, L, L]`."""
    classes, ends = graph.integers(2), graph.integers(2**31 - 1)
    labelled = graph("Slice", logits, graph.integers(1), ends, classes)
    none = graph("Gather", logits, graph.constant(np.int64(0)), axis=2)
    label = graph("ArgMax", labelled, axis=2, keepdims=0)
    label = graph.cast(label, np.int32)
    one = graph.constant(np.int32(1))
    label = graph("Add", label, one, name="labels")
    best = graph("ReduceMax", labelled, classes, keepdims=0, name="logits")
    margin = graph("Sub", best, none)
    nothing = graph.number(-math.inf)
    graph("Where", is_span, margin, nothing, name="margins")
    every = np.arange(num_classes, dtype=np.int32)[:, np.newaxis]
    label = graph("Unsqueeze", label, classes)
    is_own = graph("Equal", graph.constant(every), label)
    others = graph("Where", is_own, nothing, logits)
    highest = graph("ReduceMax", others, classes, keepdims=1)
    others = graph("Exp", graph("Sub", others, highest))
    total = graph("ReduceSum", others, classes, keepdims=0)
    best = graph("Sub", best, graph("Squeeze", highest, classes))
    graph("Sub", best, graph("Log", total), name="log_odds")


def _choose_best(
    chosen: np.ndarray, logits: np.ndarray, margins: np.ndarray
) -> None:
    """Chooses the best pair of each sentence that has none chosen.

    It is the first of those with the greatest logit of any label.

    Args:
        chosen: bool `[B, L, L]`, changed in place.
        logits: Logit of the best label of each pair.
        margins: Margin of each pair; minus infinity if it is no span.
    """
    length = chosen.shape[1]
    is_span = margins > -np.inf
    empty = ~chosen.any(axis=(1, 2)) & is_span.any(axis=(1, 2))
    (rows,) = np.nonzero(empty)
    ranks = np.where(is_span[rows], logits[rows], -np.inf)
    best = ranks.reshape(len(rows), length * length).argmax(axis=1)
    chosen[rows, best // length, best % length] = True
