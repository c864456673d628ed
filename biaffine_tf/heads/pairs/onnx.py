"""ONNX form of heads of pairs: their outputs, and how they are read.

Does not load TensorFlow. Scores all pairs even with `max_span_width`, which
costs little up to a few hundred tokens.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from biaffine_tf.config import HeadConfig
from biaffine_tf.decoding import Candidates
from biaffine_tf.heads.head import OnnxOutput

_PAIRS = ["sentences", "first", "last"]
_BEST = {
    "labels": OnnxOutput(
        np.int32,
        _PAIRS,
        "first token by last token: the best label; n is line n of "
        "`labels.txt`, from 1",
    ),
    "logits": OnnxOutput(np.float32, _PAIRS, "the logit of this label"),
    "margins": OnnxOutput(
        np.float32,
        _PAIRS,
        'that logit minus the logit of "none"; minus infinity where there is '
        "no span: the last token before the first, wider than "
        "`max_span_width` of `config.json`, or padding",
    ),
    "log_odds": OnnxOutput(
        np.float32,
        _PAIRS,
        "log-odds of the model's probability of this label, before calibration",
    ),
}
_LABELS = ["sentences", "first", "label", "last"]
# For models that find several labels of a span.
_EVERY = {
    "logits": OnnxOutput(
        np.float32,
        _LABELS,
        "first token by label by last token: the logit; label n is line n + 1 "
        "of `labels.txt`",
    ),
    "margins": OnnxOutput(
        np.float32,
        _LABELS,
        'that logit minus the logit of "none", the log-odds of the label '
        "before calibration; minus infinity where there is no span",
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
    """

    write_logits: Write
    floats: Callable[..., int]
    is_multi_label: bool = False

    def for_several_labels(self) -> PairForm:
        """Returns the form of models that find several labels of a span."""
        return dataclasses.replace(self, is_multi_label=True)

    @property
    def OUTPUTS(self) -> dict[str, OnnxOutput]:
        """Outputs of the model by name."""
        return _EVERY if self.is_multi_label else _BEST

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
        if self.is_multi_label:
            _add_label_outputs(graph, logits, is_span)
        else:
            _add_outputs(graph, num_classes, logits, is_span)

    def read(
        self,
        outputs: Sequence[np.ndarray],
        *,
        min_margin: float,
        force_one_entity: bool,
    ) -> Candidates:
        """Returns the pairs with a sufficient margin; see `OnnxForm`."""
        if self.is_multi_label:
            return _read_labels(outputs, min_margin, force_one_entity)
        return _read_best(outputs, min_margin, force_one_entity)


def _read_best(
    outputs: Sequence[np.ndarray], min_margin: float, force_one_entity: bool
) -> Candidates:
    labels, logits, margins, log_odds = outputs
    chosen = margins > min_margin
    if force_one_entity:
        _choose_best(chosen, logits, margins)
    where = np.nonzero(chosen)
    sentences, first, last = where
    return Candidates(
        sentences,
        first,
        last + 1,
        labels[where],
        margins[where],
        logits[where],
        log_odds[where],
    )


def _read_labels(
    outputs: Sequence[np.ndarray], min_margin: float, force_one_entity: bool
) -> Candidates:
    logits, margins = (x.transpose(0, 1, 3, 2) for x in outputs)
    chosen = np.asarray(margins > min_margin)  # [B, L, L, K]
    if force_one_entity:
        best, at = logits.max(axis=3), logits.argmax(axis=3)
        some = np.asarray(chosen.any(axis=3))
        forced = some.copy()
        _choose_best(forced, best, margins.max(axis=3))
        where = np.nonzero(forced & ~some)
        chosen[(*where, at[where])] = True
    where = np.nonzero(chosen)
    sentences, first, last, label = where
    return Candidates(
        sentences,
        first,
        last + 1,
        label.astype(np.int32) + 1,
        margins[where],
        logits[where],
        margins[where],
    )


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
    graph: Any, num_classes: int, logits: str, is_span: str
) -> None:
    """Computes the outputs from `[B, L, C, L]` and `[B, L, L]`."""
    classes, ends = graph.integers(2), graph.integers(2**31 - 1)
    labelled = graph("Slice", logits, graph.integers(1), ends, classes)
    none = graph("Gather", logits, graph.constant(np.int64(0)), axis=2)
    label = graph("ArgMax", labelled, axis=2, keepdims=0)
    label = graph.cast(label, np.int32)
    one = graph.constant(np.int32(1))
    label = graph("Add", label, one, name="labels")
    best = graph("ReduceMax", labelled, classes, keepdims=0, name="logits")
    margin = graph("Sub", best, none)
    nothing = graph.number(-math.inf)
    graph("Where", is_span, margin, nothing, name="margins")
    every = np.arange(num_classes, dtype=np.int32)[:, np.newaxis]
    label = graph("Unsqueeze", label, classes)
    is_own = graph("Equal", graph.constant(every), label)
    others = graph("Where", is_own, nothing, logits)
    highest = graph("ReduceMax", others, classes, keepdims=1)
    others = graph("Exp", graph("Sub", others, highest))
    total = graph("ReduceSum", others, classes, keepdims=0)
    best = graph("Sub", best, graph("Squeeze", highest, classes))
    graph("Sub", best, graph("Log", total), name="log_odds")


def _add_label_outputs(graph: Any, logits: str, is_span: str) -> None:
    """Computes the outputs for several labels of a span."""
    ends, classes = graph.integers(2**31 - 1), graph.integers(2)
    own = graph(
        "Slice", logits, graph.integers(1), ends, classes, name="logits"
    )
    none = graph("Slice", logits, graph.integers(0), graph.integers(1), classes)
    margin = graph("Sub", own, none)  # [B, L, K, L]
    is_span = graph("Unsqueeze", is_span, classes)
    nothing = graph.number(-math.inf)
    graph("Where", is_span, margin, nothing, name="margins")


def _choose_best(
    chosen: np.ndarray, logits: np.ndarray, margins: np.ndarray
) -> None:
    """Chooses the best pair of each sentence that has none chosen.

    It is the first of those with the greatest logit of any label.

    Args:
        chosen: bool `[B, L, L]`, changed in place.
        logits: Logit of the best label of each pair.
        margins: Margin of each pair; minus infinity if it is no span.
    """
    length = chosen.shape[1]
    is_span = margins > -np.inf
    empty = ~chosen.any(axis=(1, 2)) & is_span.any(axis=(1, 2))
    (rows,) = np.nonzero(empty)
    ranks = np.where(is_span[rows], logits[rows], -np.inf)
    best = ranks.reshape(len(rows), length * length).argmax(axis=1)
    chosen[rows, best // length, best % length] = True
