"""ONNX form of the CNN head; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from biaffine_tf.config import HeadConfig
from biaffine_tf.heads.pairs.onnx import Inputs, PairForm
from biaffine_tf.heads.pairs.onnx_nodes import (
    activate,
    dense,
    place_axis,
)

_EPSILON = 1e-5
_MAX_DISTANCE = 15
_CHANNELS_LAST, _CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def _floats(config: HeadConfig, *, length: int, num_classes: int) -> int:
    """Counts the logits of a sentence and some maps of its features."""
    return length * length * (num_classes + 3 * config.cnn_channels)


def _logits(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    config: HeadConfig,
    inputs: Inputs,
) -> tuple[str, int]:
    """Computes logits `[B, L, C, L]`, as `CnnHead` does."""
    vectors, counts, length = inputs
    starts, ends = (
        activate(graph, config, dense(graph, weights, name, vectors))
        for name in ("cnn/start", "cnn/end")
    )
    places = place_axis(graph, length)
    features = _features(graph, weights, starts, ends, places)
    real = graph.cast(graph("Less", places, counts), np.float32)  # [B, L]
    mask = graph(
        "Mul",
        graph("Unsqueeze", real, graph.integers(1, 3)),
        graph("Unsqueeze", real, graph.integers(1, 2)),
    )  # [B, 1, L, L]
    values = features
    for number in range(config.cnn_depth):
        values = graph("Mul", values, mask)
        values = _block(graph, weights, number, values)
    total = graph("Add", features, values)
    total = graph("Transpose", total, perm=_CHANNELS_LAST)
    logits = dense(graph, weights, "cnn/classify", total)
    logits = graph("Transpose", logits, perm=[0, 1, 3, 2])
    return logits, weights["cnn/classify/bias"].size


def _features(
    graph: Any,
    weights: Mapping[str, np.ndarray],
    starts: str,
    ends: str,
    places: str,
) -> str:
    """Computes the features of all pairs, `[B, r, L, L]`."""
    bilinear = np.asarray(weights["cnn/bilinear"], np.float32)
    groups, size, channels, _ = bilinear.shape
    shape = graph("Shape", starts, end=2)  # B, L
    own_starts, own_ends = (
        graph.reshape(x, shape, graph.integers(groups, size))
        for x in (starts, ends)
    )
    mapped = graph(
        "Einsum",
        own_starts,
        graph.constant(bilinear),
        equation="bigd,gdre->bgrie",
    )
    features = graph("Einsum", mapped, own_ends, equation="bgrie,bjge->bgrij")
    batch = graph("Shape", starts, end=1)
    length = graph("Shape", starts, start=1, end=2)
    channel = graph.integers(groups * channels)
    features = graph.reshape(features, batch, channel, length, length)
    for name, x, axis in (("start_map", starts, 3), ("end_map", ends, 2)):
        linear = dense(graph, weights, f"cnn/{name}", x)  # [B, L, r]
        linear = graph("Transpose", linear, perm=[0, 2, 1])
        linear = graph("Unsqueeze", linear, graph.integers(axis))
        features = graph("Add", features, linear)
    distance = graph(
        "Sub", places, graph("Unsqueeze", places, graph.integers(1))
    )
    bound = graph.constant(np.int32(_MAX_DISTANCE))
    distance = graph("Min", distance, bound)
    distance = graph("Max", distance, graph("Neg", bound))
    distance = graph("Add", distance, bound)
    table = np.asarray(weights["cnn/distances"], np.float32)
    distance = graph("Gather", graph.constant(table), distance)  # [L, L, r]
    distance = graph("Transpose", distance, perm=[2, 0, 1])
    return graph("Add", features, distance)


def _block(
    graph: Any, weights: Mapping[str, np.ndarray], number: int, values: str
) -> str:
    """Adds a convolution, normalises and applies GELU, `[B, r, L, L]`."""

    def weight(name: str) -> np.ndarray:
        return np.asarray(weights[f"cnn/{name}"], np.float32)

    convolved = graph(
        "Conv",
        values,
        graph.constant(
            weight(f"convolution_{number}/kernel").transpose(3, 2, 0, 1)
        ),
        graph.constant(weight(f"convolution_{number}/bias")),
        pads=[1, 1, 1, 1],
    )
    total = graph("Add", values, convolved)
    total = graph("Transpose", total, perm=_CHANNELS_LAST)
    total = graph(
        "LayerNormalization",
        total,
        graph.constant(weight(f"norm_{number}/gamma")),
        graph.constant(weight(f"norm_{number}/beta")),
        axis=-1,
        epsilon=_EPSILON,
    )
    return graph("Transpose", graph("Gelu", total), perm=_CHANNELS_FIRST)


FORM = PairForm(_logits, _floats)
