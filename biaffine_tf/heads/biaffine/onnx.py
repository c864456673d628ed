"""ONNX form of the biaffine head; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from biaffine_tf.config import Activation, HeadConfig, Position
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
        _project(graph, weights, config, name, vectors)
        for name in ("biaffine/start", "biaffine/end")
    )
    size, num_classes = len(bilinear), bilinear.shape[1]
    mapped = graph("MatMul", starts, graph.constant(bilinear.reshape(size, -1)))
    batch = graph("Shape", vectors, end=1)
    classes = graph.integers(num_classes)
    rows = graph("Mul", length, classes)
    mapped = graph.reshape(mapped, batch, rows, graph.integers(size))
    ends = graph("Transpose", ends, perm=[0, 2, 1])
    logits = graph("MatMul", mapped, ends)  # [B, L * C, L]
    logits = graph.reshape(logits, batch, length, classes, length)
    if config.position is not Position.WIDTH:
        return logits, num_classes
    table = weights["biaffine/widths"]
    return add_widths(graph, logits, table, length), num_classes


def _project(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    name: str,
    vectors: str,
) -> str:
    """Projects vectors and appends a one, `[B, L, D + 1]`.

    An activation that keeps a one gets it from the bias of the projection,
    which spares a pass over the result.
    """
    is_rotary = config.position is Position.ROTARY
    if config.projection_activation is not Activation.GELU and not is_rotary:
        kernel = weights[f"{name}/kernel"]
        bias = weights.get(f"{name}/bias", np.zeros(kernel.shape[1]))
        weights = {
            f"{name}/kernel": np.pad(kernel, ((0, 0), (0, 1))),
            f"{name}/bias": np.append(bias, 1),
        }
        return activate(graph, config, dense(graph, weights, name, vectors))
    x = activate(graph, config, dense(graph, weights, name, vectors))
    if is_rotary:
        x = rotate(graph, x, config.projection_size)
    return graph("Pad", x, graph.integers(0, 0, 0, 0, 0, 1), graph.number(1))


FORM = PairForm(_logits, _floats)
