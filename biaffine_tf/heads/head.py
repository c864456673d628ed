"""Protocols of heads; no TensorFlow is loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from biaffine_tf.config import HeadConfig, ModelConfig, TrainingConfig
from biaffine_tf.decoding.candidates import Candidates

if TYPE_CHECKING:
    import tensorflow as tf

    from biaffine_tf.records.span_records import Records

Metrics = dict[str, tuple["tf.Tensor", "tf.Tensor"]]


class SoftCells(NamedTuple):
    """Probabilities of the labels of spans by teachers, for a batch.

    Attributes:
        cells: int32 `[B, M, 3]`: first token, last token, label id; padding is
            all zeros.
        probabilities: At `TrainingConfig.distil_temperature`, float32 `[B, M]`;
            0 for labels that are not listed, the rest to 1 for "none".
        is_labelled: Whether the sentence has gold spans, too, bool `[B]`.
    """

    cells: tf.Tensor
    probabilities: tf.Tensor
    is_labelled: tf.Tensor


class Head(Protocol):
    """A Keras layer from token vectors `[B, L, H]` to scores of spans.

    A call gives all scores at once, in a form of the head's own, as the
    signature `score_pieces` of a SavedModel does. Training and prediction call
    `batch_metrics` and `candidates`, which need not hold all scores.

    A head that can be distilled (`heads.HeadSource.distils`) takes `soft`,
    `SoftCells` or None, as a keyword of `batch_metrics`: the loss is then
    distributed by `TrainingConfig.distil_weight`. Its `candidates` take
    `every_label`: whether to give every label of a span, not only the best.

    A head whose scores depend on neighbouring tokens has `needs_counts`, true:
    a call then takes `counts`, the number of tokens of each sentence, `[B]`.
    One that can weigh classes takes `class_weights`, float32 `[C]`, as a
    keyword of `batch_metrics`. One that can learn from sentences whose source
    does not label every type (`heads.HeadSource.takes_label_sets`) takes
    `labelled`, bool `[B, C]`, likewise.

    A head that can compare predictions (`heads.HeadSource.compares`) has a
    method `divergence` like that of `heads.pairs.head.PairHead`.

    A head whose loss takes weights (`heads.HeadSource.weighs`) has the keyword
    `weights` of `batch_metrics`: the factor of the loss of each sentence,
    float32 `[B]`, or None.

    Attributes:
        name: Name of the layer, a component of the names of its weights.
        metric_names: Names of the metrics of a batch; "loss" is one of them.
    """

    name: str
    metric_names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        config: HeadConfig,
        *,
        num_classes: int,
        initializer: Any = None,
    ) -> Self:
        """Builds the layer.

        Args:
            config: Settings of the head.
            num_classes: C, "none" included.
            initializer: Initializer of all weights; None for the head's own.
        """

    def __call__(
        self, vectors: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Scores vectors `[B, L, H]`."""

    def computing_in(
        self, policy: Any
    ) -> contextlib.AbstractContextManager[None]:
        """Traces the layer under a mixed-precision policy."""

    def initialize(
        self, records: Records, model: ModelConfig, training: TrainingConfig
    ) -> None:
        """Sets the initial weights for training.

        Args:
            records: Training data.
            model: Settings of the model.
            training: Settings of the loss.
        """

    def with_new_labels(
        self, stored: Mapping[str, np.ndarray], training: TrainingConfig
    ) -> Mapping[str, np.ndarray]:
        """Extends the weights of a trained model by those of new labels.

        Args:
            stored: Weights by the names of `SpanModel.saved_weights`. The
                model's labels are the first of this head's. Weights that do not
                fit are left unchanged.
            training: Training settings that initialized this head.
        """

    def batch_metrics(
        self,
        vectors: tf.Tensor,
        gold: tf.Tensor,
        counts: tf.Tensor,
        config: TrainingConfig,
        *,
        seed: tf.Tensor,
        training: bool = True,
    ) -> Metrics:
        """Computes loss and accuracies of a batch.

        Args:
            vectors: `[B, L, H]`.
            gold: First token, last token and label id of the spans of each
                sentence, int32 `[B, N, 3]`; padding is all zeros.
            counts: Number of tokens of each sentence, int32 `[B]`.
            config: Settings of the loss.
            seed: Random seed of this step, int32 `[2]`.
            training: Whether to apply dropout.

        Returns:
            Sum and weight of each metric, float32 scalars; "loss" is summed
            over sentences and differentiable.
        """

    def candidates(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor,
        *,
        min_margin: tf.Tensor,
        force_one_entity: bool = False,
    ) -> Candidates:
        """Finds the spans that may be entities, as tensors.

        Args:
            vectors: float32 `[B, L, H]`.
            counts: Number of tokens of each sentence, int32 `[B]`.
            min_margin: Candidates have a margin above it, float32 scalar.
            force_one_entity: Whether a sentence without candidates gets the
                span with the highest logit.

        Returns:
            Rows in ascending order of sentences.
        """

    @staticmethod
    def describe_scores(config: HeadConfig, num_classes: int) -> str:
        """Describes the output of a call, for the page of exports."""


class OnnxOutput(NamedTuple):
    """An output of an ONNX model.

    Attributes:
        dtype: NumPy type of the values.
        axes: Names of the axes.
        meaning: Description, for the page beside the model.
    """

    dtype: type
    axes: list[str]
    meaning: str


class OnnxRun(Protocol):
    """Runs an ONNX model."""

    def __call__(
        self, input_ids: np.ndarray, settings: Mapping[str, Any], /
    ) -> list[np.ndarray]:
        """Returns the arrays of all outputs, in their order in the model.

        Args:
            input_ids: int32 `[B, L + 2]`.
            settings: Other inputs of the model, by name.
        """


class OnnxForm(Protocol):
    """A module that writes a head to ONNX and runs the model.

    Attributes:
        OUTPUTS: Outputs of the model by name.
    """

    OUTPUTS: dict[str, OnnxOutput]

    def write(
        self,
        graph: Any,
        weights: Mapping[str, np.ndarray],
        config: HeadConfig,
        vectors: str,
        counts: str,
    ) -> None:
        """Adds the nodes of the head to a graph.

        Args:
            graph: An `export.onnx_graph.OnnxGraph`.
            weights: Weights by the names of `SpanModel.saved_weights`.
            config: Settings of the head.
            vectors: Name of the token vectors, float32 `[B, L, H]`.
            counts: Name of the numbers of tokens, int32 `[B, 1]`.
        """

    def find(
        self,
        run: OnnxRun,
        input_ids: np.ndarray,
        *,
        min_margin: float,
        force_one_entity: bool,
    ) -> Candidates:
        """Returns the candidates of a batch as arrays; see `Head.candidates`.

        Args:
            run: Runs the model.
            input_ids: Input of the model, int32 `[B, L + 2]`.
            min_margin: See `Head.candidates`.
            force_one_entity: See `Head.candidates`.
        """

    def floats(
        self, config: HeadConfig, *, length: int, num_classes: int
    ) -> int:
        """Returns the peak number of floats per sentence, to bound a batch.

        Args:
            config: Settings of the head.
            length: L, the padded number of tokens.
            num_classes: C, "none" included.
        """
