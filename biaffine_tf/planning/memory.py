"""The memory that a training step needs, from its shapes.

The formulas count the tensors that are alive at once. They are estimates: what
the allocator wastes is not in them, nor what TensorFlow takes to trace a step
or XLA to compile it (some hundred MiB). No TensorFlow in here.
"""

from __future__ import annotations

import dataclasses

from biaffine_tf.config import (
    EncoderConfig,
    ModelConfig,
    Precision,
    TrainingConfig,
)

_FLOAT32 = 4  # bytes, as of weights under every precision


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters:
    """Numbers of weights.

    Attributes:
        encoder: Of the encoder, its unused pooler apart.
        embeddings: How many of these are in tables of embeddings.
        head: Of the head.
        trained: Of both, what training changes.
    """

    encoder: int
    embeddings: int
    head: int
    trained: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """Bytes that a training step needs at its peak, by what needs them.

    Attributes:
        program: The process itself, without a model.
        weights: Of the whole model.
        gradients: One float32 for each trained weight.
        moments: The two of Adam for each trained weight.
        encoder: Activations that the backward pass needs.
        head: Of the head and its loss.
        layer: Gradients within one encoder layer; the head's are gone by then.
    """

    program: int
    weights: int
    gradients: int
    moments: int
    encoder: int
    head: int
    layer: int

    @property
    def total(self) -> int:
        """Most that is needed at once."""
        return (
            self.program
            + self.weights
            + self.gradients
            + self.moments
            + self.encoder
            + max(self.head, self.layer)
        )


def step_memory(
    model: ModelConfig,
    training: TrainingConfig,
    parameters: Parameters,
    *,
    batch: int,
    length: int,
    head: int,
    program: int,
) -> MemoryEstimate:
    """Estimates the memory of a training step.

    Args:
        model: Shape of the encoder.
        training: Precision and gradient checkpointing are taken from it.
        parameters: Of the model.
        batch: B, sentences.
        length: L, padded pieces of each.
        head: Bytes of the head, see `Head.memory`.
        program: Bytes the process holds without the model.
    """
    layer = layer_activations(
        model.encoder,
        batch=batch,
        length=length + 2,
        precision=training.precision,
    )
    return MemoryEstimate(
        program=program,
        encoder=encoder_activations(
            model.encoder,
            batch=batch,
            length=length + 2,
            precision=training.precision,
            gradient_checkpointing=training.gradient_checkpointing,
        ),
        head=head,
        # Measured, at 32 sentences of 128 positions as at 4 of 510.
        layer=2 * layer // 3,
        **state_memory(parameters),
    )


def state_memory(parameters: Parameters) -> dict[str, int]:
    """Bytes of what does not depend on the batch.

    Returns:
        `weights`, `gradients` and `moments` of `MemoryEstimate`.
    """
    return {
        "weights": _FLOAT32 * (parameters.encoder + parameters.head),
        "gradients": _FLOAT32 * parameters.trained,
        "moments": 2 * _FLOAT32 * parameters.trained,
    }


def layer_activations(
    config: EncoderConfig, *, batch: int, length: int, precision: Precision
) -> int:
    """Bytes that one encoder layer keeps for its backward pass.

    With H the width, I the intermediate width and A the attention heads, for
    each of the `batch * length` positions:

        6 H       in     input; query, key, value; result of the attention;
                         input of the feed-forward network
        I + A length in  activated values; attention weights after dropout
        4 H       out    masks of two dropouts; normalised sums of two layers
        2 I       out    the activation's argument and slope
        2 A length out   attention weights before dropout, and its mask

    What goes into matrix products ("in") is of the compute dtype, 2 bytes
    under mixed precision; the rest ("out") is float32.

    Args:
        config: Shape of the encoder.
        batch: B, sentences.
        length: Positions of each, [CLS], [SEP] and padding included.
        precision: Of the activations.
    """
    width, inner = config.hidden_size, config.intermediate_size
    attention = config.num_attention_heads * length
    narrow = _FLOAT32 if precision is Precision.FLOAT32 else _FLOAT32 // 2
    position = narrow * (6 * width + inner + attention) + _FLOAT32 * (
        4 * width + 2 * inner + 2 * attention
    )
    return batch * length * position


def encoder_activations(
    config: EncoderConfig,
    *,
    batch: int,
    length: int,
    precision: Precision,
    gradient_checkpointing: bool,
) -> int:
    """Bytes that all encoder layers keep for the backward pass.

    With gradient checkpointing each keeps only its input, `[B, length, H]`,
    and one layer at a time is computed again.

    Args:
        config: Shape of the encoder.
        batch: B, sentences.
        length: Positions of each, [CLS], [SEP] and padding included.
        precision: Of the activations.
        gradient_checkpointing: Whether layers are computed again.
    """
    layers = config.num_hidden_layers
    layer = layer_activations(
        config, batch=batch, length=length, precision=precision
    )
    if not gradient_checkpointing:
        return layers * layer
    inputs = _FLOAT32 * layers * batch * length * config.hidden_size
    return inputs + layer
