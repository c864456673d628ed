"""ONNX form of heads of pairs: candidates as outputs.

Does not load TensorFlow. Scores all pairs even with `max_span_width`, which
costs little up to a few hundred tokens.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from biaffine_tf.config import HeadConfig
from biaffine_tf.decoding import Candidates
from biaffine_tf.heads.head import OnnxOutput, OnnxRun
from biaffine_tf.heads.pairs import onnx_earlier

MIN_MARGIN = "min_margin"
_ROWS = ["candidates"]
_OUTPUTS = {
    "sentences": OnnxOutput(np.int64, _ROWS, "row of `input_ids`, ascending"),
    "starts": OnnxOutput(np.int64, _ROWS, "first token, from 0 after [CLS]"),
    "ends": OnnxOutput(np.int64, _ROWS, "one past the last token"),
    "labels": OnnxOutput(
        np.int32, _ROWS, "label; n is line n of `labels.txt`, from 1"
    ),
    "margins": OnnxOutput(
        np.float32,
        _ROWS,
        'logit of this label minus that of "none"; above `min_margin`',
    ),
    "logits": OnnxOutput(np.float32, _ROWS, "logit of this label"),
    "log_odds": OnnxOutput(
        np.float32,
        _ROWS,
        "log-odds of the model's probability of this label, before calibration",
    ),
}


class Inputs(NamedTuple):
    """Names of the inputs of a head.

    Attributes:
        vectors: Token vectors, float32 `[B, L, H]`.
        counts: Numbers of tokens, int32 `[B, 1]`.
        length: L, int64 `[1]`.
    """

    vectors: str
    counts: str
    length: str


class Write(Protocol):
    """Adds the nodes of the logits of a head to a graph."""

    def __call__(
        self,
        graph: Any,
        weights: Mapping[str, np.ndarray],
        config: HeadConfig,
        inputs: Inputs,
    ) -> tuple[str, int]:
        """Returns logits `[B, L, C, L]` and C; see `OnnxForm.write`."""


@dataclasses.dataclass(frozen=True)
class PairForm:
    """An `OnnxForm` of a head of pairs.

    Attributes:
        write_logits: Adds the nodes of the logits.
        floats: See `OnnxForm`.
        is_multi_label: Whether a pair may have several labels.
        is_earlier: Whether models are of version 2.
    """

    write_logits: Write
    floats: Callable[..., int]
    is_multi_label: bool = False
    is_earlier: bool = False

    def variant(self, *, multi_label: bool, is_earlier: bool) -> PairForm:
        """Returns the form of models with several labels, or of version 2."""
        return dataclasses.replace(
            self, is_multi_label=multi_label, is_earlier=is_earlier
        )

    @property
    def OUTPUTS(self) -> dict[str, OnnxOutput]:
        """Outputs of the model by name: the columns of `Candidates`."""
        return _OUTPUTS

    def write(
        self,
        graph: Any,
        weights: Mapping[str, np.ndarray],
        config: HeadConfig,
        vectors: str,
        counts: str,
    ) -> None:
        """Adds the head to a graph; see `OnnxForm`."""
        length = graph("Shape", vectors, start=1, end=2)
        inputs = Inputs(vectors, counts, length)
        logits, num_classes = self.write_logits(graph, weights, config, inputs)
        is_span = _is_span(graph, config.max_span_width, length, counts)
        least = graph.setting(MIN_MARGIN, np.float32)
        if self.is_multi_label:
            _add_label_outputs(graph, logits, is_span, least)
        else:
            _add_outputs(graph, logits, is_span, least, num_classes, length)

    def find(
        self,
        run: OnnxRun,
        input_ids: np.ndarray,
        *,
        min_margin: float,
        force_one_entity: bool,
    ) -> Candidates:
        """Returns the pairs with a sufficient margin; see `OnnxForm`."""
        if self.is_earlier:
            return onnx_earlier.find(
                run,
                input_ids,
                min_margin=min_margin,
                force_one_entity=force_one_entity,
                is_multi_label=self.is_multi_label,
            )

        def candidates(ids: np.ndarray, least: float) -> Candidates:
            least_margin = np.array(least, np.float32)
            return Candidates(*run(ids, {MIN_MARGIN: least_margin}))

        found = candidates(input_ids, min_margin)
        if not force_one_entity:
            return found
        is_empty = np.ones(len(input_ids), bool)
        is_empty[found.sentences] = False
        (rows,) = np.nonzero(is_empty)
        if not len(rows):
            return found
        best = _best_of_each(candidates(input_ids[rows], -math.inf))
        best = best._replace(sentences=rows[best.sentences])
        joined = found.map(lambda *two: np.concatenate(two), best)
        return joined.take(np.argsort(joined.sentences, kind="stable"))


def _best_of_each(candidates: Candidates) -> Candidates:
    """Keeps the highest logit of each sentence; of equal ones, the first."""
    _, starts, ends, labels, _, logits, _ = candidates
    order = np.lexsort([labels, ends, starts, -logits, candidates.sentences])
    ordered = candidates.take(order)
    _, first = np.unique(ordered.sentences, return_index=True)
    return ordered.take(first)


def _is_span(graph: Any, width: int | None, length: str, counts: str) -> str:
    """Marks valid spans, bool `[B, L, L]`; see `blocks.pair_mask`."""
    zero, one = graph.constant(np.int32(0)), graph.constant(np.int32(1))
    length = graph("Squeeze", graph.cast(length, np.int32))
    last = graph("Range", zero, length, one)
    first = graph("Unsqueeze", last, graph.integers(1))
    distance = graph("Sub", last, first)  # [L, L]
    is_span = graph("GreaterOrEqual", distance, zero)
    if width is not None:
        is_narrow = graph("Less", distance, graph.constant(np.int32(width)))
        is_span = graph("And", is_span, is_narrow)
    counts = graph("Unsqueeze", counts, graph.integers(2))  # [B, 1, 1]
    return graph("And", is_span, graph("Less", last, counts))


def _add_outputs(
    graph: Any,
    logits: str,
    is_span: str,
    least: str,
    num_classes: int,
    length: str,
) -> None:
    """Computes the outputs from `[B, L, C, L]` and `[B, L, L]`.

    Only margins are computed of all pairs, the rest of candidates.
    """
    first, ends = graph.integers(1), graph.integers(2**31 - 1)
    zero = graph.constant(np.int64(0))
    labelled = graph("Slice", logits, first, ends, graph.integers(2))
    none = graph("Gather", logits, zero, axis=2)
    best = graph("ReduceMax", labelled, graph.integers(2), keepdims=0)
    cells = _choose(graph, graph("Sub", best, none), is_span, least)
    _add_places(graph, cells)
    logits = _logits_of(graph, logits, cells, num_classes, length)  # [N, C]
    labelled = graph("Slice", logits, first, ends, first)
    best = graph("ReduceMax", labelled, first, keepdims=0, name="logits")
    none = graph("Gather", logits, zero, axis=1)
    graph("Sub", best, none, name="margins")
    label = graph("ArgMax", labelled, axis=1, keepdims=0)
    label = _add_labels(graph, label)
    every = graph.constant(np.arange(num_classes, dtype=np.int32))
    is_own = graph("Equal", every, graph("Unsqueeze", label, first))
    others = graph("Where", is_own, graph.number(-math.inf), logits)
    highest = graph("ReduceMax", others, first, keepdims=1)
    others = graph("Exp", graph("Sub", others, highest))
    total = graph("ReduceSum", others, first, keepdims=0)
    best = graph("Sub", best, graph("Squeeze", highest, first))
    graph("Sub", best, graph("Log", total), name="log_odds")


def _logits_of(
    graph: Any, logits: str, cells: str, num_classes: int, length: str
) -> str:
    """Gathers the logits of pairs `[3, N]` from `[B, L, C, L]`, `[N, C]`."""
    row = graph("Mul", length, graph.integers(num_classes))
    strides = graph("Mul", row, length), row, graph.integers(1)
    strides = graph("Concat", *strides, axis=0)
    strides = graph("Unsqueeze", strides, graph.integers(1))  # [3, 1]
    begins = graph("Mul", cells, strides)
    begins = graph("ReduceSum", begins, graph.integers(0), keepdims=0)
    begins = graph("Unsqueeze", begins, graph.integers(1))
    steps = graph("Mul", length, graph.integers(*range(num_classes)))
    flat = graph("Reshape", logits, graph.integers(-1))
    return graph("Gather", flat, graph("Add", begins, steps))


def _add_label_outputs(
    graph: Any, logits: str, is_span: str, least: str
) -> None:
    """Computes the outputs for several labels of a span."""
    ends, classes = graph.integers(2**31 - 1), graph.integers(2)
    own = graph("Slice", logits, graph.integers(1), ends, classes)
    none = graph("Slice", logits, graph.integers(0), graph.integers(1), classes)
    margins = graph("Sub", own, none)  # [B, L, K, L]
    is_span = graph("Unsqueeze", is_span, classes)
    cells = _choose(graph, margins, is_span, least)  # [4, N]
    _add_places(graph, cells)
    _add_labels(graph, graph("Gather", cells, graph.constant(np.int64(2))))
    where = graph("Transpose", cells, perm=[1, 0])
    graph("GatherND", own, where, name="logits")
    margins = graph("GatherND", margins, where, name="margins")
    graph("Identity", margins, name="log_odds")


def _choose(graph: Any, margins: str, is_span: str, least: str) -> str:
    """Finds the cells with a sufficient margin, int64 `[axes, N]`."""
    is_chosen = graph("Greater", margins, least)
    return graph("NonZero", graph("And", is_chosen, is_span))


def _add_places(graph: Any, cells: str) -> None:
    """Adds the outputs for the places of cells; the last axis is the end."""
    first, second, last = (graph.constant(np.int64(n)) for n in (0, 1, -1))
    graph("Gather", cells, first, name="sentences")
    graph("Gather", cells, second, name="starts")
    last = graph("Gather", cells, last)
    graph("Add", last, graph.constant(np.int64(1)), name="ends")


def _add_labels(graph: Any, labels: str) -> str:
    """Adds the output of labels, given from 0 without "none"."""
    labels = graph.cast(labels, np.int32)
    return graph("Add", labels, graph.constant(np.int32(1)), name="labels")
