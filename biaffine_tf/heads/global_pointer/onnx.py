"""ONNX forms of the GlobalPointer heads; no TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from biaffine_tf.config import HeadConfig, Position
from biaffine_tf.heads.pairs.onnx import Inputs, PairForm
from biaffine_tf.heads.pairs.onnx_nodes import (
    add_widths,
    dense,
    rotate,
)


def _floats(config: HeadConfig, *, length: int, num_classes: int) -> int:
    """Counts the logits, queries and keys of a sentence."""
    return length * num_classes * (length + 2 * config.pointer_size)


def _logits(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    inputs: Inputs,
) -> tuple[str, int]:
    """Computes logits `[B, L, C, L]`, as `GlobalPointer` does."""
    vectors = inputs.vectors
    size = config.pointer_size
    pointers = dense(graph, weights, "global_pointer/pointers", vectors)
    shape = graph("Shape", vectors, end=2)  # B, L
    pointers = graph.reshape(pointers, shape, graph.integers(-1, 2, size))
    pointers = rotate(graph, pointers, size, axes=2)  # [B, L, K, 2, d]
    queries, keys = (
        graph("Gather", pointers, graph.constant(np.int64(part)), axis=3)
        for part in (0, 1)
    )
    queries = graph("Transpose", queries, perm=[0, 2, 1, 3])
    keys = graph("Transpose", keys, perm=[0, 2, 3, 1])
    scores = graph("MatMul", queries, keys)  # [B, K, L, L]
    scores = graph("Div", scores, graph.number(math.sqrt(size)))
    scores = graph("Transpose", scores, perm=[0, 2, 1, 3])
    bias = np.asarray(weights["global_pointer/bias"], np.float32)
    logits = graph("Add", scores, graph.constant(bias[:, np.newaxis]))
    logits = _with_none(graph, weights, config, logits, inputs)
    return logits, len(bias) + 1


def _efficient_logits(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    inputs: Inputs,
) -> tuple[str, int]:
    """Computes logits `[B, L, C, L]`, as `EfficientGlobalPointer` does."""
    vectors = inputs.vectors
    size, name = config.pointer_size, "efficient_global_pointer"
    pointers = dense(graph, weights, f"{name}/pointers", vectors)
    labels = dense(graph, weights, f"{name}/labels", pointers)
    labels = graph("Mul", labels, graph.number(0.5))
    shape = graph("Shape", vectors, end=2)  # B, L
    labels = graph.reshape(labels, shape, graph.integers(-1, 2))
    firsts, lasts = (
        graph("Gather", labels, graph.constant(np.int64(part)), axis=3)
        for part in (0, 1)
    )  # [B, L, K]
    pointers = graph.reshape(pointers, shape, graph.integers(2, size))
    pointers = rotate(graph, pointers, size, axes=1)  # [B, L, 2, d]
    queries, keys = (
        graph("Gather", pointers, graph.constant(np.int64(part)), axis=2)
        for part in (0, 1)
    )
    keys = graph("Transpose", keys, perm=[0, 2, 1])
    spans = graph("MatMul", queries, keys)  # [B, L, L]
    spans = graph("Div", spans, graph.number(math.sqrt(size)))
    firsts = graph("Unsqueeze", firsts, graph.integers(3))
    lasts = graph("Transpose", lasts, perm=[0, 2, 1])
    lasts = graph("Unsqueeze", lasts, graph.integers(1))
    spans = graph("Unsqueeze", spans, graph.integers(2))
    logits = graph("Add", graph("Add", spans, firsts), lasts)
    logits = _with_none(graph, weights, config, logits, inputs)
    return logits, weights[f"{name}/labels/bias"].size // 2 + 1


def _with_none(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    logits: str,
    inputs: Inputs,
) -> str:
    """Puts a logit of 0 for "none" before `[B, L, K, L]`."""
    pads = graph.integers(0, 0, 1, 0, 0, 0, 0, 0)
    logits = graph("Pad", logits, pads, graph.number(0))
    if config.position is not Position.WIDTH:
        return logits
    table = weights[f"{config.name}/widths"]
    return add_widths(graph, logits, table, inputs.length)


FORM = PairForm(_logits, _floats)
EFFICIENT_FORM = PairForm(_efficient_logits, _floats)
