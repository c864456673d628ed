"""The flags of run_pretraining.py, and the settings they make.

Names are the original implementations' where they have them.
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
    """The text, and the encoder that is written."""

    records_dir: Path | None = setting(
        None, help="What create_pretraining_data.py wrote."
    )
    output_dir: Path | None = setting(None, help="Encoder directory to write.")
    overwrite: bool = setting(
        False, help="Replace the run that --output_dir holds."
    )


@dataclasses.dataclass
class _Encoder(EncoderFlags):
    """The encoder that pretraining starts from."""

    generator_dir: Path | None = setting(
        None,
        help="ELECTRA: the same as --encoder_dir for the generator.",
        unset="a random start",
    )
    replace_embeddings: bool = setting(
        False,
        help="Start with random word embeddings, because the vocabulary of the "
        "records is not that of the encoder.",
    )


@dataclasses.dataclass
class _Periods:
    """How often a run is measured and saved."""

    eval_steps: int = setting(
        1_000, minimum=1, help="Steps between two looks at held-out text."
    )
    max_eval_batches: int = setting(
        100,
        minimum=1,
        help="Maximum number of batches of held-out text to look at, evenly "
        "spaced.",
    )
    save_checkpoints_steps: int | None = same_setting(
        Checkpoints, "save_checkpoints_steps", default=1_000
    )
    save_checkpoints_minutes: float = same_setting(
        Checkpoints, "save_checkpoints_minutes"
    )


def define_training_flags() -> None:
    """Flags of run_pretraining.py."""
    define("Files", _Files)
    define("Encoder", _Encoder)
    define("Masking", MaskingFlags)
    define("Training", PretrainingConfig)
    define("Evaluation and checkpoints", _Periods)


def pretraining_config(
    encoder: EncoderConfig, *, records: DataConfig, data: dict[str, str]
) -> PretrainingConfig:
    """The settings of the run.

    Args:
        encoder: Shape of the encoder.
        records: How the records were made. Masks that they hold are those of
            the run.
        data: Fingerprints of the records and of the weights to start from.

    Raises:
        ConfigError: If a setting is out of range, or asks for other masks than
            the records hold.
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
    """Refuses flags that ask for other masks than records hold."""
    stored = records.masking
    assert stored is not None
    most = records.max_predictions_per_seq
    held = {
        "masking": (stored.kind, wanted.kind),
        "masked_lm_prob": (stored.rate, wanted.rate),
        "max_predictions_per_seq": (most, FLAGS.max_predictions_per_seq),
        "replacement": (
            (stored.mask_share, stored.random_share),
            (wanted.mask_share, wanted.random_share),
        ),
    }
    for name, (there, asked) in held.items():
        if FLAGS[name].present and there != asked:
            raise ConfigError(
                f"--{name}={FLAGS[name].value} is given, but the records hold "
                f"masks already, made with {stored}, "
                f"max_predictions_per_seq={most}",
                remedy="leave it out, or make the records without "
                "--dupe_factor",
            )
