"""The network of a span model as an ONNX graph; no TensorFlow.

Twin of `SpanModel.encode` and the head. Written node by node because a
converter of TensorFlow's graphs takes 22 GiB of memory for a BERT of 12 layers,
and lacks nodes for quantised products.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from biaffine_tf.config import (
    BilstmConfig,
    EncoderConfig,
    ModelConfig,
    Position,
)
from biaffine_tf.export.onnx_bilstm import OnnxBilstm
from biaffine_tf.export.onnx_encoder import OnnxEncoder
from biaffine_tf.export.onnx_graph import OnnxGraph
from biaffine_tf.export.onnx_neck import write_neck
from biaffine_tf.heads import onnx_form
from biaffine_tf.model_directory import onnx_model


def build_network(
    weights: Mapping[str, np.ndarray],
    config: ModelConfig,
    *,
    pad_id: int,
    properties: Mapping[str, str],
    int8: bool = False,
) -> bytes:
    """Builds the ONNX model.

    Input: `input_ids`, int32 `[B, L + 2]`, as for `SpanModel`.
    Outputs: those of the head, see its `OnnxForm`; with context, L is the
    number of tokens of the longest sentence without it.

    Args:
        weights: Weights by the names of `SpanModel.saved_weights`.
        config: Config of the model.
        pad_id: Id of the padding token.
        properties: Metadata of the model.
        int8: Whether the encoder's tables and products are in int8. The head,
            small and decisive, stays in float32.

    Returns:
        Content of an ONNX file.

    Raises:
        ConfigError: If it exceeds the size limit of such a file, or the head
            has no ONNX form.
    """
    head = onnx_form(config.head.name, multi_label=config.head.multi_label)
    network = Network(weights, config, pad_id, int8=int8)
    head.write(network.graph, weights, config.head, *network.build())
    return network.graph.to_model(
        {onnx_model.INPUT: (np.int32, ["sentences", "places"])},
        {name: (one.dtype, one.axes) for name, one in head.OUTPUTS.items()},
        properties,
    )


class Network:
    """Adds encoder and neck to a new graph; see `build_network`.

    Attributes:
        graph: The graph.
    """

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        config: ModelConfig,
        pad_id: int,
        *,
        int8: bool,
    ) -> None:
        self.graph = OnnxGraph(int8=int8)
        self._weights = weights
        encoder = config.encoder
        self._encoder: OnnxEncoder | OnnxBilstm
        if isinstance(encoder, EncoderConfig):
            self._encoder = OnnxEncoder(self.graph, weights, encoder)
        else:
            assert isinstance(encoder, BilstmConfig)
            self._encoder = OnnxBilstm(self.graph, weights, encoder)
        self._config = config
        self._pad_id = pad_id

    def build(self) -> tuple[str, str]:
        """Returns vectors `[B, L, H]` and numbers of tokens `[B, 1]`."""
        graph, ids = self.graph, onnx_model.INPUT
        zero = graph.constant(np.int32(0))
        has_context = self._config.context_tokens > 0
        words = ids
        is_own = is_real = graph(
            "Not", graph("Equal", ids, graph.constant(np.int32(self._pad_id)))
        )
        if has_context:
            is_context = graph("Less", ids, zero)
            own_ids = graph("Sub", graph.constant(np.int32(-1)), ids)
            words = graph("Where", is_context, own_ids, ids)
            is_own = graph("And", is_real, graph("Not", is_context))
        layers = self._encoder.layers(words, is_real)
        vectors = write_neck(
            graph, self._weights, self._config, layers, is_real
        )
        counts = graph.cast(is_own, np.int32)
        counts = graph("ReduceSum", counts, graph.integers(1), keepdims=1)
        counts = graph("Sub", counts, graph.constant(np.int32(2)))  # [B, 1]
        vectors = self._inner(vectors)
        if self._config.head.position is Position.JOINED:
            vectors = self._join_positions(vectors)
        if has_context:
            vectors = self._without_context(vectors, ids, counts)
        return vectors, counts

    def _inner(self, vectors: str) -> str:
        """Drops the first and last position: `[B, N, H]` to `[B, L, H]`."""
        one = self.graph.integers(1)
        return self.graph("Slice", vectors, one, self.graph.integers(-1), one)

    def _join_positions(self, vectors: str) -> str:
        graph, encoder = self.graph, self._encoder
        assert isinstance(encoder, OnnxEncoder)  # as ModelConfig checks
        shape = graph("Shape", vectors, end=2)  # B, L
        end = graph("Shape", vectors, start=1, end=2)
        end = graph("Add", end, graph.integers(1))
        places = encoder.positions(1, end)  # [L, E]
        width = graph.integers(encoder.width)
        shape = graph("Concat", shape, width, axis=0)
        places = graph("Expand", places, shape)
        return graph("Concat", vectors, places, axis=2)

    def _without_context(self, vectors: str, ids: str, counts: str) -> str:
        """Moves the vectors of each sentence to the first position."""
        graph = self.graph
        zero, one = graph.constant(np.int32(0)), graph.constant(np.int32(1))
        is_inner = graph("GreaterOrEqual", self._inner(ids), zero)
        is_inner = graph.cast(is_inner, np.int32)
        begins = graph("ArgMax", is_inner, axis=1)  # [B, 1]
        begins = graph.cast(begins, np.int32)
        # The length is at least one, also for only padding or no sentences.
        least = graph.constant(np.ones([1, 1], np.int32))
        longest = graph("Concat", counts, least, axis=0)
        longest = graph("ReduceMax", longest, keepdims=0)
        places = graph("Add", begins, graph("Range", zero, longest, one))
        length = graph("Shape", vectors, start=1, end=2)
        last = graph("Sub", graph.cast(length, np.int32), one)
        places = graph("Min", places, last)
        places = graph.cast(places, np.int64)
        places = graph("Unsqueeze", places, graph.integers(2))  # [B, L, 1]
        return graph("GatherND", vectors, places, batch_dims=1)
