"""The flags of training and prediction, and what becomes of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from biaffine_tf import formats
from biaffine_tf.calibration.objectives import (
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.commands.flag_types import FLAGS, values
from biaffine_tf.commands.reading_arguments import make_options
from biaffine_tf.commands.sections import (
    NO_OBJECTIVE,
    FormatFlags,
    define_prediction_flags,
    define_training_flags,
)
from biaffine_tf.config import (
    DecodingConfig,
    ExportConfig,
    HeadConfig,
    LongText,
    ModelConfig,
    PredictionConfig,
    TokenizerConfig,
    TrainingConfig,
    WordBoundaries,
)
from biaffine_tf.corpora import checks
from biaffine_tf.errors import ConfigError
from biaffine_tf.formats.inputs import split_patterns
from biaffine_tf.tokenization import Tokenizer, Windowing

if TYPE_CHECKING:
    from biaffine_tf.encoders import checkpoints

__all__ = ["define_prediction_flags", "define_training_flags"]


def input_patterns() -> list[str]:
    """Paths and globs of --input."""
    return split_patterns(FLAGS.input or ())


def read_options() -> formats.ReadOptions:
    """How to read files."""
    return make_options(
        {
            **values(FormatFlags),
            "on_bad_data": FLAGS.on_bad_data or _default_on_bad_data(),
            "unlabelled": _unlabelled(),
        }
    )


def _unlabelled() -> formats.Unlabelled:
    """Prediction keeps them; training refuses those that are kept."""
    if "unlabelled" in FLAGS and FLAGS.unlabelled == formats.Unlabelled.SKIP:
        return formats.Unlabelled.SKIP
    return formats.Unlabelled.KEEP


def _default_on_bad_data() -> formats.OnBadData:
    """Of prediction: one bad line is not to end the work of days."""
    if FLAGS.output_dir:
        return formats.OnBadData.SKIP
    return formats.OnBadData.ERROR


def names_encoder() -> bool:
    """Whether there is an encoder, or a part of one."""
    return bool(
        FLAGS.encoder_dir
        or FLAGS.vocab_file
        or FLAGS.bert_config_file
        or FLAGS.init_checkpoint
        or FLAGS.init_model
    )


def encoder_initialization(texts: Iterable[str]) -> checkpoints.Initialization:
    """Chooses the initial encoder; see `checkpoints.choose_initialization`."""
    from biaffine_tf.encoders import checkpoints  # run_predict.py does without

    return checkpoints.choose_initialization(
        encoder_dir=FLAGS.encoder_dir,
        vocab_file=FLAGS.vocab_file,
        bert_config_file=FLAGS.bert_config_file,
        init_checkpoint=FLAGS.init_checkpoint,
        tokenizer=FLAGS.tokenizer,
        do_lower_case=FLAGS.do_lower_case,
        extend_to=FLAGS.max_seq_length if FLAGS.extend_positions else None,
        texts=texts,
    )


def given_settings() -> dict[str, Any]:
    """Settings of the training run that flags give, by name."""
    found = values(TrainingConfig)
    for section, name in (
        (ModelConfig, "max_seq_length"),
        (HeadConfig, "max_span_width"),
    ):
        found[name] = values(section)[name]
    return {name: value for name, value in found.items() if value is not None}


def training_config(settings: Mapping[str, Any]) -> TrainingConfig:
    """Objective, optimizer and batches, of settings given or chosen."""
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    return TrainingConfig.from_dict(
        {name: settings[name] for name in names if name in settings}
    )


def model_config(
    start: checkpoints.Initialization,
    *,
    long_text: LongText,
    settings: Mapping[str, Any],
) -> ModelConfig:
    """Encoder, tokenizer and head; what becomes of long texts."""
    return ModelConfig(
        encoder=start.config,
        tokenizer=TokenizerConfig.from_dict(start.tokenizer.to_config()),
        head=HeadConfig(
            **values(HeadConfig)
            | {"max_span_width": settings["max_span_width"] or None}
        ),
        **values(ModelConfig)
        | {
            "max_seq_length": settings["max_seq_length"],
            "long_text": long_text,
        },
    )


def predictor_settings() -> dict[str, Any]:
    """What is given of how a model is loaded, but for `decoding_settings`."""
    return values(PredictionConfig, given=True)


def export_settings() -> dict[str, Any]:
    """How a model is exported, but for `decoding_settings`."""
    if FLAGS["precision"].present:
        raise ConfigError(
            "--precision is that of prediction",
            remedy="give --export_precision",
        )
    loading = values(PredictionConfig)
    del loading["batch_size"]
    return loading | values(ExportConfig)


def decoding_settings() -> dict[str, Any]:
    """How candidates become entities; None for what is not given."""
    return values(DecodingConfig)


def decoding_config(*, word_rule: str) -> DecodingConfig:
    """How candidates become entities during dev evaluation.

    Args:
        word_rule: The rule for the words of plain text, if none is given.
    """
    return DecodingConfig(
        word_boundaries=WordBoundaries.WORDS, word_rule=word_rule
    ).replace_given(**decoding_settings())


def check_settings(
    tokenizer: Tokenizer | None, model: ModelConfig | None
) -> checks.Settings:
    """Settings of the model that data are checked for.

    Args:
        tokenizer: Of the encoder, if there is one.
        model: Likewise.
    """
    decoding = DecodingConfig().replace_given(**decoding_settings())
    return checks.Settings(
        nested=FLAGS.nested,
        decoder=decoding.decoder,
        one_label_per_span=decoding.one_label_per_span,
        long_text=FLAGS.long_text,
        tokenizer=tokenizer,
        windowing=None if model is None else Windowing.of(model),
        max_span_width=None if model is None else model.head.max_span_width,
    )


def objective() -> ThresholdObjective | None:
    """What thresholds are for; None if there are to be none."""
    if FLAGS.threshold_objective == NO_OBJECTIVE:
        if FLAGS.threshold_target is not None:
            raise ConfigError(
                "--threshold_target is given but --threshold_objective is not",
                remedy="give --threshold_objective=precision or recall",
            )
        return None
    return ThresholdObjective(
        metric=ThresholdMetric(FLAGS.threshold_objective),
        target=FLAGS.threshold_target,
    )
