"""Builds encoders from configs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import (
    AnyEncoderConfig,
    BilstmConfig,
    EncoderConfig,
)
from biaffine_tf.encoders.bilstm import BilstmEncoder
from biaffine_tf.encoders.fused_encoder import (
    FusedBertEncoder,
    approximate_gelu,
)

_ACTIVATIONS = {
    "gelu": tf_keras.activations.gelu,
    "gelu_new": approximate_gelu,
    "gelu_pytorch_tanh": approximate_gelu,
    "relu": tf_keras.activations.relu,
    "tanh": tf_keras.activations.tanh,
}


def activation(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the function of an `EncoderConfig.hidden_act`."""
    return _ACTIVATIONS[name]


def build_encoder(
    config: EncoderConfig,
    *,
    name: str = "encoder",
    initializer: tf_keras.initializers.Initializer | None = None,
    **options: Any,
) -> FusedBertEncoder:
    """Builds a randomly initialised BERT, ELECTRA or ALBERT encoder.

    Args:
        config: Config of the encoder.
        name: Layer name, the first component of its weights' names.
        initializer: Initializer of kernels and embeddings; None for the
            config's truncated normal distribution.
        **options: Further arguments of `FusedBertEncoder`:
            `gradient_checkpointing`, `xla`, `embeddings`, `dtype`.

    Returns:
        A layer from `{"input_word_ids", "input_mask", "input_type_ids"}`, each
        int32 `[B, L]`, to a dict whose `"sequence_output"` is `[B, L, H]`.
    """
    return FusedBertEncoder(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_layers,
        repeats=config.num_hidden_layers // config.num_layers,
        embedding_width=config.embedding_width,
        num_attention_heads=config.num_attention_heads,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        inner_dim=config.intermediate_size,
        inner_activation=activation(config.hidden_act),
        output_dropout=config.hidden_dropout_prob,
        attention_dropout=config.attention_probs_dropout_prob,
        norm_epsilon=config.layer_norm_eps,
        initializer=initializer
        or tf_keras.initializers.TruncatedNormal(
            stddev=config.initializer_range
        ),
        name=name,
        **options,
    )


def build_any_encoder(
    config: AnyEncoderConfig,
    *,
    name: str = "encoder",
    initializer: tf_keras.initializers.Initializer | None = None,
    gradient_checkpointing: bool = False,
    xla: bool = False,
    embedding_dropout: float = 0.0,
) -> FusedBertEncoder | BilstmEncoder:
    """Builds a randomly initialised encoder of the config's kind.

    Args:
        config: Config of the encoder.
        name: Layer name, the first component of its weights' names.
        initializer: As for `build_encoder`.
        gradient_checkpointing: See `FusedBertEncoder`.
        xla: See `FusedBertEncoder`.
        embedding_dropout: See `FusedBertEncoder`.

    Raises:
        ConfigError: If an option is given that the kind lacks.
    """
    if isinstance(config, EncoderConfig):
        return build_encoder(
            config,
            name=name,
            initializer=initializer,
            gradient_checkpointing=gradient_checkpointing,
            xla=xla,
            embedding_dropout=embedding_dropout,
        )
    assert isinstance(config, BilstmConfig)
    return BilstmEncoder(
        vocab_size=config.vocab_size,
        embedding_size=config.embedding_size,
        bigram_size=config.bigram_size,
        num_bigram_rows=config.num_bigram_rows,
        pair_factor=config.pair_factor,
        ngram_size=config.ngram_size,
        num_ngram_rows=config.num_ngram_rows,
        ngram_factor=config.ngram_factor,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        token_dropout=config.token_dropout,
        ngram_dropout=config.ngram_dropout,
        input_dropout=config.input_dropout,
        hidden_dropout=config.hidden_dropout,
        norm_epsilon=config.layer_norm_eps,
        initializer=initializer,
        name=name,
    )


def position_embeddings(encoder: FusedBertEncoder) -> tf.Variable:
    """Returns the encoder's position embeddings, `[max positions, E]`."""
    return encoder._position_embedding_layer.weights[0]
