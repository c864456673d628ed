"""The absl flags of run_pretraining.py, and the settings they make.

Names are the ancestors' where they have them.
"""

from __future__ import annotations

from absl import flags

from biaffine_tf.commands.flag_types import (
    define_checkpoint_flags,
    define_enum,
    define_path,
    define_seed,
)
from biaffine_tf.commands.text_flags import (
    define_masking_flags,
    masking,
)
from biaffine_tf.config import EncoderConfig, Freeze, Precision
from biaffine_tf.errors import ConfigError
from biaffine_tf.pretraining.settings import (
    Objective,
    PretrainingConfig,
)
from biaffine_tf.records.masking import Masking
from biaffine_tf.records.text_settings import DataConfig

FLAGS = flags.FLAGS


def define_training_flags() -> None:
    """Flags of run_pretraining.py."""
    define_path("records_dir", "What create_pretraining_data.py wrote.")
    define_path("output_dir", "Encoder directory to write.")
    flags.DEFINE_bool(
        "overwrite", False, "Replace the run that --output_dir holds."
    )
    _define_start_flags()
    _define_objective_flags()
    _define_optimizer_flags()
    flags.DEFINE_integer(
        "eval_steps",
        1_000,
        "Steps between two looks at held-out text.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "max_eval_batches",
        100,
        "Most batches of held-out text to look at, evenly spaced.",
        lower_bound=1,
    )
    define_checkpoint_flags(steps=1_000)
    define_seed(PretrainingConfig.seed)


def _define_start_flags() -> None:
    define_path(
        "encoder_dir",
        "Encoder to start from: a directory or checkpoint of any supported "
        "format.",
    )
    define_path(
        "init_checkpoint",
        "Weights to start from, instead of those in --encoder_dir, which "
        "need not hold any then.",
    )
    define_path(
        "bert_config_file",
        "Shape of the encoder; with neither --encoder_dir nor "
        "--init_checkpoint the start is random.",
    )
    define_path(
        "generator_dir", "ELECTRA: the same for the generator; else random."
    )
    flags.DEFINE_bool(
        "replace_embeddings",
        False,
        "Start with random word embeddings, because the vocabulary of the "
        "records is not that of the encoder.",
    )
    flags.DEFINE_bool(
        "extend_positions",
        False,
        "Repeat the position embeddings of an encoder that has too few.",
    )
    define_enum(
        "freeze",
        Freeze.NONE,
        "What stays as it is: all behind the embeddings, or these.",
    )
    flags.DEFINE_integer(
        "thaw_after", None, "Steps after which nothing is frozen."
    )


def _define_objective_flags() -> None:
    define_enum(
        "objective",
        Objective.MLM,
        "Masked language modelling, or ELECTRA's replaced-token detection.",
    )
    define_masking_flags(
        max_predictions=None, replacement="that of --objective"
    )
    flags.DEFINE_float(
        "generator_size",
        PretrainingConfig.generator_size,
        "ELECTRA: width of the generator over that of the encoder.",
    )
    flags.DEFINE_float(
        "discriminator_weight",
        PretrainingConfig.discriminator_weight,
        "ELECTRA: of the discriminator's loss over the generator's.",
    )


def _define_optimizer_flags() -> None:
    default = PretrainingConfig
    flags.DEFINE_integer(
        "num_train_steps", default.num_train_steps, "Updates of the weights."
    )
    flags.DEFINE_integer(
        "num_warmup_steps",
        default.num_warmup_steps,
        "Steps over which the learning rate rises; then it falls to 0.",
    )
    flags.DEFINE_float(
        "learning_rate", default.learning_rate, "Peak learning rate of AdamW."
    )
    flags.DEFINE_float(
        "body_learning_rate_ratio",
        default.body_learning_rate_ratio,
        "Learning rate of the layers over that of embeddings and output layer.",
    )
    flags.DEFINE_float("weight_decay", default.weight_decay, "Of AdamW.")
    flags.DEFINE_float(
        "max_gradient_norm",
        default.max_gradient_norm,
        "Gradients are clipped to this global norm.",
    )
    flags.DEFINE_integer(
        "train_batch_size",
        default.train_batch_size,
        "Sequences of full length in a batch; of shorter ones there are more.",
    )
    flags.DEFINE_integer(
        "gradient_accumulation",
        default.gradient_accumulation,
        "Batches in a step.",
    )
    flags.DEFINE_float(
        "dropout",
        None,
        "Dropout in this run, 0 for text that is seen once; as the encoder's "
        "config says if not given.",
    )
    define_enum(
        "precision",
        default.precision,
        "Of matrix products; weights and sums stay float32.",
    )
    flags.DEFINE_bool(
        "gradient_checkpointing",
        default.gradient_checkpointing,
        "Compute each block of the encoder twice rather than keep what is in "
        "it.",
    )
    flags.DEFINE_bool("xla", default.xla, "Compile the encoder for each shape.")


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
    objective = Objective(FLAGS.objective)
    wanted = masking(objective.replacement)
    most = FLAGS.max_predictions_per_seq
    if records.masking is not None:
        _check_masks(wanted, records)
        wanted, most = records.masking, records.max_predictions_per_seq
    same = (
        "num_train_steps",
        "num_warmup_steps",
        "learning_rate",
        "body_learning_rate_ratio",
        "weight_decay",
        "max_gradient_norm",
        "train_batch_size",
        "gradient_accumulation",
        "dropout",
        "thaw_after",
        "generator_size",
        "discriminator_weight",
        "gradient_checkpointing",
        "xla",
        "seed",
    )
    return PretrainingConfig(
        encoder=encoder,
        objective=objective,
        masking=wanted,
        max_predictions_per_seq=most,
        freeze=Freeze(FLAGS.freeze),
        precision=Precision(FLAGS.precision),
        data=data,
        **{name: FLAGS[name].value for name in same},
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
