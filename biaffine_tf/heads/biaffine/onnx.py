"""ONNX form of the biaffine head; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from biaffine_tf.config import HeadConfig, Position
from biaffine_tf.heads.pairs.onnx import Inputs, PairForm
from biaffine_tf.heads.pairs.onnx_nodes import (
    activate,
    add_widths,
    dense,
    rotate,
)


def _floats(config: HeadConfig, *, length: int, num_classes: int) -> int:
    """Counts the logits and mapped starts of a sentence."""
    return length * num_classes * (length + config.projection_size + 1)


def _logits(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    inputs: Inputs,
) -> tuple[str, int]:
    """Computes logits `[B, L, C, L]`, as `scores.pair_logits` does."""
    vectors, _, length = inputs
    bilinear = np.asarray(weights["biaffine/bilinear"], np.float32)
    starts, ends = (
        activate(graph, config, dense(graph, weights, name, vectors))
        for name in ("biaffine/start", "biaffine/end")
    )
    # The one appended to the starts makes the last row a bias.
    size, num_classes = len(bilinear) - 1, bilinear.shape[1]
    if config.position is Position.ROTARY:
        starts, ends = (rotate(graph, x, size) for x in (starts, ends))
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
    logits = graph.reshape(logits, batch, length, classes, length)
    if config.position is not Position.WIDTH:
        return logits, num_classes
    table = weights["biaffine/widths"]
    return add_widths(graph, logits, table, length), num_classes


FORM = PairForm(_logits, _floats)
