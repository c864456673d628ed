"""Builds configs and options from the flags of training and prediction."""

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
    Activation,
    DecodingConfig,
    ExportConfig,
    HeadConfig,
    LongText,
    ModelConfig,
    PredictionConfig,
    TokenizerConfig,
    TrainingConfig,
    WordBoundaries,
    settings_of,
)
from biaffine_tf.corpora import checks
from biaffine_tf.errors import ConfigError
from biaffine_tf.formats.inputs import split_patterns
from biaffine_tf.heads import check_loss, compares, head_source
from biaffine_tf.tokenization import Tokenizer, Windowing
from biaffine_tf.training.defaults import SCRATCH_HEAD

if TYPE_CHECKING:
    from biaffine_tf.encoders import checkpoints

__all__ = ["define_prediction_flags", "define_training_flags"]


def input_patterns() -> list[str]:
    """Returns the paths and globs of --input."""
    return split_patterns(FLAGS.input or ())


def read_options() -> formats.ReadOptions:
    """Returns the options for reading files."""
    return make_options(
        {
            **values(FormatFlags),
            "on_bad_data": FLAGS.on_bad_data or _default_on_bad_data(),
            "unlabelled": _unlabelled(),
        }
    )


def _unlabelled() -> formats.Unlabelled:
    """Keeps unlabelled sentences by default; training refuses them later."""
    if "unlabelled" in FLAGS and FLAGS.unlabelled == formats.Unlabelled.SKIP:
        return formats.Unlabelled.SKIP
    return formats.Unlabelled.KEEP


def _default_on_bad_data() -> formats.OnBadData:
    """Skips bad lines in bulk jobs, where one must not end the work of days."""
    if FLAGS.output_dir:
        return formats.OnBadData.SKIP
    return formats.OnBadData.ERROR


def names_encoder() -> bool:
    """Returns whether flags name an encoder, or a part of one."""
    return bool(
        FLAGS.encoder_dir
        or FLAGS.vocab_file
        or FLAGS.bert_config_file
        or FLAGS.init_checkpoint
        or FLAGS.init_model
    )


def encoder_initialization(texts: Iterable[str]) -> checkpoints.Initialization:
    """Chooses the encoder initialization from flags and sample texts."""
    # run_predict.py does without
    from biaffine_tf.commands.scratch import initialization_from_scratch
    from biaffine_tf.encoders import checkpoints

    if not (
        FLAGS.encoder_dir or FLAGS.bert_config_file or FLAGS.init_checkpoint
    ):
        _refuse_for_bilstm()
        return initialization_from_scratch(
            texts,
            vocab_file=FLAGS.vocab_file,
            tokenizer=FLAGS.tokenizer,
            do_lower_case=FLAGS.do_lower_case,
        )
    return checkpoints.choose_initialization(
        encoder_dir=FLAGS.encoder_dir,
        vocab_file=FLAGS.vocab_file,
        bert_config_file=FLAGS.bert_config_file,
        init_checkpoint=FLAGS.init_checkpoint,
        tokenizer=FLAGS.tokenizer,
        do_lower_case=FLAGS.do_lower_case,
        normalise=FLAGS.normalise,
        extend_to=FLAGS.max_seq_length if FLAGS.extend_positions else None,
        texts=texts,
    )


def _refuse_for_bilstm() -> None:
    """Refuses settings that only BERT encoders have."""
    for name in ("xla", "gradient_checkpointing", "extend_positions"):
        if FLAGS[name].value:
            raise ConfigError(
                f"--{name} is given, but the encoder is a BiLSTM, which has "
                "none, as neither --encoder_dir nor --bert_config_file is "
                "given",
                remedy="leave it out, or give an encoder",
            )


def names_pairs() -> bool:
    """Returns whether flags name a head, or what only heads of pairs have."""
    given = values(HeadConfig, given=True).keys()
    if given - {"dropout", "max_span_width", "tags"}:
        return True
    try:
        training = training_config(given_settings())
        check_loss(SCRATCH_HEAD, training)
    except ConfigError:
        return True
    return training.adversarial.compares and not compares(SCRATCH_HEAD)


def given_settings() -> dict[str, Any]:
    """Returns the settings of a training run that flags give, by name."""
    given = values(TrainingConfig)
    for section, name in (
        (ModelConfig, "max_seq_length"),
        (HeadConfig, "max_span_width"),
    ):
        given[name] = values(section)[name]
    given["projection_activation"] = values(HeadConfig, given=True).get(
        "projection_activation"
    )
    return {name: value for name, value in given.items() if value is not None}


def training_config(settings: Mapping[str, Any]) -> TrainingConfig:
    """Builds the training config from given and chosen settings."""
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    return TrainingConfig.from_dict(
        {name: settings[name] for name in names if name in settings}
    )


def model_config(
    initialization: checkpoints.Initialization,
    *,
    long_text: LongText,
    settings: Mapping[str, Any],
    head: str,
) -> ModelConfig:
    """Builds the config of encoder, tokenizer, head and long texts."""
    head_source(head)  # refuses other names
    model = ModelConfig(
        encoder=initialization.config,
        tokenizer=TokenizerConfig.from_dict(
            initialization.tokenizer.to_config()
        ),
        head=HeadConfig(
            **values(HeadConfig)
            | {
                "name": head,
                "max_span_width": settings["max_span_width"] or None,
                "projection_activation": settings.get(
                    "projection_activation", Activation.NONE
                ),
            }
        ),
        **values(ModelConfig)
        | {
            "max_seq_length": settings["max_seq_length"],
            "long_text": long_text,
        },
    )
    _check_of_head(model.head)
    return model


def _check_of_head(head: HeadConfig) -> None:
    """Refuses settings of other heads, which would have no effect.

    Raises:
        ConfigError: If one is given that is not the default.
    """
    known = settings_of(HeadConfig)
    for name, value in values(HeadConfig, given=True).items():
        applies = known[name].spec.applies
        if value != known[name].default and applies and not applies(head):
            raise ConfigError(
                f"--{name} is given, but it has no effect with "
                f"--head={head.name}",
                remedy=f"leave out --{name}, or give the head that it is for",
            )


def predictor_settings() -> dict[str, Any]:
    """Returns the given settings of loading a model, without decoding."""
    return values(PredictionConfig, given=True)


def export_settings() -> dict[str, Any]:
    """Returns the settings of an export, without decoding."""
    if FLAGS["precision"].present:
        raise ConfigError(
            "--precision is for prediction, not for --export_dir",
            remedy="give --export_precision",
        )
    loading = values(PredictionConfig)
    for name in ("batch_size", "engine", "threads"):
        del loading[name]
    return loading | values(ExportConfig)


def decoding_settings() -> dict[str, Any]:
    """Returns the decoding settings by name; None if not given."""
    return values(DecodingConfig)


def decoding_config(*, word_rule: str) -> DecodingConfig:
    """Builds the decoding config of dev evaluation.

    Args:
        word_rule: Word rule of plain text if no flag gives one.
    """
    return DecodingConfig(
        word_boundaries=WordBoundaries.WORDS, word_rule=word_rule
    ).replace_given(**decoding_settings())


def check_settings(
    tokenizer: Tokenizer | None, model: ModelConfig | None
) -> checks.Settings:
    """Returns the settings for which data are checked.

    Args:
        tokenizer: Tokenizer of the encoder, if there is one.
        model: Config of the model, if there is an encoder.
    """
    decoding = DecodingConfig().replace_given(**decoding_settings())
    head = FLAGS.head if model is None else model.head.name
    return checks.Settings(
        nested=FLAGS.nested,
        tagger=head if head_source(head).is_tagger else None,
        decoder=decoding.decoder,
        one_label_per_span=decoding.one_label_per_span,
        long_text=FLAGS.long_text,
        tokenizer=tokenizer,
        windowing=None if model is None else Windowing.of(model),
        max_span_width=None if model is None else model.head.max_span_width,
        multi_label=model is not None and model.head.multi_label,
    )


def objective() -> ThresholdObjective | None:
    """Returns the objective of thresholds; None for no thresholds."""
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
