"""The BiLSTM encoder as part of an ONNX graph; twin of `BilstmEncoder`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from biaffine_tf.config import BilstmConfig
from biaffine_tf.config.bilstm import (
    NGRAM_REACH,
    NGRAM_SIZES,
    ngram_shifts,
    ngram_sites,
)
from biaffine_tf.export.onnx_graph import OnnxGraph
from biaffine_tf.export.onnx_lstm import write_bilstm


class OnnxBilstm:
    """Adds an encoder to a graph.

    In int8 only its tables are quantised: ONNX's LSTM has no such form.

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
        config: BilstmConfig,
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
            The vectors alone, float32 `[B, N, H]`.
        """
        graph = self._graph
        mask = graph.cast(is_real, np.int32)
        ids = graph("Mul", words, mask)
        x = self._embed(ids)
        lengths = graph("ReduceSum", mask, graph.integers(1), keepdims=0)
        # Rows of padding have one token, whose vector the mask removes.
        lengths = graph("Max", lengths, graph.constant(np.int32(1)))
        x = graph("Transpose", x, perm=[1, 0, 2])  # [N, B, E]
        for number in range(self._config.num_hidden_layers):
            name = f"encoder/bilstm/layer_{number}"
            x = write_bilstm(graph, self._weights, name, x, lengths)
        x = graph(
            "LayerNormalization",
            graph("Transpose", x, perm=[1, 0, 2]),
            graph.constant(self._weight("bilstm/layer_norm/gamma")),
            graph.constant(self._weight("bilstm/layer_norm/beta")),
            axis=-1,
            epsilon=self._config.layer_norm_eps,
        )
        if self._config.ngram_size:
            x = graph("Add", x, self._map_ngrams(ids))
        real = graph("Unsqueeze", mask, graph.integers(2))
        return [graph("Mul", x, graph.cast(real, np.float32))]

    def _embed(self, ids: str) -> str:
        """Looks up tokens and their pairs, `[B, N]` to `[B, N, E]`."""
        graph = self._graph
        pads = graph.integers(0, 1, 0, 1)
        padded = graph("Pad", graph.cast(ids, np.int64), pads)
        first, last = graph.integers(0), graph.integers(-1)
        one, axis = graph.integers(1), graph.integers(1)
        end = graph.integers(np.iinfo(np.int64).max)
        before = graph("Slice", padded, first, last, axis)
        behind = graph("Slice", padded, one, end, axis)
        factor = graph.constant(np.int64(self._config.pair_factor))
        keys = graph("Add", graph("Mul", before, factor), behind)
        count = graph.constant(np.int64(self._config.num_bigram_rows))
        rows = graph("Mod", keys, count)
        pairs = graph.rows(self._weight("bigram_embeddings/embeddings"), rows)
        return graph(
            "Concat",
            graph.rows(self._weight("token_embeddings/embeddings"), ids),
            graph("Slice", pairs, first, last, axis),
            graph("Slice", pairs, one, end, axis),
            axis=2,
        )

    def _map_ngrams(self, ids: str) -> str:
        """Sums and maps the n-grams around each token, `[B, N, H]`."""
        graph = self._graph
        rows = self._config.num_ngram_rows
        factor = graph.constant(np.int64(self._config.ngram_factor))
        count = graph.constant(np.int64(rows))
        axis, one = graph.integers(1), graph.integers(1)
        pads = graph.integers(0, NGRAM_REACH, 0, NGRAM_REACH)
        tokens = graph("Pad", graph.cast(ids, np.int64), pads)
        tokens = graph("Add", tokens, one)

        def part(x: str, first: int, behind: int) -> str:
            """Columns of `[B, N + 2 * NGRAM_REACH]`; the end is 0 or less."""
            end = behind or np.iinfo(np.int64).max
            return graph(
                "Slice", x, graph.integers(first), graph.integers(end), axis
            )

        keys_of: dict[int, str] = {}
        for size in NGRAM_SIZES:
            keys = part(tokens, size - 1, 0)
            if size > 1:
                keys = graph("Add", part(keys_of[size - 1], 0, -1), keys)
            keys_of[size] = graph("Mod", graph("Mul", keys, factor), count)
        last_axis = graph.integers(2)
        found = [
            graph(
                "Unsqueeze",
                part(
                    keys_of[size],
                    begin,
                    begin + size - 1 - 2 * NGRAM_REACH,
                ),
                last_axis,
            )
            for size, begin in ngram_sites()
        ]
        keys = graph("Concat", *found, axis=2)
        keys = graph("Add", keys, graph.integers(*ngram_shifts(rows)))
        ngrams = graph.rows(
            self._weight("ngram_embeddings/embeddings"),
            graph("Mod", keys, count),
        )
        ngrams = graph("ReduceSum", ngrams, last_axis, keepdims=0)
        kernel = graph.constant(self._weight("ngram_map/kernel"))
        return graph("MatMul", ngrams, kernel)

    def _weight(self, name: str) -> np.ndarray:
        return np.asarray(self._weights[f"encoder/{name}"], np.float32)
