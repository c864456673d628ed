"""The neck as part of an ONNX graph; twin of `encoders.neck`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from biaffine_tf.config import LayerMix, ModelConfig
from biaffine_tf.export.onnx_graph import OnnxGraph

# Gates in the order of ONNX, input, output, forget, cell, in `BiLstm`'s.
_GATES = [0, 3, 1, 2]


def write_neck(
    graph: OnnxGraph,
    weights: Mapping[str, np.ndarray],
    config: ModelConfig,
    layers: Sequence[str],
    is_real: str,
) -> str:
    """Adds the layers between encoder and head; in float32, also in int8.

    Args:
        graph: The graph.
        weights: Weights by the names of `SpanModel.saved_weights`.
        config: Config of the model.
        layers: Embeddings and vectors of each layer, float32 `[B, N, H]`.
        is_real: Mask of the tokens without padding, bool `[B, N]`.

    Returns:
        float32 `[B, N, H]` or, with a BiLSTM, `[B, N, 2 * units]`.
    """
    vectors = _mix(graph, weights, config.layer_mix, layers)
    if not config.lstm_size:
        return vectors
    lengths = graph.cast(is_real, np.int32)
    lengths = graph("ReduceSum", lengths, graph.integers(1), keepdims=0)
    outputs = graph(
        "LSTM",
        graph("Transpose", vectors, perm=[1, 0, 2]),  # [N, B, H]
        *_lstm_weights(graph, weights, config.lstm_size),
        lengths,
        hidden_size=config.lstm_size,
        direction="bidirectional",
    )  # [N, 2, B, units]
    outputs = graph("Transpose", outputs, perm=[2, 0, 1, 3])
    return graph("Reshape", outputs, graph.integers(0, 0, 2 * config.lstm_size))


def _mix(
    graph: OnnxGraph,
    weights: Mapping[str, np.ndarray],
    mix: LayerMix,
    layers: Sequence[str],
) -> str:
    if mix is LayerMix.LAST:
        return layers[-1]
    if mix is LayerMix.FIRST_LAST:
        total = graph("Add", layers[1], layers[-1])
        return graph("Mul", total, graph.number(0.5))
    shares = np.exp(weights["neck/mix/weights"].astype(np.float64))
    shares *= weights["neck/mix/gamma"] / shares.sum()
    return graph(
        "Sum",
        *(
            graph("Mul", layer, graph.number(share))
            for layer, share in zip(layers, shares, strict=True)
        ),
    )


def _lstm_weights(
    graph: OnnxGraph, weights: Mapping[str, np.ndarray], units: int
) -> list[str]:
    """Adds kernels `[2, 4 * units, ...]` and biases `[2, 8 * units]`."""

    def stacked(name: str) -> np.ndarray:
        values = np.stack(
            [
                weights[f"neck/lstm/{direction}/{name}"].T
                for direction in ("forward", "backward")
            ]
        )
        gates = values.reshape(2, 4, units, *values.shape[2:])[:, _GATES]
        return gates.reshape(values.shape).astype(np.float32)

    bias = stacked("bias")
    both = np.concatenate([bias, np.zeros_like(bias)], axis=1)
    return [
        graph.constant(values)
        for values in (stacked("kernel"), stacked("recurrent_kernel"), both)
    ]
