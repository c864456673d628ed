"""The protocols that heads fit; no TensorFlow is loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from biaffine_tf.config import HeadConfig, ModelConfig, TrainingConfig
from biaffine_tf.decoding.candidates import Candidates

if TYPE_CHECKING:
    import tensorflow as tf

    from biaffine_tf.records.span_records import Records

Metrics = dict[str, tuple["tf.Tensor", "tf.Tensor"]]


class Head(Protocol):
    """A Keras layer from vectors of tokens `[B, L, H]` to scores of spans.

    Called, it gives what the signature `score_pieces` of a SavedModel gives:
    scores of whatever kind, all at once. Training and prediction call
    `batch_metrics` and `candidates`, which need not hold them all.

    Attributes:
        name: Name of the layer, a component of the names of its weights.
        metric_names: Names of what `batch_metrics` gives; "loss" is one.
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
        """Makes the layer.

        Args:
            config: Settings of the head.
            num_classes: C, "none" included.
            initializer: Of all weights; None for the head's own.
        """

    def __call__(
        self, vectors: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Scores of vectors `[B, L, H]`."""

    def computing_in(
        self, policy: Any
    ) -> contextlib.AbstractContextManager[None]:
        """Traces the layer under this mixed-precision policy."""

    def initialize(
        self, records: Records, model: ModelConfig, training: TrainingConfig
    ) -> None:
        """Sets the weights that training starts from.

        Args:
            records: Training data.
            model: Settings of the model.
            training: Settings of the loss.
        """

    def with_new_labels(
        self, stored: Mapping[str, np.ndarray], training: TrainingConfig
    ) -> Mapping[str, np.ndarray]:
        """Weights of a trained model, with those of new labels as they start.

        Args:
            stored: By the names of `SpanModel.saved_weights`. The model's
                labels are the first of this head's. What does not fit is left
                as it is.
            training: Settings that this head was initialized with.
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
        """Loss and accuracies of a batch.

        Args:
            vectors: `[B, L, H]`.
            gold: First token, last token and label id of the spans of each
                sentence, int32 `[B, N, 3]`; padding is all zeros.
            counts: Tokens of each sentence, int32 `[B]`.
            config: Settings of the loss.
            seed: int32 `[2]`, of this step, for what is drawn.
            training: Whether dropout is on.

        Returns:
            Sum and weight of each metric, float32 scalars; "loss" is the sum
            over sentences, and has a gradient.
        """

    def candidates(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor,
        *,
        min_margin: tf.Tensor,
        force_one_entity: bool = False,
    ) -> Candidates:
        """Spans that may be entities, as tensors.

        Args:
            vectors: float32 `[B, L, H]`.
            counts: Tokens of each sentence, int32 `[B]`.
            min_margin: Candidates have a margin above it, float32 scalar.
            force_one_entity: Whether a sentence without candidates gets the
                span of the highest logit.

        Returns:
            Rows in ascending order of sentences.
        """

    @staticmethod
    def describe_scores(config: HeadConfig, num_classes: int) -> str:
        """Shape and meaning of what a call gives, for the page of exports."""


class OnnxOutput(NamedTuple):
    """An output of an ONNX model.

    Attributes:
        dtype: Of its values.
        axes: Names of its axes.
        meaning: What it is, for the page beside the model.
    """

    dtype: type
    axes: list[str]
    meaning: str


class OnnxForm(Protocol):
    """A module that writes a head to ONNX, and reads what it then puts out.

    Attributes:
        OUTPUTS: Outputs of the model, by name.
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
        """Adds the head, from vectors to outputs.

        Args:
            graph: An `export.onnx_graph.OnnxGraph`.
            weights: By the names of `SpanModel.saved_weights`.
            config: Settings of the head.
            vectors: Name of float32 `[B, L, H]`.
            counts: Name of int32 `[B, 1]`, tokens of each sentence.
        """

    def read(
        self,
        outputs: Sequence[np.ndarray],
        *,
        min_margin: float,
        force_one_entity: bool,
    ) -> Candidates:
        """Candidates of a batch, as arrays; see `Head.candidates`.

        Args:
            outputs: In the order of `OUTPUTS`.
            min_margin: As there.
            force_one_entity: As there.
        """

    def floats(
        self, config: HeadConfig, *, length: int, num_classes: int
    ) -> int:
        """Floats that a sentence takes at the peak, to bound a batch.

        Args:
            config: Settings of the head.
            length: L, padded tokens.
            num_classes: C, "none" included.
        """
