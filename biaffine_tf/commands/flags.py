"""The absl flags of the commands, and what becomes of them.

Names are the ancestor's where it has them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from absl import flags

from biaffine_tf import formats
from biaffine_tf.calibration.objectives import Aim, Goal
from biaffine_tf.commands import reading_flags
from biaffine_tf.commands.flag_types import (
    define_checkpoint_flags,
    define_enum,
    define_optional_enum,
    define_path,
    define_paths,
    define_patterns,
    define_seed,
    define_tokenizer_flags,
)
from biaffine_tf.config import (
    PREDICTION_PRECISION,
    Decoder,
    DecodingConfig,
    ExportFormat,
    ExportPrecision,
    HeadConfig,
    LongText,
    ModelConfig,
    Position,
    Precision,
    TokenizerConfig,
    TokenizerKind,
    TrainingConfig,
    WordBoundaries,
)
from biaffine_tf.corpora import checks
from biaffine_tf.corpora.checks.overlaps import NESTED_SHARE
from biaffine_tf.errors import ConfigError
from biaffine_tf.formats.inputs import split_patterns
from biaffine_tf.tokenization import Tokenizer, Windowing

if TYPE_CHECKING:
    from biaffine_tf.encoders import checkpoints

FLAGS = flags.FLAGS

NO_AIM = "none"  # of thresholds


def define_reading_flags() -> None:
    """Flags about labelled files."""
    reading_flags.define_on_bad_data()
    flags.DEFINE_enum(
        "unlabelled",
        "error",
        ["error", str(formats.Unlabelled.SKIP)],
        "Refuse data with unlabelled sentences, or leave them out and count "
        "them. A sentence without entities has an empty list.",
    )
    reading_flags.define_format_flags()


def _define_xla() -> None:
    flags.DEFINE_bool(
        "xla",
        False,
        "Compile the encoder for each shape, once for all runs. For GPUs: on a "
        "CPU it is no faster.",
    )


def _define_encoder_flags() -> None:
    define_path(
        "encoder_dir",
        "Vocabulary, shape and weights to start from: a directory of Hugging "
        "Face's, Google's or ours, or a TensorFlow checkpoint.",
    )
    define_path(
        "vocab_file",
        "BERT vocabulary (vocab.txt or tokenizer.json); that of the encoder "
        "if not given.",
    )
    define_path(
        "bert_config_file",
        "Shape of the encoder (bert_config.json or config.json); its own if "
        "not given.",
    )
    define_path(
        "init_checkpoint",
        "Weights to start from, in any format of --encoder_dir; random if "
        "neither is given.",
    )
    define_path(
        "init_model",
        "Model directory to continue from, with its head, tokenizer and "
        "labels, instead of an encoder; new labels are added behind its own. "
        "Settings that are not given are the model's.",
    )
    flags.DEFINE_bool(
        "extend_positions",
        False,
        "Repeat the positions of the weights where --max_seq_length is larger.",
    )
    define_tokenizer_flags()


def _define_decoding_flags(*, as_in_training: bool) -> None:
    """How candidates become entities; unset, or with the defaults."""
    trained = DecodingConfig()
    note = "; as in training if not given." if as_in_training else "."

    def default(name: str) -> Any:
        return None if as_in_training else getattr(trained, name)

    flags.DEFINE_enum(
        "decoder",
        default("decoder"),
        [str(choice) for choice in Decoder],
        "How entities are picked: by rank, by the greatest total margin, or "
        "all candidates" + note,
    )
    flags.DEFINE_bool(
        "nested",
        None,
        "Entities may nest; as in training if not given."
        if as_in_training
        else "Entities may nest. If not given, they may if more than "
        f"{100 * NESTED_SHARE} % of the training spans lie within others.",
    )
    for name, meaning in (
        (
            "force_one_entity",
            "The ancestor's rule: every sentence gets at least one entity",
        ),
        (
            "one_label_per_span",
            "Keep one label of nested entities that were cut to the same range",
        ),
    ):
        flags.DEFINE_bool(name, default(name), meaning + note)
    for name, meaning in (
        ("min_width", "Characters of the narrowest entity"),
        ("max_width", "Characters of the widest entity"),
    ):
        flags.DEFINE_integer(name, default(name), meaning + note, lower_bound=1)
    for name, meaning in (
        ("forbidden_edges", "Characters that are cut off the ends of entities"),
        ("forbidden_inside", "Characters that no entity holds"),
    ):
        flags.DEFINE_string(name, default(name), meaning + note)
    define_optional_enum(
        "word_boundaries",
        WordBoundaries,
        "Let entities begin and end at words (of columns and token lists; in "
        "plain text and in a SavedModel by --word_rule), or at any token. "
        f"Default: {'as in training' if as_in_training else 'words'}.",
    )
    flags.DEFINE_string(
        "word_rule",
        None,
        "Pairs of neighbouring characters that belong to one word in plain "
        "text, such as 'aa a0 0a 00 #a': a is any letter, 0 any digit; '' for "
        "none. Default: "
        + (
            "as in training."
            if as_in_training
            else "learned from the words of the training data."
        ),
    )


def define_training_flags() -> None:
    """Flags of run_classifier.py."""
    define_reading_flags()
    training, head = TrainingConfig(), HeadConfig()
    define_patterns(
        "train_data",
        "Labelled files to train on: any number of files and globs, with "
        "commas between them. Formats may differ.",
    )
    define_patterns(
        "eval_data",
        "Labelled files of the dev set, named likewise: it chooses the best "
        "epoch and calibrates. Without it and --dev_fraction all epochs are "
        "trained, and the last model is kept.",
    )
    flags.DEFINE_float(
        "dev_fraction",
        None,
        "Share of --train_data, above 0 and below 1, to set aside as the dev "
        "set, by --seed. Each label gets its share; documents and equal texts "
        "stay together.",
    )
    define_patterns(
        "test_data",
        "Labelled files, named likewise, to score the finished model on, once.",
    )
    define_path(
        "data_dir",
        "Folder that relative --train_data, --eval_data and --test_data are "
        "taken from.",
    )
    define_path("output_dir", "Model directory to write.")
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Replace the experiment that --output_dir holds, if another one.",
    )
    flags.DEFINE_bool(
        "plan",
        False,
        "Say what the run would take, from ten steps of it: memory and time; "
        "--output_dir is not touched.",
    )
    flags.DEFINE_bool(
        "check_only",
        False,
        "Check the data and end: a table, then warnings; exit code 2 if they "
        "cannot be trained on. Needs no --output_dir and no encoder, which "
        "it checks the tokens of if one is given.",
    )
    define_path(
        "records_dir",
        "Where TFRecords are kept; a folder of the output directory if not "
        "given. Runs may share it.",
    )
    flags.DEFINE_bool("records_gzip", False, "Compress the TFRecords.")
    flags.DEFINE_integer(
        "records_processes",
        0,
        "Processes that write TFRecords; 0 decides by the corpus size.",
        lower_bound=0,
    )
    _define_encoder_flags()
    flags.DEFINE_integer(
        "max_seq_length",
        None,
        "Maximum number of tokens read at once, [CLS] and [SEP] included. "
        "Default: what 99.5 % of the training sentences need, from 128 to 512.",
    )
    define_optional_enum(
        "long_text",
        LongText,
        "What becomes of texts longer than --max_seq_length, also in "
        "prediction: overlapping windows; lines one by one, and windows for "
        "what is still too long; cut (what is beyond is lost, and counted); or "
        "an error that names the first one. If not given, line if no training "
        "text has several lines, else window.",
    )
    flags.DEFINE_integer(
        "window_overlap",
        None,
        "Pieces that neighbouring windows share at least: no entity of so many "
        "is lost. A quarter of a window if not given.",
        lower_bound=0,
    )
    flags.DEFINE_integer(
        "context_pieces",
        0,
        "Pieces of neighbouring sentences of its document that the encoder "
        "reads on each side of a sentence, as far as --max_seq_length allows.",
        lower_bound=0,
    )
    define_enum("loss", training.loss, "Training objective.")
    flags.DEFINE_float(
        "focal_gamma", training.focal_gamma, "Exponent of --loss=focal."
    )
    flags.DEFINE_float(
        "neg_sample",
        training.neg_sample,
        "Share of the negative pairs that enters the loss.",
    )
    define_enum(
        "head_start",
        training.head_start,
        "Weights of the head before training: small random ones and the "
        "log-odds of each class in the training data, or zeros.",
    )
    define_enum(
        "position",
        head.position,
        "Whether the encoder's position embedding joins the head's input.",
    )
    flags.DEFINE_integer(
        "projection_size",
        head.projection_size,
        "Width of the start and end projections.",
    )
    flags.DEFINE_integer(
        "max_span_width",
        None,
        "Maximum width of a span in tokens; wider gold counts as missed; 0 for "
        "no limit. Default: twice the width of the widest training span where "
        "that leaves out a fifth of all pairs.",
        lower_bound=0,
    )
    flags.DEFINE_float("head_dropout", head.dropout, "Dropout of the head.")
    _define_decoding_flags(as_in_training=False)
    flags.DEFINE_bool(
        "calibrate",
        True,
        "Fit what scores mean to the eval data, when training has ended.",
    )
    flags.DEFINE_enum(
        "threshold_aim",
        NO_AIM,
        [NO_AIM, *map(str, Aim)],
        "Fit thresholds of each label, too, for the best F1, or for a "
        "precision or recall of --threshold_target; the model then uses them.",
    )
    flags.DEFINE_float(
        "threshold_target",
        None,
        "Precision or recall that thresholds are to reach on unseen text.",
    )
    flags.DEFINE_bool(
        "report", True, "Write report.html on the eval data, to look at."
    )
    flags.DEFINE_bool(
        "export",
        False,
        "Export the model as a SavedModel when training has ended, to the "
        "folder export of the output directory; see run_predict.py.",
    )
    flags.DEFINE_integer(
        "train_batch_size",
        None,
        "Sentences in a batch. Default: 16 for less than 4000 sentences, else "
        "32.",
    )
    flags.DEFINE_integer(
        "token_budget",
        None,
        "Encoder positions in a batch, instead of --train_batch_size.",
    )
    flags.DEFINE_integer(
        "num_buckets",
        training.num_buckets,
        "Maximum number of length buckets; small corpora have fewer.",
    )
    flags.DEFINE_float(
        "learning_rate",
        None,
        "Peak learning rate of AdamW. Default: by the width of the encoder and "
        "whether it is pretrained.",
    )
    flags.DEFINE_float(
        "head_learning_rate_ratio",
        training.head_learning_rate_ratio,
        "Learning rate of the head over that of the encoder.",
    )
    flags.DEFINE_float("weight_decay", training.weight_decay, "Of AdamW.")
    flags.DEFINE_float(
        "warmup_proportion",
        None,
        "Fraction of the steps over which the learning rate rises. Default: "
        "0.03.",
    )
    flags.DEFINE_float(
        "max_gradient_norm",
        training.max_gradient_norm,
        "Gradients are clipped to this global norm.",
    )
    flags.DEFINE_integer(
        "gradient_accumulation",
        training.gradient_accumulation,
        "Number of batches in a step.",
    )
    define_enum(
        "freeze",
        training.freeze,
        "Keep parts of the encoder as they are.",
    )
    flags.DEFINE_integer(
        "thaw_after", None, "Number of steps after which nothing is frozen."
    )
    define_checkpoint_flags(steps=None)
    flags.DEFINE_float(
        "num_train_epochs",
        None,
        "Passes over the training data; a whole number. Default: by the number "
        "of sentences and whether the encoder is pretrained.",
    )
    flags.DEFINE_integer(
        "early_stopping_patience",
        None,
        "Stop after so many epochs without a better dev micro F1.",
    )
    define_enum(
        "precision",
        training.precision,
        "Of matrix products; weights and sums stay float32.",
    )
    flags.DEFINE_bool(
        "gradient_checkpointing",
        training.gradient_checkpointing,
        "Compute each block of the encoder twice rather than keep what is in "
        "it: less memory, a third more time.",
    )
    _define_xla()
    define_seed(training.seed)


def define_prediction_flags() -> None:
    """Flags of run_predict.py."""
    define_path("model_dir", "Model directory.")
    define_paths(
        "input",
        "File to predict, in any format, plain or compressed; - is standard "
        "input. With --output_dir any number of files and globs, with commas "
        "between them or one flag each. Labels in it are not read.",
    )
    define_path(
        "output",
        "File to write, compressed if its name ends in .gz, .xz, .bz2 or "
        ".zst; - is standard output.",
    )
    define_path(
        "output_dir",
        "Folder to write instead, in shards; the same command goes on after a "
        "kill.",
    )
    flags.DEFINE_integer(
        "shard_size",
        10_000,
        "Sentences of a shard of --output_dir.",
        lower_bound=1,
    )
    define_optional_enum(
        "on_bad_data",
        formats.OnBadData,
        "Stop at a sentence that cannot be read, or skip and count it. Error "
        "if not given; with --output_dir skip, and what is skipped goes to its "
        "bad_lines.",
    )
    reading_flags.define_format_flags()
    flags.DEFINE_enum(
        "output_format",
        "span_jsonl",
        sorted(one.name for one in formats.all_formats() if one.spans),
        "Format of the predictions.",
    )
    flags.DEFINE_bool("output_score", False, "Write the entities' scores.")
    flags.DEFINE_string("text", None, "Print the entities of this text.")
    flags.DEFINE_integer(
        "batch_size",
        64,
        "Most sentences in a batch; of a SavedModel in a request, 512 if not "
        "given.",
        lower_bound=1,
    )
    define_enum(
        "precision",
        PREDICTION_PRECISION,
        "Of matrix products; weights and sums stay float32.",
    )
    _define_xla()
    flags.DEFINE_integer(
        "output_layers",
        None,
        "CoNLL output: tag columns; an entity that overlaps others needs one "
        "of its own. 3 for nested entities, else 1, if not given.",
        lower_bound=1,
    )
    _define_decoding_flags(as_in_training=True)
    flags.DEFINE_bool(
        "calibrated", True, "Calibrate scores, if the model directory says how."
    )
    flags.DEFINE_bool(
        "thresholds", True, "Use the thresholds of the model, if it has any."
    )
    define_optional_enum(
        "long_text",
        LongText,
        "What becomes of texts longer than the model reads at once: "
        "overlapping windows, line by line, cut, or an error; as in training "
        "if not given.",
    )
    flags.DEFINE_integer(
        "window_overlap",
        None,
        "Pieces that neighbouring windows share at least: no entity of so many "
        "is lost; as in training if not given.",
        lower_bound=0,
    )
    _define_export_flags()


def _define_export_flags() -> None:
    define_path(
        "export_dir",
        "Folder to export the model to, which must not exist or be empty.",
    )
    define_enum(
        "export_format",
        ExportFormat.SAVED_MODEL,
        "Strings in, entities out, for TensorFlow and its servers; or ONNX, "
        "which biaffine_tf.load runs without TensorFlow.",
    )
    define_enum(
        "export_precision",
        ExportPrecision.FLOAT32,
        "Of the export: as the model; products in bfloat16 (not of ONNX); or "
        "weights in eight bits.",
    )
    define_patterns(
        "eval_data",
        "Labelled files, named as for --input, on which the export of another "
        "precision is scored.",
    )


def input_patterns() -> list[str]:
    """Paths and globs of --input."""
    return split_patterns(FLAGS.input or ())


def read_options() -> formats.ReadOptions:
    """How to read files."""
    return reading_flags.read_options(
        on_bad_data=FLAGS.on_bad_data or _default_on_bad_data(),
        unlabelled=_unlabelled(),
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


def encoder_start(texts: Iterable[str]) -> checkpoints.Start:
    """Chooses the initial encoder; see `checkpoints.choose_start`."""
    from biaffine_tf.encoders import checkpoints  # run_predict.py does without

    return checkpoints.choose_start(
        encoder_dir=FLAGS.encoder_dir,
        vocab_file=FLAGS.vocab_file,
        bert_config_file=FLAGS.bert_config_file,
        init_checkpoint=FLAGS.init_checkpoint,
        tokenizer=TokenizerKind(FLAGS.tokenizer) if FLAGS.tokenizer else None,
        do_lower_case=FLAGS.do_lower_case,
        extend_to=FLAGS.max_seq_length if FLAGS.extend_positions else None,
        texts=texts,
    )


def given_settings() -> dict[str, Any]:
    """Settings of the training run that flags give, by name."""
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    names.remove("evaluation_precision")  # no flag sets it
    names += ["max_seq_length", "max_span_width"]
    values = {name: FLAGS[name].value for name in names}
    epochs = values["num_train_epochs"]
    if epochs is not None:
        if not epochs.is_integer():
            raise ConfigError(
                f"--num_train_epochs must be a whole number, got {epochs}"
            )
        values["num_train_epochs"] = int(epochs)
    return {name: value for name, value in values.items() if value is not None}


def training_config(settings: Mapping[str, Any]) -> TrainingConfig:
    """Objective, optimizer and batches, of settings given or chosen."""
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    return TrainingConfig.from_dict(
        {name: settings[name] for name in names if name in settings}
    )


def model_config(
    start: checkpoints.Start,
    *,
    long_text: LongText,
    settings: Mapping[str, Any],
) -> ModelConfig:
    """Encoder, tokenizer and head; what becomes of long texts."""
    return ModelConfig(
        encoder=start.config,
        tokenizer=TokenizerConfig.from_dict(start.tokenizer.to_config()),
        head=HeadConfig(
            projection_size=FLAGS.projection_size,
            dropout=FLAGS.head_dropout,
            position=Position(FLAGS.position),
            max_span_width=settings["max_span_width"] or None,
        ),
        max_seq_length=settings["max_seq_length"],
        long_text=long_text,
        window_overlap=FLAGS.window_overlap,
        context_pieces=FLAGS.context_pieces,
    )


def long_text() -> LongText | None:
    """What is to become of long texts; None if that is not given."""
    return LongText(FLAGS.long_text) if FLAGS.long_text else None


def predictor_settings() -> dict[str, Any]:
    """What is given of how a model is loaded, but for `decoding_settings`."""
    settings = {
        "calibrated": FLAGS.calibrated,
        "thresholds": FLAGS.thresholds,
        "long_text": long_text(),
        "window_overlap": FLAGS.window_overlap,
        "batch_size": FLAGS.batch_size,
        "precision": Precision(FLAGS.precision),
        "xla": FLAGS.xla,
    }
    return {k: value for k, value in settings.items() if FLAGS[k].present}


def export_settings() -> dict[str, Any]:
    """How a model is exported, but for `decoding_settings`."""
    if FLAGS["precision"].present:
        raise ConfigError(
            "--precision is that of prediction",
            remedy="give --export_precision",
        )
    return {
        "format": ExportFormat(FLAGS.export_format),
        "precision": ExportPrecision(FLAGS.export_precision),
        "xla": FLAGS.xla,
        "calibrated": FLAGS.calibrated,
        "thresholds": FLAGS.thresholds,
        "long_text": long_text(),
        "window_overlap": FLAGS.window_overlap,
    }


def decoding_settings() -> dict[str, Any]:
    """How candidates become entities; None for what is not given."""
    names = [field.name for field in dataclasses.fields(DecodingConfig)]
    return {name: FLAGS[name].value for name in names}


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
        long_text=long_text(),
        tokenizer=tokenizer,
        windowing=None if model is None else Windowing.of(model),
        max_span_width=None if model is None else model.head.max_span_width,
    )


def goal() -> Goal | None:
    """What thresholds are for; None if there are to be none."""
    if FLAGS.threshold_aim == NO_AIM:
        if FLAGS.threshold_target is not None:
            raise ConfigError(
                "--threshold_target is given but --threshold_aim is not",
                remedy="give --threshold_aim=precision or recall",
            )
        return None
    return Goal(aim=Aim(FLAGS.threshold_aim), target=FLAGS.threshold_target)
