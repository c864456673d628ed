"""A BiLSTM as part of an ONNX graph; twin of `encoders.lstm`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from biaffine_tf.export.onnx_graph import OnnxGraph

# Gates of our kernels in ONNX's order: input, output, forget, cell.
_GATES = (0, 3, 2, 1)
_FORGET = 2


def write_bilstm(
    graph: OnnxGraph,
    weights: Mapping[str, np.ndarray],
    name: str,
    inputs: str,
    lengths: str,
) -> str:
    """Adds a BiLSTM, in float32 also in an int8 graph.

    Args:
        graph: The graph.
        weights: Weights by the names of `SpanModel.saved_weights`.
        name: Name of the layer, without that of the direction.
        inputs: float32 `[N, B, E]`.
        lengths: Number of positions without padding, int32 `[B]`.

    Returns:
        float32 `[N, B, 2 * units]`.
    """
    inner, recurrent, biases = (
        np.stack(both)
        for both in zip(
            *(
                _direction(
                    np.asarray(weights[f"{name}/{way}/kernel"], np.float32),
                    np.asarray(weights[f"{name}/{way}/bias"], np.float32),
                )
                for way in ("forward", "backward")
            ),
            strict=True,
        )
    )
    units = recurrent.shape[-1]
    states = graph(
        "LSTM",
        inputs,
        graph.constant(inner),
        graph.constant(recurrent),
        graph.constant(biases),
        lengths,
        direction="bidirectional",
        hidden_size=units,
    )  # [N, 2, B, units]
    states = graph("Transpose", states, perm=[0, 2, 1, 3])
    return graph("Reshape", states, graph.integers(0, 0, 2 * units))


def _direction(
    kernel: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns kernels `[4 H, E]` and `[4 H, H]`, and biases `[8 H]`."""
    gates = np.split(bias.copy(), 4)
    gates[_FORGET] += 1
    bias = np.concatenate([gates[gate] for gate in _GATES])
    parts = np.split(kernel, 4, axis=1)
    kernel = np.concatenate([parts[gate] for gate in _GATES], axis=1)
    split = len(kernel) - len(bias) // 4
    biases = np.concatenate([bias, np.zeros_like(bias)])
    return kernel[:split].T, kernel[split:].T, biases
