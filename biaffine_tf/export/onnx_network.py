"""The network of a span model as an ONNX graph; no TensorFlow.

Node by node, what `SpanModel` and `Finder` compute. It is written out because
a converter of TensorFlow's graphs takes 22 GiB of memory for a BERT of 12
layers, and has no nodes for quantised products.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from biaffine_tf.config import ModelConfig, Position
from biaffine_tf.export.onnx_encoder import OnnxEncoder
from biaffine_tf.export.onnx_graph import OnnxGraph
from biaffine_tf.model_directory import onnx_model


def build_network(
    weights: Mapping[str, np.ndarray],
    config: ModelConfig,
    *,
    num_classes: int,
    pad_id: int,
    properties: Mapping[str, str],
    int8: bool = False,
) -> bytes:
    """Makes the model.

    Input: `input_ids`, int32 `[B, L + 2]`, as for `SpanModel`.
    Outputs, each `[B, L, L]`, first piece by last: `labels`, int32, the best
    class but "none"; float32 `logits`, its logit; `margins`, that less the
    logit of "none", and minus infinity where there is no span: first > last,
    beyond the text or wider than `max_span_width`; `log_odds`, those of its
    probability.
    With context L is that of the longest sentence without it.

    All pairs are scored, also of a model whose training knows the band of
    `max_span_width` alone: of up to a few hundred pieces that costs little.

    Args:
        weights: By the names of `SpanModel.saved_weights`.
        config: Of the model.
        num_classes: C, "none" included.
        pad_id: Id of the padding piece.
        properties: What the model is to say of itself.
        int8: Whether the encoder's tables and products are in eight bits. The
            head's are not: it is small, and decides.

    Returns:
        The content of an ONNX file.

    Raises:
        ConfigError: If that is more than a file can hold.
    """
    network = _Network(weights, config, num_classes, pad_id, int8=int8)
    network.build()
    cells = ["sentences", "first", "last"]
    dtypes = (np.int32, np.float32, np.float32, np.float32)
    return network.graph.to_model(
        {onnx_model.INPUT: (np.int32, ["sentences", "places"])},
        {
            name: (dtype, cells)
            for name, dtype in zip(onnx_model.OUTPUTS, dtypes, strict=True)
        },
        properties,
    )


class _Network:
    """The parts of the network, which add themselves to a graph."""

    def __init__(
        self,
        weights: Mapping[str, np.ndarray],
        config: ModelConfig,
        num_classes: int,
        pad_id: int,
        *,
        int8: bool,
    ) -> None:
        self.graph = OnnxGraph(int8=int8)
        self._encoder = OnnxEncoder(self.graph, weights, config.encoder)
        self._weights = weights
        self._config = config
        self._num_classes = num_classes
        self._pad_id = pad_id

    def build(self) -> None:
        """All of it, to the outputs."""
        graph, ids = self.graph, onnx_model.INPUT
        zero = graph.constant(np.int32(0))
        has_context = self._config.context_pieces > 0
        words = ids
        is_own = is_real = graph(
            "Not", graph("Equal", ids, graph.constant(np.int32(self._pad_id)))
        )
        if has_context:
            is_context = graph("Less", ids, zero)
            own_ids = graph("Sub", graph.constant(np.int32(-1)), ids)
            words = graph("Where", is_context, own_ids, ids)
            is_own = graph("And", is_real, graph("Not", is_context))
        vectors = self._encoder(words, is_real)
        counts = graph("Cast", is_own, to=TensorProto.INT32)
        counts = graph("ReduceSum", counts, graph.integers(1), keepdims=1)
        counts = graph("Sub", counts, graph.constant(np.int32(2)))  # [B, 1]
        vectors = self._inner(vectors)
        if self._config.head.position is Position.JOINED:
            vectors = self._join_positions(vectors)
        if has_context:
            vectors = self._without_context(vectors, ids, counts)
        self._judge(self._logits(vectors), self._is_span(vectors, counts))

    def _inner(self, vectors: str) -> str:
        """All but the first and the last place: `[B, N, H]` to `[B, L, H]`."""
        one = self.graph.integers(1)
        return self.graph("Slice", vectors, one, self.graph.integers(-1), one)

    def _join_positions(self, vectors: str) -> str:
        """`[B, L, H]` to `[B, L, H + E]`."""
        graph = self.graph
        shape = graph("Shape", vectors, end=2)  # B, L
        end = graph("Shape", vectors, start=1, end=2)
        end = graph("Add", end, graph.integers(1))
        places = self._encoder.positions(1, end)  # [L, E]
        width = graph.integers(self._config.encoder.embedding_width)
        shape = graph("Concat", shape, width, axis=0)
        places = graph("Expand", places, shape)
        return graph("Concat", vectors, places, axis=2)

    def _without_context(self, vectors: str, ids: str, counts: str) -> str:
        """The vectors of the sentences, from the first place on."""
        graph = self.graph
        zero, one = graph.constant(np.int32(0)), graph.constant(np.int32(1))
        is_inner = graph("GreaterOrEqual", self._inner(ids), zero)
        is_inner = graph("Cast", is_inner, to=TensorProto.INT32)
        begins = graph("ArgMax", is_inner, axis=1)  # [B, 1]
        begins = graph("Cast", begins, to=TensorProto.INT32)
        # At least one: of nothing but padding, and of no sentences.
        least = graph.constant(np.ones([1, 1], np.int32))
        longest = graph("Concat", counts, least, axis=0)
        longest = graph("ReduceMax", longest, keepdims=0)
        places = graph("Add", begins, graph("Range", zero, longest, one))
        length = graph("Shape", vectors, start=1, end=2)
        last = graph("Sub", graph("Cast", length, to=TensorProto.INT32), one)
        places = graph("Min", places, last)
        places = graph("Cast", places, to=TensorProto.INT64)
        places = graph("Unsqueeze", places, graph.integers(2))  # [B, L, 1]
        return graph("GatherND", vectors, places, batch_dims=1)

    def _logits(self, vectors: str) -> str:
        """Class-major logits `[B, L, C, L]`, as of `scores.pair_logits`."""
        graph = self.graph
        starts, ends = (
            graph.product(
                vectors,
                self._weight(f"biaffine/{part}/kernel"),
                self._weight(f"biaffine/{part}/bias"),
            )
            for part in ("start", "end")
        )
        # The ones that are appended to starts make the last row a bias.
        bilinear = self._weight("biaffine/bilinear")  # [D + 1, C, D + 1]
        size = len(bilinear) - 1
        flat = bilinear.reshape(size + 1, -1)
        mapped = graph.product(starts, flat[:-1], flat[-1])
        batch = graph("Shape", vectors, end=1)
        length = graph("Shape", vectors, start=1, end=2)
        classes = graph.integers(self._num_classes)
        rows = graph("Mul", length, classes)
        width = graph.integers(size + 1)
        mapped = self._reshape(mapped, batch, rows, width)
        pads = graph.integers(0, 0, 0, 0, 0, 1)
        ends = graph("Pad", ends, pads, graph.number(1))  # [B, L, D + 1]
        ends = graph("Transpose", ends, perm=[0, 2, 1])
        logits = graph("MatMul", mapped, ends)  # [B, L * C, L]
        return self._reshape(logits, batch, length, classes, length)

    def _reshape(self, values: str, *sizes: str) -> str:
        """Any of the sizes may be 0: no sentences, or none with pieces."""
        shape = self.graph("Concat", *sizes, axis=0)
        return self.graph("Reshape", values, shape, allowzero=1)

    def _is_span(self, vectors: str, counts: str) -> str:
        """Which pairs are spans, bool `[B, L, L]`; see `blocks.pair_mask`."""
        graph = self.graph
        zero, one = graph.constant(np.int32(0)), graph.constant(np.int32(1))
        length = graph("Shape", vectors, start=1, end=2)
        length = graph("Squeeze", graph("Cast", length, to=TensorProto.INT32))
        last = graph("Range", zero, length, one)
        first = graph("Unsqueeze", last, graph.integers(1))
        distance = graph("Sub", last, first)  # [L, L]
        is_span = graph("GreaterOrEqual", distance, zero)
        width = self._config.head.max_span_width
        if width is not None:
            is_narrow = graph("Less", distance, graph.constant(np.int32(width)))
            is_span = graph("And", is_span, is_narrow)
        counts = graph("Unsqueeze", counts, graph.integers(2))  # [B, 1, 1]
        return graph("And", is_span, graph("Less", last, counts))

    def _judge(self, logits: str, is_span: str) -> None:
        """The outputs, of `[B, L, C, L]` and `[B, L, L]`."""
        graph, classes = self.graph, self.graph.integers(2)
        ends = graph.integers(2**31 - 1)
        labels, logits_of_labels, margins, log_odds = onnx_model.OUTPUTS
        labelled = graph("Slice", logits, graph.integers(1), ends, classes)
        none = graph("Gather", logits, graph.constant(np.int64(0)), axis=2)
        label = graph("ArgMax", labelled, axis=2, keepdims=0)
        label = graph("Cast", label, to=TensorProto.INT32)
        one = graph.constant(np.int32(1))
        label = graph("Add", label, one, name=labels)
        best = graph(
            "ReduceMax", labelled, classes, keepdims=0, name=logits_of_labels
        )
        margin = graph("Sub", best, none)
        nothing = graph.number(-math.inf)
        graph("Where", is_span, margin, nothing, name=margins)
        every = np.arange(self._num_classes, dtype=np.int32)[:, np.newaxis]
        label = graph("Unsqueeze", label, classes)
        is_own = graph("Equal", graph.constant(every), label)
        others = graph("Where", is_own, nothing, logits)
        highest = graph("ReduceMax", others, classes, keepdims=1)
        others = graph("Exp", graph("Sub", others, highest))
        total = graph("ReduceSum", others, classes, keepdims=0)
        best = graph("Sub", best, graph("Squeeze", highest, classes))
        graph("Sub", best, graph("Log", total), name=log_odds)

    def _weight(self, name: str) -> np.ndarray:
        return np.asarray(self._weights[name], np.float32)
