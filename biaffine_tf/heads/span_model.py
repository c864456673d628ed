"""Encoder and head as one model, from token ids to scores of spans."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import (
    EncoderConfig,
    LayerMix,
    ModelConfig,
    Position,
    Precision,
    TrainingConfig,
)
from biaffine_tf.encoders.encoder import (
    build_any_encoder,
    position_embeddings,
)
from biaffine_tf.encoders.fused_encoder import (
    FusedBertEncoder,
    policy_scope,
)
from biaffine_tf.encoders.neck import Neck
from biaffine_tf.heads import head_class
from biaffine_tf.heads.head import Head, Metrics, SoftCells

# Key of a batch: what is added to the word embeddings, float32 `[B, N + 2, E]`.
WORD_OFFSETS = "word_offsets"


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class SpanModel(tf_keras.Model):
    """Scores the spans of `[CLS] tokens [SEP]`.

    Input: `input_ids`, int32 `[B, L + 2]`, padded at the end with `pad_id`; the
    amount of padding does not change the scores.
    Output: scores of the head over the L tokens without [CLS] and [SEP]; for
    the biaffine head logits `[B, L, L, C]` or `[B, L, W, C]`, see `Biaffine`.
    Training and prediction do not build this tensor: they call `batch_metrics`
    and `candidates`.

    Args:
        config: Encoder, head and tokenizer settings.
        num_classes: C, "none" included.
        pad_id: Id of the padding token.
        random_weights: Whether to draw random weights; zeros if not, for
            weights to be loaded, which is faster and takes less memory.
        gradient_checkpointing: See `FusedBertEncoder`.
        xla: See `FusedBertEncoder`.
        **kwargs: Keras model arguments.

    Raises:
        ConfigError: If there is no head of this name.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        num_classes: int,
        pad_id: int = 0,
        random_weights: bool = True,
        gradient_checkpointing: bool = False,
        xla: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._random_weights = random_weights
        initializer = None if random_weights else tf_keras.initializers.Zeros()
        self.config = config
        self.num_classes = num_classes
        self.pad_id = pad_id
        with policy_scope(self.dtype_policy):
            self.encoder = build_any_encoder(
                config.encoder,
                initializer=initializer,
                gradient_checkpointing=gradient_checkpointing,
                xla=xla,
                embedding_dropout=config.embedding_dropout,
            )
            self.neck = _build_neck(config, initializer)
            self.head: Head = head_class(config.head.name).of(
                config.head, num_classes=num_classes, initializer=initializer
            )

    def call(
        self,
        inputs: tf.Tensor,
        context: tf.Tensor | None = None,
        training: bool | tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Scores spans with the head; arguments as for `encode`."""
        vectors = self.encode(inputs, context, training=training)
        options = {}
        if getattr(self.head, "needs_counts", False):
            own = context if self.config.context_tokens else None
            options["counts"] = token_counts(inputs, own, pad_id=self.pad_id)
        return self.head(vectors, training=training, **options)

    def batch_metrics(
        self,
        batch: Mapping[str, tf.Tensor],
        config: TrainingConfig,
        *,
        seed: tf.Tensor,
        training: bool = True,
        **options: Any,
    ) -> Metrics:
        """Computes loss and accuracies of a batch; "loss" is differentiable.

        Args:
            batch: From `records.span_batches`.
            config: Settings of the loss.
            seed: Random seed of this step, int32 `[2]`.
            training: Whether to apply dropout.
            **options: More arguments of the head.

        Returns:
            Sum and weight of each metric, see `Head.batch_metrics`.
        """
        vectors = self.encode_batch(batch, training=training)
        return self.metrics_of(
            vectors, batch, config, seed=seed, training=training, **options
        )

    def encode_batch(
        self, batch: Mapping[str, tf.Tensor], *, training: bool
    ) -> tf.Tensor:
        """Computes the vectors of a batch for the head; see `encode`.

        Args:
            batch: As for `batch_metrics`, with `WORD_OFFSETS` or without.
            training: Whether to apply dropout.
        """
        return self.encode(
            batch["input_ids"],
            batch.get("context"),
            training=training,
            word_offsets=batch.get(WORD_OFFSETS),
        )

    def counts_of(self, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Counts the tokens of each sentence of a batch, int32 `[B]`."""
        return token_counts(
            batch["input_ids"], batch.get("context"), pad_id=self.pad_id
        )

    def metrics_of(
        self,
        vectors: tf.Tensor,
        batch: Mapping[str, tf.Tensor],
        config: TrainingConfig,
        *,
        seed: tf.Tensor,
        training: bool = True,
        **options: Any,
    ) -> Metrics:
        """Computes the metrics of vectors from `encode_batch`."""
        more = dict(options)
        if "pseudo" in batch:
            more["weights"] = _sentence_weights(batch["pseudo"], config)
        if "soft_cells" in batch:
            more["soft"] = SoftCells(
                batch["soft_cells"],
                batch["soft_probabilities"],
                batch["is_labelled"],
            )
        if "labelled" in batch:
            more["labelled"] = batch["labelled"]
        return self.head.batch_metrics(
            vectors,
            batch["cells"],
            self.counts_of(batch),
            config,
            seed=seed,
            training=training,
            **more,
        )

    @property
    def vector_size(self) -> int:
        """Size of the vectors that the head receives."""
        encoder = self.config.encoder
        own = 2 * self.config.lstm_size or encoder.hidden_size
        if self.config.head.position is not Position.JOINED:
            return own
        assert isinstance(encoder, EncoderConfig)  # as ModelConfig checks
        return own + encoder.embedding_width

    @contextlib.contextmanager
    def computing_in(self, precision: Precision) -> Iterator[None]:
        """Traces the model in this precision; weights stay float32."""
        policy = tf_keras.mixed_precision.Policy(str(precision))
        with (
            self.encoder.computing_in(policy.compute_dtype),
            self.head.computing_in(policy),
        ):
            yield

    def encode(
        self,
        input_ids: tf.Tensor,
        context: tf.Tensor | None = None,
        training: bool | tf.Tensor | None = None,
        word_offsets: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Computes the vectors of the tokens for the head.

        Args:
            input_ids: int32 `[B, N + 2]`.
            context: Marks tokens of neighbouring sentences, which only the
                encoder sees, bool `[B, N + 2]`; None for none. Ignored by
                models that were trained without context.
            training: Whether to apply dropout.
            word_offsets: Added to the word embeddings, float32
                `[B, N + 2, E]`; None for nothing.

        Returns:
            `[B, L, vector_size]`: vectors of the encoder, or of the neck if
            there is one, concatenated with the position embeddings if so
            configured. L is N or, with context, the number of tokens of the
            longest sentence without it.
        """
        mask = tf.cast(input_ids != self.pad_id, tf.int32)
        inputs = {
            "input_word_ids": input_ids,
            "input_mask": mask,
            "input_type_ids": tf.zeros_like(input_ids),
        }
        if word_offsets is not None:
            inputs["word_offsets"] = word_offsets
        encoded = self._encode_all(inputs, training)
        vectors = encoded[:, 1:-1]  # [B, N, H]
        if self.config.head.position is Position.JOINED:
            vectors = self._join_positions(vectors)  # [B, N, H + E]
        if context is None or not self.config.context_tokens:
            return vectors
        # Move the vectors of each sentence to the first position.
        is_own = tf.cast(~context[:, 1:-1], tf.int32)
        begins = tf.argmax(is_own, axis=1, output_type=tf.int32)  # [B]
        counts = token_counts(input_ids, context, pad_id=self.pad_id)
        longest = tf.reduce_max(counts)
        longest = tf.maximum(longest, 1)  # the batch may hold only padding
        places = begins[:, None] + tf.range(longest)  # [B, L]
        places = tf.minimum(places, tf.shape(vectors)[1] - 1)
        return tf.gather(vectors, places, batch_dims=1)

    def _encode_all(
        self, inputs: dict[str, tf.Tensor], training: bool | tf.Tensor | None
    ) -> tf.Tensor:
        """Applies encoder and neck to all positions."""
        if self.neck is None:
            return self.encoder(inputs, training=training)["sequence_output"]
        mixes = self.config.layer_mix is not LayerMix.LAST
        options = {"every_layer": True} if mixes else {}  # not of every kind
        encoded = self.encoder(inputs, training=training, **options)
        layers = encoded["layers"] if mixes else [encoded["sequence_output"]]
        lengths = tf.reduce_sum(inputs["input_mask"], axis=1)
        return self.neck(layers, lengths, training=training)

    def _join_positions(self, vectors: tf.Tensor) -> tf.Tensor:
        length = tf.shape(vectors)[1]
        assert isinstance(self.encoder, FusedBertEncoder)
        table = position_embeddings(self.encoder)
        # As in the original implementation, the head does not train positions.
        table = tf.stop_gradient(tf.cast(table, vectors.dtype))
        table = table[None, 1 : length + 1]  # [1, L, E]; 0 is [CLS]
        joined = tf.concat(
            [vectors, tf.repeat(table, tf.shape(vectors)[0], axis=0)], axis=-1
        )
        return tf.ensure_shape(joined, [*vectors.shape[:2], self.vector_size])

    def build_weights(self) -> None:
        """Creates all weights by a forward pass on a tiny batch."""
        self(tf.zeros([1, 3], tf.int32), training=False)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Creates all weights; their shapes do not depend on the input's."""
        del config
        self.build_weights()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, `config` as JSON values."""
        return {
            **tf_keras.layers.Layer.get_config(self),
            "config": self.config.to_dict(),
            "num_classes": self.num_classes,
            "pad_id": self.pad_id,
            "random_weights": self._random_weights,
            "gradient_checkpointing": self.encoder.gradient_checkpointing,
            "xla": self.encoder.xla,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> SpanModel:
        """Builds the model from `get_config`'s output."""
        del custom_objects
        settings = ModelConfig.from_dict(config["config"])
        return cls(**{**config, "config": settings})

    def saved_weights(self) -> dict[str, tf.Variable]:
        """Returns the weights to save, by name.

        Leaves out the unused pooler and the states of random generators.
        """
        return {
            weight.name.removeprefix(f"{self.name}/").removesuffix(":0"): weight
            for weight in self.weights
            if weight.dtype.is_floating
            and "pooler_transform" not in weight.name
        }


def _build_neck(config: ModelConfig, initializer: Any) -> Neck | None:
    """Builds the layers between encoder and head, if there are any."""
    if not config.has_neck:
        return None
    return Neck(
        layer_mix=config.layer_mix,
        lstm_size=config.lstm_size,
        spatial_dropout=config.spatial_dropout,
        initializer=initializer,
        name="neck",
    )


def _sentence_weights(pseudo: tf.Tensor, config: TrainingConfig) -> tf.Tensor:
    """Returns the factor of the loss of each sentence, float32 `[B]`.

    Args:
        pseudo: Weights of pseudo-labelled sentences, 0 for others, `[B]`.
        config: Settings with the factor of all of them.
    """
    assert config.pseudo_weight is not None
    return tf.where(pseudo > 0, pseudo * config.pseudo_weight, 1.0)


def token_counts(
    input_ids: tf.Tensor, context: tf.Tensor | None = None, *, pad_id: int = 0
) -> tf.Tensor:
    """Counts the tokens of each sentence, int32 `[B]`.

    Args:
        input_ids: `[CLS] tokens [SEP]` and padding, `[B, N + 2]`.
        context: As for `SpanModel.encode`; its tokens do not count.
        pad_id: Id of the padding token.
    """
    is_own = input_ids != pad_id
    if context is not None:
        is_own &= ~context
    # TensorFlow sums int32 on the host: a GPU would be waited for.
    counts = tf.reduce_sum(tf.cast(is_own, tf.int64), axis=1) - 2
    return tf.cast(counts, tf.int32)


def split_context(marked_ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Splits the ids of `tokenization.context.mark` into ids and context."""
    context = marked_ids < 0
    return tf.where(context, -1 - marked_ids, marked_ids), context
