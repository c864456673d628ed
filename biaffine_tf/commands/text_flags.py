"""The flags of the commands that make records of text and embeddings.

Names are the original implementation's where it has them.
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
    """How tokens are chosen; what stands in their place, in a word."""

    replacement: Replacement | None = setting(
        None,
        help="What stands for the masked tokens: bert (80 % [MASK], 10 % "
        "random tokens, 10 % unchanged) or electra (85 % [MASK], 15 % "
        "unchanged).",
        unset="bert; electra with --objective=electra",
    )


@dataclasses.dataclass
class _Files:
    """The text, and the records that are made of it."""

    input_file: Names | None = setting(
        None,
        help="Text files: paths and globs with commas between them; plain, "
        ".gz, .xz, .bz2 or .zst.",
    )
    output_dir: Path | None = setting(None, help="Records directory to write.")
    overwrite: bool = setting(
        False, help="Replace other records that --output_dir holds."
    )
    vocab_file: Path | None = setting(
        None, help="BERT vocabulary (vocab.txt or tokenizer.json)."
    )
    encoder_dir: Path | None = setting(
        None,
        help="Encoder to pretrain, whose vocabulary to take instead of "
        "--vocab_file.",
    )
    processes: int = setting(
        0,
        minimum=0,
        help="Processes that work; 0 decides by the size of the text.",
    )


@dataclasses.dataclass
class _Embeddings:
    """Word vectors of records under the layers of an encoder."""

    records_dir: Path | None = setting(
        None, help="What create_pretraining_data.py wrote."
    )
    output_dir: Path | None = setting(None, help="Encoder directory to write.")
    encoder_dir: Path | None = setting(
        None, help="Encoder whose layers to take, in any supported format."
    )
    bert_config_file: Path | None = setting(
        None,
        help="Shape of the encoder; without --encoder_dir its layers are "
        "random.",
    )
    min_count: int = setting(
        10,
        minimum=1,
        help="Rarer tokens keep the vector that their spelling has in "
        "--encoder_dir, or get a random one.",
    )
    window: int = setting(
        5, minimum=1, help="Neighbours that count, on either side."
    )
    seed: int = same_setting(TrainingConfig, "seed")


def define_data_flags() -> None:
    """Flags of create_pretraining_data.py."""
    define("Files", _Files)
    define("Tokenizer", TokenizerConfig)
    define("Records", DataConfig)
    define("Masking", MaskingFlags)


def define_embedding_flags() -> None:
    """Flags of create_embeddings.py."""
    define("Embeddings", _Embeddings)


def masking(default: Replacement = Replacement.BERT) -> Masking:
    """Reads the settings of masking from flags.

    Args:
        default: Replacement where no flag gives one.
    """
    mask_share, random_share = (FLAGS.replacement or default).shares
    return Masking(
        **values(Masking), mask_share=mask_share, random_share=random_share
    )


def data_config() -> DataConfig:
    """How records are made.

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
