"""Nodes of ONNX graphs that several heads of pairs need; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from biaffine_tf.config import Activation, HeadConfig
from biaffine_tf.heads.pairs.width_buckets import buckets_of_distances


def place_axis(graph: Any, length: str) -> str:
    """Returns the positions of the tokens, int32 `[L]`."""
    zero, one = graph.constant(np.int32(0)), graph.constant(np.int32(1))
    length = graph("Squeeze", graph.cast(length, np.int32))
    return graph("Range", zero, length, one)


def dense(
    graph: Any, weights: Mapping[str, np.ndarray], name: str, x: str
) -> str:
    """Applies the dense layer of this name, with a bias or without."""
    kernel = np.asarray(weights[f"{name}/kernel"], np.float32)
    bias = weights.get(f"{name}/bias", np.zeros(kernel.shape[1]))
    return graph.product(x, kernel, np.asarray(bias, np.float32))


def activate(graph: Any, config: HeadConfig, x: str) -> str:
    """Applies the activation of the projections."""
    match config.projection_activation:
        case Activation.RELU:
            return graph("Relu", x)
        case Activation.GELU:
            return graph("Gelu", x)
        case Activation.LEAKY_RELU:
            return graph("LeakyRelu", x, alpha=0.1)
    return x


def rotate(graph: Any, x: str, size: int, *, axes: int = 0) -> str:
    """Rotates vectors by their positions, as `rotary.rotate` does.

    Args:
        graph: The graph.
        x: `[B, L, ..., d]`.
        size: d.
        axes: Number of axes between L and d.
    """
    frequencies = np.repeat(10_000.0 ** (-np.arange(0, size, 2) / size), 2)
    turn = np.zeros([size, size], np.float32)
    turn[np.arange(1, size, 2), np.arange(0, size, 2)] = -1
    turn[np.arange(0, size, 2), np.arange(1, size, 2)] = 1
    places = place_axis(graph, graph("Shape", x, start=1, end=2))
    places = graph.cast(places, np.float32)
    places = graph("Unsqueeze", places, graph.integers(*range(1, 2 + axes)))
    angles = graph(
        "Mul", places, graph.constant(frequencies.astype(np.float32))
    )
    turned = graph("MatMul", x, graph.constant(turn))
    return graph(
        "Add",
        graph("Mul", x, graph("Cos", angles)),
        graph("Mul", turned, graph("Sin", angles)),
    )


def add_widths(graph: Any, logits: str, table: np.ndarray, length: str) -> str:
    """Adds the scores of widths to `[B, L, C, L]`; see `span_widths`."""
    buckets = buckets_of_distances()
    by_distance = np.asarray(table, np.float32)[buckets]  # [64, C]
    places = place_axis(graph, length)
    first = graph("Unsqueeze", places, graph.integers(1))
    distance = graph("Sub", places, first)  # [L, L]
    zero = graph.constant(np.int32(0))
    last = graph.constant(np.int32(len(buckets) - 1))
    distance = graph("Max", graph("Min", distance, last), zero)
    scores = graph("Gather", graph.constant(by_distance), distance)
    scores = graph("Transpose", scores, perm=[0, 2, 1])  # [L, C, L]
    return graph("Add", logits, scores)
