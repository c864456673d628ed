"""Settings of a pretraining run."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.encoder import EncoderConfig
from biaffine_tf.config.fields import same_setting, setting
from biaffine_tf.config.masking import Masking, Replacement
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.text_records import DataConfig
from biaffine_tf.config.training import (
    Freeze,
    Precision,
    TrainingConfig,
    check_thaw_after,
)
from biaffine_tf.errors import ConfigError


class Objective(enum.StrEnum):
    """Masked language modelling, ELECTRA or distillation."""

    MLM = "mlm"
    ELECTRA = "electra"
    DISTIL = "distil"

    @property
    def replacement(self) -> Replacement:
        """Default replacement of masked tokens."""
        if self is Objective.ELECTRA:
            return Replacement.ELECTRA
        return Replacement.BERT


class DistilMatch(enum.StrEnum):
    """Property of the teacher's vectors that the student's have to match.

    - `hidden`: the vectors themselves, through a projection to their width.
    - `relations`: their products with each other, as in MiniLMv2.
    """

    HIDDEN = "hidden"
    RELATIONS = "relations"


def generator_config(config: EncoderConfig, size: float) -> EncoderConfig:
    """Returns the config of ELECTRA's generator.

    It has as many layers as the discriminator, each narrower, and embeddings of
    the same size, because they are shared.

    Args:
        config: Config of the discriminator.
        size: Width of the generator's layers relative to the discriminator's.

    Raises:
        ConfigError: If the width is not a multiple of the attention heads.
    """
    heads = max(1, round(config.num_attention_heads * size))
    width = round(config.hidden_size * size)
    if width == 0 or width % heads:
        raise ConfigError(
            f"--generator_size={size} makes {heads} attention heads in layers "
            f"of width {width}",
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
class PretrainingConfig(Settings):
    """All settings on which the final weights of a run depend.

    Attributes:
        data: Fingerprints of the records, the initial weights and the teacher.
    """

    encoder: EncoderConfig
    objective: Objective = setting(
        Objective.MLM,
        help="Masked language modelling, ELECTRA's replaced-token detection, "
        "or distillation of --teacher_dir.",
    )
    masking: Masking = Masking()
    max_predictions_per_seq: int | None = same_setting(
        DataConfig,
        "max_predictions_per_seq",
        default=None,
        unset="no limit but --masked_lm_prob",
    )
    num_train_steps: int = setting(
        10_000, minimum=1, help="Number of training steps."
    )
    num_warmup_steps: int = setting(
        1_000,
        minimum=0,
        help="Steps of learning rate warmup; then the rate decays to 0.",
    )
    learning_rate: float = same_setting(
        TrainingConfig, "learning_rate", default=1e-4, unset=""
    )
    body_learning_rate_ratio: float = setting(
        1.0,
        above=0,
        help="Learning rate of the layers relative to embeddings and output "
        "layer.",
    )
    weight_decay: float = same_setting(TrainingConfig, "weight_decay")
    max_gradient_norm: float = same_setting(TrainingConfig, "max_gradient_norm")
    train_batch_size: int = setting(
        32,
        minimum=1,
        help="Sequences of full length per batch; of shorter ones, more.",
    )
    gradient_accumulation: int = same_setting(
        TrainingConfig, "gradient_accumulation"
    )
    dropout: float | None = setting(
        None,
        minimum=0,
        below=1,
        help="Dropout of this run; 0 suits text that is seen once.",
        unset="as in the encoder's config",
    )
    freeze: Freeze = same_setting(TrainingConfig, "freeze")
    thaw_after: int | None = same_setting(TrainingConfig, "thaw_after")
    generator_size: float = setting(
        0.25,
        above=0,
        help="ELECTRA: width of the generator relative to the encoder.",
    )
    discriminator_weight: float = setting(
        50.0,
        above=0,
        help="ELECTRA: weight of the discriminator's loss relative to the "
        "generator's.",
    )
    distil_match: DistilMatch = setting(
        DistilMatch.HIDDEN,
        help="Distillation: match the teacher's last hidden states, or the "
        "relations between them.",
    )
    mlm_weight: float = setting(
        0.0,
        minimum=0,
        help="Distillation: weight of masked language modelling beside it; "
        "above 0 the student reads masked text, the teacher all of it.",
    )
    precision: Precision = same_setting(TrainingConfig, "precision")
    gradient_checkpointing: bool = same_setting(
        TrainingConfig, "gradient_checkpointing"
    )
    xla: bool = same_setting(TrainingConfig, "xla")
    seed: int = same_setting(TrainingConfig, "seed")
    data: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_thaw_after(self)
        self.require(
            self.num_warmup_steps <= self.num_train_steps,
            "num_warmup_steps",
            f"at most --num_train_steps={self.num_train_steps}",
        )
        if self.objective is Objective.ELECTRA:
            generator_config(self.encoder, self.generator_size)
