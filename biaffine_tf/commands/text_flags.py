"""The absl flags of the commands in this folder, and what becomes of them.

Names are the ancestor's where it has them.
"""

from __future__ import annotations

from absl import flags

from biaffine_tf.commands.flag_types import (
    define_enum,
    define_optional_enum,
    define_path,
    define_seed,
    define_tokenizer_flags,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.masking import (
    Masking,
    MaskingKind,
    Replacement,
)
from biaffine_tf.records.text_settings import DataConfig

FLAGS = flags.FLAGS

MASKING_FLAGS = (
    "masking",
    "masked_lm_prob",
    "max_predictions_per_seq",
    "replacement",
)


def define_data_flags() -> None:
    """Flags of create_pretraining_data.py."""
    config = DataConfig()
    flags.DEFINE_list(
        "input_file",
        None,
        "Text files: paths and globs with commas between them; plain, .gz, "
        ".xz, .bz2 or .zst.",
    )
    define_path("output_dir", "Records directory to write.")
    flags.DEFINE_bool(
        "overwrite", False, "Replace other records that --output_dir holds."
    )
    define_path("vocab_file", "BERT vocabulary (vocab.txt or tokenizer.json).")
    define_path(
        "encoder_dir",
        "Encoder to pretrain, whose vocabulary to take instead of "
        "--vocab_file.",
    )
    define_tokenizer_flags()
    flags.DEFINE_integer(
        "max_seq_length",
        config.max_seq_length,
        "Most pieces of a sequence, [CLS] and [SEP] included.",
    )
    define_enum(
        "document",
        config.document,
        "Where a document ends, and with it a sequence: at a blank line, with "
        "each line, or with the file.",
    )
    define_enum(
        "words",
        config.words,
        "What a word is for --masking=word and span: each piece, letters and "
        "digits that stand together, or what the segmenter jieba says.",
    )
    flags.DEFINE_integer(
        "min_pieces",
        config.min_pieces,
        "Shorter sequences are dropped, and counted.",
    )
    flags.DEFINE_integer(
        "dupe_factor",
        config.dupe_factor,
        "Copies of each sequence, each with masks of its own; 0 leaves the "
        "masks to the training, which draws new ones in every epoch.",
    )
    define_masking_flags(
        max_predictions=config.max_predictions_per_seq, replacement="bert"
    )
    flags.DEFINE_float(
        "held_out",
        config.held_out,
        "Share of the documents to measure on, and not to train on.",
    )
    define_enum(
        "on_bad_data",
        config.on_bad_data,
        "Stop at a line that is not UTF-8, or skip and count it.",
    )
    flags.DEFINE_integer(
        "processes",
        0,
        "Processes that work; 0 decides by the size of the text.",
        lower_bound=0,
    )
    flags.DEFINE_integer(
        "shard_megabytes", config.shard_megabytes, "Size of a file of records."
    )
    define_seed(config.seed)


def define_embedding_flags() -> None:
    """Flags of create_embeddings.py."""
    define_path("records_dir", "What create_pretraining_data.py wrote.")
    define_path("output_dir", "Encoder directory to write.")
    define_path(
        "encoder_dir",
        "Encoder whose layers to take, in any supported format.",
    )
    define_path(
        "bert_config_file",
        "Shape of the encoder; without --encoder_dir its layers are random.",
    )
    flags.DEFINE_integer(
        "min_count",
        10,
        "Rarer pieces keep the vector that their spelling has in "
        "--encoder_dir, or get a random one.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "window", 5, "Neighbours that count, on either side.", lower_bound=1
    )
    define_seed(42)


def define_masking_flags(
    *, max_predictions: int | None, replacement: str
) -> None:
    """Flags about what is masked, in the records or in the training.

    Args:
        max_predictions: Default of the most pieces masked in a sequence.
        replacement: Default of what stands in their place, in words.
    """
    masking = Masking()
    define_enum(
        "masking",
        masking.kind,
        "What is masked together: a piece, a whole word, or a span of words.",
    )
    flags.DEFINE_float(
        "masked_lm_prob",
        masking.rate,
        "Share of the pieces that is masked.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_integer(
        "max_predictions_per_seq",
        max_predictions,
        "Most pieces masked in a sequence; no bound but --masked_lm_prob if "
        "there is none.",
        lower_bound=1,
    )
    define_optional_enum(
        "replacement",
        Replacement,
        "What stands for the masked pieces: bert (80 % [MASK], 10 % random "
        "pieces, 10 % unchanged) or electra (85 % [MASK], 15 % unchanged). "
        f"Default: {replacement}.",
    )


def masking(default: Replacement = Replacement.BERT) -> Masking:
    """Reads the settings of masking from flags.

    Args:
        default: Replacement where no flag gives one.
    """
    mask_share, random_share = Replacement(FLAGS.replacement or default).shares
    return Masking(
        kind=MaskingKind(FLAGS.masking),
        rate=FLAGS.masked_lm_prob,
        mask_share=mask_share,
        random_share=random_share,
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
        masking=masking() if FLAGS.dupe_factor else None,
        **{
            name: getattr(FLAGS, name)
            for name in (
                "max_seq_length",
                "document",
                "words",
                "min_pieces",
                "dupe_factor",
                "max_predictions_per_seq",
                "held_out",
                "shard_megabytes",
                "on_bad_data",
                "seed",
            )
        },
    )
