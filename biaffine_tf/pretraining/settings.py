"""Settings of a pretraining run."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from typing import Any

from biaffine_tf.config import (
    EncoderConfig,
    Freeze,
    Precision,
    check_thaw_after,
    require_flag,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.masking import Masking, Replacement
from biaffine_tf.seeds import MAX_SEED


class Objective(enum.StrEnum):
    """What the encoder learns to do."""

    MLM = "mlm"
    ELECTRA = "electra"

    @property
    def replacement(self) -> Replacement:
        """Default replacement of masked tokens."""
        if self is Objective.ELECTRA:
            return Replacement.ELECTRA
        return Replacement.BERT


def generator_config(config: EncoderConfig, size: float) -> EncoderConfig:
    """The generator that belongs to a discriminator.

    As many layers, each narrower; embeddings of the same size, because they
    are shared.

    Args:
        config: Of the discriminator.
        size: Width of the generator's layers over the discriminator's.

    Raises:
        ConfigError: If the width would not be that of whole attention heads.
    """
    heads = max(1, round(config.num_attention_heads * size))
    width = round(config.hidden_size * size)
    if width == 0 or width % heads:
        raise ConfigError(
            f"--generator_size={size} makes {heads} attention heads of a layer "
            f"that is {width} wide",
            remedy="give another --generator_size, such as 0.25 or 0.5",
        )
    return dataclasses.replace(
        config,
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=max(1, round(config.intermediate_size * size)),
        embedding_size=config.embedding_width,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """All that the weights at the end of a run depend on.

    Attributes:
        max_predictions_per_seq: Most masked pieces; None for no bound but the
            rate.
        train_batch_size: Sequences of full length in a batch; shorter ones
            are more, so that a batch has about as many pieces.
        gradient_accumulation: Batches in a step.
        dropout: Of the encoders in this run; None as their config says.
        thaw_after: Steps after which nothing is frozen; None never.
        body_learning_rate_ratio: Learning rate of the layers over that of
            embeddings and output layer.
        generator_size: Width of ELECTRA's generator over the discriminator's.
        discriminator_weight: Of the discriminator's loss over the generator's.
        data: Fingerprints of the records and of the weights to start from.
    """

    encoder: EncoderConfig
    objective: Objective = Objective.MLM
    masking: Masking = dataclasses.field(default_factory=Masking)
    max_predictions_per_seq: int | None = None
    num_train_steps: int = 10_000
    num_warmup_steps: int = 1_000
    learning_rate: float = 1e-4
    body_learning_rate_ratio: float = 1.0
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    train_batch_size: int = 32
    gradient_accumulation: int = 1
    dropout: float | None = None
    freeze: Freeze = Freeze.NONE
    thaw_after: int | None = None
    generator_size: float = 0.25
    discriminator_weight: float = 50.0
    precision: Precision = Precision.FLOAT32
    gradient_checkpointing: bool = False
    xla: bool = False
    seed: int = 42
    data: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (
            "num_train_steps",
            "learning_rate",
            "body_learning_rate_ratio",
            "max_gradient_norm",
            "train_batch_size",
            "gradient_accumulation",
            "generator_size",
            "discriminator_weight",
        ):
            value = getattr(self, name)
            require_flag(
                0 < value < math.inf, name, value, "positive and finite"
            )
        most = self.max_predictions_per_seq
        require_flag(
            most is None or most > 0,
            "max_predictions_per_seq",
            most,
            "positive",
        )
        require_flag(
            self.dropout is None or 0 <= self.dropout < 1,
            "dropout",
            self.dropout,
            "at least 0 and below 1",
        )
        for name in ("num_warmup_steps", "weight_decay"):
            value = getattr(self, name)
            require_flag(
                0 <= value < math.inf, name, value, "at least 0 and finite"
            )
        require_flag(
            0 <= self.seed <= MAX_SEED, "seed", self.seed, "from 0 below 2^63"
        )
        check_thaw_after(self.thaw_after, self.freeze)
        require_flag(
            self.num_warmup_steps <= self.num_train_steps,
            "num_warmup_steps",
            self.num_warmup_steps,
            f"at most --num_train_steps={self.num_train_steps}",
        )
        if self.objective is Objective.ELECTRA:
            generator_config(self.encoder, self.generator_size)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))
