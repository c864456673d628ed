"""Flags of run_pretraining.py, and the config built from them.

Flags of the original implementations keep their names.
"""

from __future__ import annotations

import dataclasses

from biaffine_tf.commands.flag_types import FLAGS, Path, define, values
from biaffine_tf.commands.sections import Checkpoints, EncoderFlags
from biaffine_tf.commands.text_flags import MaskingFlags, masking
from biaffine_tf.config import (
    DataConfig,
    EncoderConfig,
    Masking,
    PretrainingConfig,
    same_setting,
    setting,
)
from biaffine_tf.errors import ConfigError


@dataclasses.dataclass
class _Files:
    """Input and output."""

    records_dir: Path | None = setting(
        None, help="Directory written by create_pretraining_data.py."
    )
    output_dir: Path | None = setting(None, help="Encoder directory to write.")
    overwrite: bool = setting(
        False, help="Replace another run in --output_dir."
    )


@dataclasses.dataclass
class _Encoder(EncoderFlags):
    """The encoder that pretraining starts from."""

    generator_dir: Path | None = setting(
        None,
        help="ELECTRA: initial weights of the generator, as --encoder_dir.",
        unset="random initialization",
    )
    teacher_dir: Path | None = setting(
        None,
        help="Distillation: encoder to imitate, in any format of "
        "--encoder_dir.",
    )
    replace_embeddings: bool = setting(
        False,
        help="Initialize the word embeddings at random, for records whose "
        "vocabulary is not that of the encoder.",
    )


@dataclasses.dataclass
class _Periods:
    """Frequency of evaluation and checkpoints."""

    eval_steps: int = setting(
        1_000, minimum=1, help="Steps between evaluations on held-out text."
    )
    max_eval_batches: int = setting(
        100,
        minimum=1,
        help="Maximum number of held-out batches to evaluate, evenly spaced.",
    )
    save_checkpoints_steps: int | None = same_setting(
        Checkpoints, "save_checkpoints_steps", default=1_000
    )
    save_checkpoints_minutes: float = same_setting(
        Checkpoints, "save_checkpoints_minutes"
    )


def define_training_flags() -> None:
    """Defines the flags of run_pretraining.py."""
    define("Files", _Files)
    define("Encoder", _Encoder)
    define("Masking", MaskingFlags)
    define("Training", PretrainingConfig)
    define("Evaluation and checkpoints", _Periods)


def pretraining_config(
    encoder: EncoderConfig, *, records: DataConfig, data: dict[str, str]
) -> PretrainingConfig:
    """Builds the config of the run.

    Args:
        encoder: Config of the encoder.
        records: Config of the records. Masks stored in them are used.
        data: Fingerprints of the records, the initial weights and the teacher.

    Raises:
        ConfigError: If a setting is out of range, or contradicts stored masks.
    """
    given = values(PretrainingConfig)
    wanted = masking(FLAGS.objective.replacement)
    if records.masking is not None:
        _check_masks(wanted, records)
        wanted = records.masking
        given["max_predictions_per_seq"] = records.max_predictions_per_seq
    return PretrainingConfig(
        encoder=encoder, masking=wanted, data=data, **given
    )


def _check_masks(wanted: Masking, records: DataConfig) -> None:
    """Checks that flags agree with the masks stored in the records."""
    stored = records.masking
    assert stored is not None
    maximum = records.max_predictions_per_seq
    settings = {
        "masking": (stored.kind, wanted.kind),
        "masked_lm_prob": (stored.rate, wanted.rate),
        "max_predictions_per_seq": (maximum, FLAGS.max_predictions_per_seq),
        "replacement": (
            (stored.mask_share, stored.random_share),
            (wanted.mask_share, wanted.random_share),
        ),
    }
    for name, (there, asked) in settings.items():
        if FLAGS[name].present and there != asked:
            raise ConfigError(
                f"--{name}={FLAGS[name].value} is given, but the records hold "
                f"masks already, made with {stored}, "
                f"max_predictions_per_seq={maximum}",
                remedy="leave it out, or make the records without "
                "--dupe_factor",
            )
