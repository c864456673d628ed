"""The neck as part of an ONNX graph; twin of `encoders.neck`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from biaffine_tf.config import LayerMix, ModelConfig
from biaffine_tf.export.onnx_graph import OnnxGraph
from biaffine_tf.export.onnx_lstm import write_bilstm


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
    # Rows of padding have one token, whose vector means nothing.
    lengths = graph("Max", lengths, graph.constant(np.int32(1)))
    by_place = graph("Transpose", vectors, perm=[1, 0, 2])
    outputs = write_bilstm(graph, weights, "neck/lstm", by_place, lengths)
    return graph("Transpose", outputs, perm=[1, 0, 2])


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
