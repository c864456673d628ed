"""The encoder as part of an ONNX graph; twin of `FusedBertEncoder`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from biaffine_tf.config import EncoderConfig
from biaffine_tf.export.onnx_graph import OnnxGraph

_MASKED = -1e9  # as in FusedBertEncoder
# Operator and attributes of an `EncoderConfig.hidden_act`.
_APPROXIMATE = ("Gelu", {"approximate": "tanh"})
_ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": _APPROXIMATE,
    "gelu_pytorch_tanh": _APPROXIMATE,
    "relu": ("Relu", {}),
    "tanh": ("Tanh", {}),
}


class OnnxEncoder:
    """Adds an encoder to a graph.

    Args:
        graph: The graph.
        weights: Weights by the names of `SpanModel.saved_weights`; others are
            ignored.
        config: Config of the encoder.
    """

    def __init__(
        self,
        graph: OnnxGraph,
        weights: Mapping[str, np.ndarray],
        config: EncoderConfig,
    ) -> None:
        self._graph = graph
        self._weights = weights
        self._config = config

    def layers(self, words: str, is_real: str) -> list[str]:
        """Adds the nodes of the encoder.

        Args:
            words: Ids of tokens, int32 `[B, N]`.
            is_real: Mask of the tokens without padding, bool `[B, N]`.

        Returns:
            The embeddings and the vectors of each layer, float32 `[B, N, H]`.
        """
        graph, config = self._graph, self._config
        is_padding = graph("Cast", graph("Not", is_real), to=TensorProto.FLOAT)
        mask = graph("Mul", is_padding, graph.number(_MASKED))
        mask = graph("Unsqueeze", mask, graph.integers(1, 2))  # [B, 1, 1, N]
        layers = [self._embed(words)]
        repeats = config.num_hidden_layers // config.num_layers
        for index in range(config.num_hidden_layers):
            name = f"transformer/layer_{index // repeats}"
            layers.append(self._block(name, layers[-1], mask))
        return layers

    @property
    def width(self) -> int:
        """Width of the embeddings."""
        return self._config.embedding_width

    def positions(self, start: int, end: str) -> str:
        """Returns the embeddings of a range of positions.

        Args:
            start: First position.
            end: One past the last position, int64 `[1]`.

        Returns:
            float32 `[end - start, E]`.
        """
        return self._rows_between(self._positions(), start, end)

    def _embed(self, words: str) -> str:
        graph = self._graph
        table = self._weight("word_embeddings/embeddings")
        types = self._weight("type_embeddings/embeddings")
        length = graph("Shape", words, start=1)  # [1]
        others = self._rows_between(self._positions() + types[0], 0, length)
        x = graph("Add", graph.rows(table, words), others)
        x = self._norm("embeddings/layer_norm", x)
        if self._config.embedding_width == self._config.hidden_size:
            return x
        return self._dense("embedding_projection", x)

    def _block(self, name: str, x: str, mask: str) -> str:
        """Adds a layer, `[B, N, H]` to the same."""
        graph = self._graph
        attended = self._attend(f"{name}/self_attention", x, mask)
        x = graph("Add", x, attended)
        x = self._norm(f"{name}/self_attention_layer_norm", x)
        operator, attributes = _ACTIVATIONS[self._config.hidden_act]
        hidden = self._dense(f"{name}/intermediate", x)
        hidden = graph(operator, hidden, **attributes)
        output = self._dense(f"{name}/output", hidden)
        return self._norm(f"{name}/output_layer_norm", graph("Add", x, output))

    def _attend(self, name: str, x: str, mask: str) -> str:
        graph, width = self._graph, self._config.hidden_size
        heads = self._config.num_attention_heads
        size = width // heads

        def project(part: str, order: list[int], scale: float = 1.0) -> str:
            projected = self._dense(f"{name}/{part}", x, scale=scale)
            shape = graph.integers(0, 0, heads, size)
            projected = graph("Reshape", projected, shape)
            return graph("Transpose", projected, perm=order)

        queries = project("query", [0, 2, 1, 3], 1 / math.sqrt(size))
        keys = project("key", [0, 2, 3, 1])  # [B, heads, D, N]
        values = project("value", [0, 2, 1, 3])  # [B, heads, N, D]
        scores = graph("Add", graph("MatMul", queries, keys), mask)
        scores = graph("Softmax", scores, axis=-1)  # [B, heads, N, N]
        mixed = graph("MatMul", scores, values)
        mixed = graph("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = graph("Reshape", mixed, graph.integers(0, 0, width))
        return self._dense(f"{name}/attention_output", mixed)

    def _positions(self) -> np.ndarray:
        return self._weight("position_embedding/embeddings")

    def _rows_between(self, table: np.ndarray, start: int, end: str) -> str:
        """Slices rows of `[N, E]`, up to an int64 `[1]`."""
        graph = self._graph
        begin, axis = graph.integers(start), graph.integers(0)
        return graph("Slice", graph.constant(table), begin, end, axis)

    def _norm(self, name: str, x: str) -> str:
        return self._graph(
            "LayerNormalization",
            x,
            self._graph.constant(self._weight(f"{name}/gamma")),
            self._graph.constant(self._weight(f"{name}/beta")),
            axis=-1,
            epsilon=self._config.layer_norm_eps,
        )

    def _dense(self, name: str, x: str, *, scale: float = 1.0) -> str:
        """Adds a product with a kernel, with attention heads concatenated."""
        bias = self._weight(f"{name}/bias").reshape(-1)
        kernel = self._weight(f"{name}/kernel").reshape(-1, len(bias))
        return self._graph.dense(x, kernel * scale, bias * scale)

    def _weight(self, name: str) -> np.ndarray:
        return np.asarray(self._weights[f"encoder/{name}"], np.float32)
