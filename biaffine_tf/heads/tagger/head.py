"""Taggers as heads, for training and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import tensorflow as tf
import tf_keras

from biaffine_tf.config import (
    HeadConfig,
    HeadStart,
    ModelConfig,
    Tags,
    TrainingConfig,
)
from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.head import Metrics
from biaffine_tf.heads.layer import HeadLayer
from biaffine_tf.heads.tagger.chain import Chain, log_partition, sequence_score
from biaffine_tf.heads.tagger.gold import gold_tags
from biaffine_tf.heads.tagger.initialization import (
    extend,
    tag_log_priors,
)
from biaffine_tf.heads.tagger.partial import (
    labelled_tags,
    log_sum_of_labelled,
    merge_tags,
)
from biaffine_tf.heads.tagger.search import find_candidates
from biaffine_tf.heads.tagger.sequences import best_sequences
from biaffine_tf.heads.tagger.tags import BLOCKS, SPEED, TagSet
from biaffine_tf.losses import MultiLabel, TargetLoss, make_loss
from biaffine_tf.records.span_records import Records

_NAME = "tagger"


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class SoftmaxTagger(HeadLayer):
    """Tagger that learns the tag of each token by itself.

    Scores the tags of each token: `[B, L, H]` to emissions `[B, L, T]`. The
    probability of a tag sequence is the product of those of its tags, among
    the sequences that the scheme allows; see `search` for spans.

    Args:
        num_classes: Number of labels and one, for "none".
        scheme: Tag scheme.
        dropout: Dropout rate on the input.
        max_span_width: Maximum width of candidates in tokens; None for no
            limit.
        kernel_initializer: Initializer of the weights.
        **kwargs: Keras layer arguments.
    """

    metric_names = ("loss", "positive_accuracy", "negative_accuracy")

    def __init__(
        self,
        num_classes: int,
        *,
        scheme: str = Tags.BIOES,
        dropout: float = 0.1,
        max_span_width: int | None = None,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kernel_initializer is None:
            kernel_initializer = tf_keras.initializers.TruncatedNormal(
                stddev=0.02
            )
        self.num_classes = num_classes
        self.scheme = Tags(scheme)
        self.dropout = dropout
        self.max_span_width = max_span_width
        self.kernel_initializer = tf_keras.initializers.get(kernel_initializer)
        self.tags = TagSet.of(self.scheme, num_classes - 1)
        self._input_dropout = self._make_dropout("input_dropout")
        self._emissions = self._make_dense(len(self.tags), "emissions")

    @classmethod
    def of(
        cls,
        config: HeadConfig,
        *,
        num_classes: int,
        initializer: Any = None,
    ) -> Self:
        """Builds the layer; see `Head`."""
        return cls(
            num_classes,
            scheme=config.tags,
            dropout=config.dropout,
            max_span_width=config.max_span_width,
            kernel_initializer=initializer,
            name=_NAME,
        )

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the weights for inputs `[B, L, H]`."""
        with tf.name_scope(self._emissions.name):
            self._emissions.build(tf.TensorShape(input_shape))
        super().build(input_shape)

    def call(
        self, inputs: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Scores the tags of each token."""
        inputs = self._input_dropout(inputs, training=training)
        return self._emissions(inputs)

    def chain(self) -> Chain:
        """Returns the scores of neighbouring tags: those of the scheme."""
        return Chain(*map(tf.constant, self.tags.rules))

    def initialize(
        self, records: Records, model: ModelConfig, training: TrainingConfig
    ) -> None:
        """Sets the biases to the log-odds of the tags; see `HeadStart`."""
        del model
        if training.head_start is HeadStart.ZERO:
            return
        self._emissions.bias.assign(
            tag_log_priors(
                self.tags,
                records.cells,
                records.scored_lengths,
                hidden=records.hidden,
            )
        )

    def with_new_labels(
        self, stored: Mapping[str, np.ndarray], training: TrainingConfig
    ) -> Mapping[str, np.ndarray]:
        """Adds the tags of new labels to trained weights; see `Head`."""
        bias = stored.get(f"{_NAME}/emissions/bias")
        if bias is None:
            return stored
        known = TagSet.of_size(self.scheme, len(bias))
        if known.num_labels > self.tags.num_labels:
            return stored
        extended = dict(stored)
        for name, weight in self._own_weights().items():
            if name in stored:
                extended[name] = extend(
                    weight.numpy(),
                    stored[name],
                    self.tags,
                    known,
                    is_of_pairs=name.endswith("/transitions"),
                )
        if training.head_start is HeadStart.PRIOR:
            # Log-odds of new tags are relative to O, which has a bias by now.
            is_new = self.tags.labels > known.num_labels
            extended[f"{_NAME}/emissions/bias"][is_new] += bias[0]
        return extended

    def _own_weights(self) -> dict[str, tf.Variable]:
        """Returns the weights by the names of `SpanModel.saved_weights`."""
        dense = self._emissions
        return {
            f"{_NAME}/emissions/kernel": dense.kernel,
            f"{_NAME}/emissions/bias": dense.bias,
        }

    def losses_of(
        self,
        emissions: tf.Tensor,
        gold: tf.Tensor,
        counts: tf.Tensor,
        config: TrainingConfig,
        known: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Sums the losses of the tokens of each sentence, float32 `[B]`.

        Args:
            emissions: float32 `[B, L, T]`.
            gold: Tags, int32 `[B, L]`.
            counts: Number of tokens of each sentence, int32 `[B]`.
            config: Settings of the loss.
            known: Whether each tag is labelled in each sentence, bool `[B, T]`;
                None if all are.
        """
        if known is not None:
            emissions = merge_tags(emissions, known)
        loss = make_loss(config)
        assert not isinstance(loss, TargetLoss | MultiLabel)
        losses = loss(emissions, gold)  # [B, L]
        real = tf.sequence_mask(counts, tf.shape(gold)[1])
        return tf.reduce_sum(tf.where(real, losses, 0), axis=1)

    def batch_metrics(
        self,
        vectors: tf.Tensor,
        gold: tf.Tensor,
        counts: tf.Tensor,
        config: TrainingConfig,
        *,
        seed: tf.Tensor,
        training: bool = True,
        weights: tf.Tensor | None = None,
        labelled: tf.Tensor | None = None,
    ) -> Metrics:
        """Computes the loss, and accuracies of tokens inside and outside.

        Tags of labels that a sentence's source does not label count as O.
        """
        del seed
        emissions = tf.cast(self(vectors, training=training), tf.float32)
        length = tf.shape(emissions)[1]
        tags = gold_tags(gold, self.tags, length)
        known = None
        if labelled is not None:
            known = labelled_tags(labelled, self.tags)
        losses = self.losses_of(emissions, tags, counts, config, known)
        losses = tf.where(counts > 0, losses, 0)
        if weights is not None:
            losses *= weights
        best = self.best_tags(emissions, counts)
        if known is not None:
            best = tf.where(tf.gather(known, best, batch_dims=1), best, 0)
        real = tf.range(length) < counts[:, None]
        positive, right = real & (tags > 0), real & (best == tags)
        negative = real & (tags == 0)
        return {
            "loss": (
                tf.reduce_sum(losses),
                tf.cast(tf.size(counts), tf.float32),
            ),
            "positive_accuracy": (_count(right & positive), _count(positive)),
            "negative_accuracy": (_count(right & negative), _count(negative)),
        }

    def best_tags(self, emissions: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Returns the best tag of each token, int32 `[B, L]`, for accuracies.

        Args:
            emissions: float32 `[B, L, T]`.
            counts: Number of tokens of each sentence, int32 `[B]`.
        """
        del counts
        return tf.argmax(emissions, axis=-1, output_type=tf.int32)

    def candidates(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor,
        *,
        min_margin: tf.Tensor,
        force_one_entity: bool = False,
    ) -> Candidates:
        """Finds the spans with sufficient log-odds."""
        return find_candidates(
            self(vectors, training=False),
            counts,
            self.chain(),
            self.tags,
            max_span_width=self.max_span_width,
            min_margin=min_margin,
            force_one_entity=force_one_entity,
        )

    @staticmethod
    def describe_scores(config: HeadConfig, num_classes: int) -> str:
        """Describes the emissions; see `Head`."""
        tags = TagSet.of(config.tags, num_classes - 1)
        order = ", then ".join(
            f"{role.name.lower()} of each line of `labels.txt`"
            for role in BLOCKS[config.tags]
        )
        return f"`[B, L, {len(tags)}]`: token, tag; tag 0 is O, then {order}"

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "scheme": str(self.scheme),
            "dropout": self.dropout,
            "max_span_width": self.max_span_width,
            "kernel_initializer": tf_keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class CrfTagger(SoftmaxTagger):
    """Tagger with learnt scores of neighbouring tags, and whole sequences.

    Its loss is the negative log-likelihood of the gold tags among the sequences
    that the scheme allows.

    Reference:
        Lample et al. 2016, "Neural Architectures for Named Entity Recognition"
        (https://aclanthology.org/N16-1030).
    """

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the weights for inputs `[B, L, H]`."""
        size = len(self.tags)
        self.transitions, self.starts, self.ends = (
            self.add_weight(name=name, shape=shape, initializer="zeros")
            for name, shape in (
                ("transitions", [size, size]),
                ("starts", [size]),
                ("ends", [size]),
            )
        )
        super().build(input_shape)

    def chain(self) -> Chain:
        """Returns the learnt scores, with those of the scheme."""
        own = self.transitions, self.starts, self.ends
        return Chain(
            *(
                SPEED * one + rule
                for one, rule in zip(own, self.tags.rules, strict=True)
            )
        )

    def _own_weights(self) -> dict[str, tf.Variable]:
        """Returns the weights by the names of `SpanModel.saved_weights`."""
        return {
            **super()._own_weights(),
            f"{_NAME}/transitions": self.transitions,
            f"{_NAME}/starts": self.starts,
            f"{_NAME}/ends": self.ends,
        }

    def best_tags(self, emissions: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Returns the tags of the most probable sequence, int32 `[B, L]`."""
        chain = Chain(*map(tf.stop_gradient, self.chain()))
        return best_sequences(tf.stop_gradient(emissions), counts, chain)

    def losses_of(
        self,
        emissions: tf.Tensor,
        gold: tf.Tensor,
        counts: tf.Tensor,
        config: TrainingConfig,
        known: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Computes the negative log-likelihood of what is labelled."""
        del config
        chain = self.chain()
        if known is None:
            score = sequence_score(emissions, gold, counts, chain)
        else:
            score = log_sum_of_labelled(emissions, gold, known, counts, chain)
        return log_partition(emissions, counts, chain) - score


def _count(chosen: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(chosen, tf.float32))
