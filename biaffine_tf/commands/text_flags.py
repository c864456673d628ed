"""Flags of the commands that make text records and embeddings.

Flags of the original implementation keep their names.
"""

from __future__ import annotations

import dataclasses

from biaffine_tf.commands.flag_types import FLAGS, Names, Path, define, values
from biaffine_tf.config import (
    DataConfig,
    Masking,
    Replacement,
    TokenizerConfig,
    TrainingConfig,
    same_setting,
    setting,
)
from biaffine_tf.errors import ConfigError

MASKING_FLAGS = (
    "masking",
    "masked_lm_prob",
    "max_predictions_per_seq",
    "replacement",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskingFlags(Masking):
    """Selection and replacement of the masked tokens."""

    replacement: Replacement | None = setting(
        None,
        help="Replacement of the masked tokens: bert (80 % [MASK], 10 % "
        "random tokens, 10 % unchanged) or electra (85 % [MASK], 15 % "
        "unchanged).",
        unset="bert; electra with --objective=electra",
    )


@dataclasses.dataclass
class _Files:
    """Input and output."""

    input_file: Names | None = setting(
        None,
        help="Text files: paths and globs, separated by commas; plain, "
        ".gz, .xz, .bz2 or .zst.",
    )
    output_dir: Path | None = setting(None, help="Records directory to write.")
    overwrite: bool = setting(
        False, help="Replace other records in --output_dir."
    )
    vocab_file: Path | None = setting(
        None, help="BERT vocabulary (vocab.txt or tokenizer.json)."
    )
    encoder_dir: Path | None = setting(
        None,
        help="Encoder to take the vocabulary from, instead of --vocab_file.",
    )
    teacher_dir: Path | None = setting(
        None,
        help="Teacher of a distillation with another vocabulary; its tokens "
        "are stored too, aligned by characters.",
    )
    processes: int = setting(
        0,
        minimum=0,
        help="Number of worker processes; 0 chooses by the size of the text.",
    )


@dataclasses.dataclass
class _Embeddings:
    """Embedding transfer."""

    records_dir: Path | None = setting(
        None, help="Directory written by create_pretraining_data.py."
    )
    output_dir: Path | None = setting(None, help="Encoder directory to write.")
    encoder_dir: Path | None = setting(
        None, help="Encoder whose layers to take, in any supported format."
    )
    bert_config_file: Path | None = setting(
        None,
        help="Config of the encoder; random layers without --encoder_dir.",
    )
    min_count: int = setting(
        10,
        minimum=1,
        help="Minimum count of a token; rarer ones keep the embedding of the "
        "same token in --encoder_dir, or get a random one.",
    )
    window: int = setting(
        5, minimum=1, help="Neighbouring tokens to count on either side."
    )
    seed: int = same_setting(TrainingConfig, "seed")


def define_data_flags() -> None:
    """Defines the flags of create_pretraining_data.py."""
    define("Files", _Files)
    define("Tokenizer", TokenizerConfig)
    define("Records", DataConfig)
    define("Masking", MaskingFlags)


def define_embedding_flags() -> None:
    """Defines the flags of create_embeddings.py."""
    define("Embeddings", _Embeddings)


def masking(default: Replacement = Replacement.BERT) -> Masking:
    """Builds the masking settings from flags.

    Args:
        default: Replacement if no flag gives one.
    """
    mask_share, random_share = (FLAGS.replacement or default).shares
    return Masking(
        **values(Masking), mask_share=mask_share, random_share=random_share
    )


def data_config() -> DataConfig:
    """Builds the config of the records.

    Raises:
        ConfigError: If settings are out of range or without effect.
    """
    idle = [name for name in MASKING_FLAGS if FLAGS[name].present]
    if idle and not FLAGS.dupe_factor:
        raise ConfigError(
            f"--{idle[0]} is given, but without --dupe_factor records hold no "
            "masks",
            remedy="give it to run_pretraining.py, or --dupe_factor here",
        )
    return DataConfig(
        masking=masking() if FLAGS.dupe_factor else None, **values(DataConfig)
    )
