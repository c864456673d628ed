"""Flags of training and prediction beside the stored settings, by section.

Flags of the original implementation keep their names.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from biaffine_tf import formats
from biaffine_tf.calibration.objectives import (
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.commands.flag_types import (
    FLAGS,
    Inputs,
    Names,
    Path,
    Patterns,
    define,
)
from biaffine_tf.commands.reading_arguments import (
    ReadingArgument,
    reading_arguments,
)
from biaffine_tf.config import (
    DecodingConfig,
    ExportConfig,
    HeadConfig,
    ModelConfig,
    PredictionConfig,
    TokenizerConfig,
    TrainingConfig,
    same_setting,
    setting,
)
from biaffine_tf.reports.run_facts import Language
from biaffine_tf.training.position import Period

NO_OBJECTIVE = "none"  # of thresholds


def _setting_of(argument: ReadingArgument) -> tuple[str, Any, Any]:
    """Makes a dataclass field of a reading argument."""
    kind = type(argument.default)
    if argument.choices is not None or argument.default is None:
        kind = str
    field = setting(
        argument.default, choices=argument.choices or (), help=argument.help
    )
    return argument.name, kind | None, field


FormatFlags = dataclasses.make_dataclass(
    "FormatFlags", map(_setting_of, reading_arguments(shared=False))
)


@dataclasses.dataclass
class _Reading:
    """Policies for bad and unlabelled sentences."""

    on_bad_data: formats.OnBadData = setting(
        formats.OnBadData.ERROR,
        help="Stop at a sentence that cannot be read, or skip and count it.",
    )
    unlabelled: str = setting(
        "error",
        choices=("error", str(formats.Unlabelled.SKIP)),
        help="Refuse data with unlabelled sentences, or leave them out and "
        "count them. A sentence without entities has an empty list.",
    )


@dataclasses.dataclass
class _Data:
    """Labelled files of a training run."""

    train_data: Patterns | None = setting(
        None,
        help="Labelled training files: paths and globs, separated by commas. "
        "Formats may differ.",
    )
    eval_data: Patterns | None = setting(
        None,
        help="Labelled files of the dev set, which selects the best epoch and "
        "calibrates. Without it and --dev_fraction, all epochs are trained and "
        "the last model is kept.",
    )
    dev_fraction: float | None = setting(
        None,
        above=0,
        below=1,
        help="Fraction of --train_data to set aside as the dev set, by --seed. "
        "Each label gets its share; documents and equal texts stay together.",
    )
    fold: str | None = setting(
        None,
        valid=re.compile(r"[1-9]\d*/[1-9]\d*").fullmatch,
        want="a fold and their number, such as 1/5",
        help="Fold of --train_data to set aside as the dev set, such as 1/5, "
        "by --seed; stratified as for --dev_fraction.",
    )
    test_data: Patterns | None = setting(
        None,
        help="Labelled files to score the finished model on, once.",
    )
    labels_of: Inputs | None = setting(
        None,
        help="Labels that a file labels, as FILE:LABEL,LABEL, once a file or "
        "with semicolons; auto for those that occur in each file. Other labels "
        "are unknown there: neither negatives in training nor false positives "
        "in scores.",
        unset="every file labels everything",
    )
    data_dir: Path | None = setting(
        None,
        help="Folder of relative --train_data, --eval_data, --test_data, "
        "--unlabelled_data and --pseudo_data.",
    )


@dataclasses.dataclass
class _Output:
    """Output of a training run."""

    output_dir: Path | None = setting(None, help="Model directory to write.")
    overwrite: bool = setting(
        False,
        help="Replace another experiment in --output_dir.",
    )
    plan: bool = setting(
        False,
        help="Measure memory and time in a few steps; do not train. "
        "--output_dir is not touched.",
    )
    check_only: bool = setting(
        False,
        help="Check the data and exit: prints a table and warnings; exit code "
        "2 if they cannot be trained on. Needs no --output_dir, and no "
        "encoder, whose tokens are checked if one is given.",
    )
    report: bool = setting(True, help="Write report.html on the eval data.")
    report_language: Language = setting(
        Language.ENGLISH,
        help="Language of the facts of the run in the report.",
    )
    onnx: bool = setting(
        True,
        help="Write an ONNX form to the folder onnx of --output_dir, if onnx "
        "and onnxruntime are installed and it finds the same entities. "
        "Predictions on a CPU then need no TensorFlow.",
    )
    export: bool = setting(
        False,
        help="Export the model as a SavedModel after training, to the folder "
        "export of --output_dir; see run_predict.py.",
    )
    records_dir: Path | None = setting(
        None,
        help="Folder of the TFRecords, which runs may share.",
        unset="records in --output_dir",
    )
    records_gzip: bool = setting(False, help="Compress the TFRecords.")
    records_processes: int = setting(
        0,
        minimum=0,
        help="Processes that write TFRecords; 0 chooses by corpus size.",
    )


@dataclasses.dataclass
class Checkpoints:
    """Frequency of checkpoints."""

    save_checkpoints_steps: int | None = setting(
        None,
        minimum=1,
        help="Steps between checkpoints, from which the run can resume.",
    )
    save_checkpoints_minutes: float = setting(
        10.0,
        minimum=0,
        help="Minutes between checkpoints, in addition; 0 for none.",
    )


@dataclasses.dataclass
class EncoderFlags:
    """Encoder that a run starts from."""

    encoder_dir: Path | None = setting(
        None,
        help="Encoder to start from, with vocabulary, config and weights: a "
        "directory of Hugging Face's, Google's or ours, or a TF checkpoint.",
    )
    bert_config_file: Path | None = setting(
        None,
        help="Config of the encoder (bert_config.json or config.json).",
        unset="that of the encoder",
    )
    init_checkpoint: Path | None = setting(
        None,
        help="Initial weights, in any format of --encoder_dir.",
        unset="those of --encoder_dir, else random ones",
    )
    extend_positions: bool = setting(
        False,
        help="Extend the position embeddings by repetition if the encoder has "
        "too few for the sequences.",
    )


@dataclasses.dataclass
class _Encoder(EncoderFlags):
    """Encoder or model that fine-tuning starts from."""

    vocab_file: Path | None = setting(
        None,
        help="BERT vocabulary (vocab.txt or tokenizer.json).",
        unset="that of the encoder, else made from the training data",
    )
    normalise: str | None = setting(
        None,
        help="Look characters up as others, some of, with commas: digits (as "
        "0), latin (letters as a), width (full-width forms as half-width "
        "ones). Offsets stay.",
        unset="as stored with the encoder, else none",
    )
    init_model: Path | None = setting(
        None,
        help="Model directory to continue from, with its head, tokenizer and "
        "labels, instead of an encoder; new labels are appended. Settings that "
        "are not given are the model's.",
    )


@dataclasses.dataclass
class _Teachers:
    """Trained models to distil, and text for them."""

    teacher_dir: Names | None = setting(
        None,
        help="Model directories and ensembles, separated by commas, whose "
        "averaged span scores are learnt beside the labels, or instead of "
        "them.",
    )
    unlabelled_data: Patterns | None = setting(
        None,
        help="Files in any format, whose sentences are learnt from the scores "
        "of --teacher_dir alone. Labels in them are ignored.",
    )


@dataclasses.dataclass
class _PseudoLabels:
    """Sentences that models have labelled."""

    pseudo_data: Patterns | None = setting(
        None,
        help="Files of pseudo labels, learnt beside --train_data; see python "
        "-m biaffine_tf.ensemble pseudo_label. No text of --eval_data or "
        "--test_data may be among them.",
    )


@dataclasses.dataclass
class _Calibration:
    """Calibration and thresholds, fitted on the dev set."""

    calibrate: bool = setting(
        True, help="Calibrate scores on the eval data after training."
    )
    threshold_objective: str = setting(
        NO_OBJECTIVE,
        former="threshold_aim",
        choices=(NO_OBJECTIVE, *map(str, ThresholdMetric)),
        help="Fit a threshold for each label, for the best F1 or for the "
        "precision or recall of --threshold_target; the model then uses them.",
    )
    threshold_target: float | None = same_setting(ThresholdObjective, "target")


@dataclasses.dataclass
class _Files:
    """Model, input and output of a prediction."""

    model_dir: Path | None = setting(None, help="Model directory.")
    text: str | None = setting(None, help="Print the entities of this text.")
    input: Inputs | None = setting(
        None,
        help="File to predict, in any format, plain or compressed; - is "
        "standard input. With --output_dir, paths and globs, separated by "
        "commas or one per flag. Labels in them are ignored.",
    )
    output: Path | None = setting(
        None,
        help="File to write, compressed if its name ends in .gz, .xz, .bz2 or "
        ".zst; - is standard output.",
    )
    output_dir: Path | None = setting(
        None,
        help="Folder to write shards to; the command resumes after a kill.",
    )
    shard_size: int = setting(
        10_000, minimum=1, help="Sentences per shard of --output_dir."
    )
    output_format: str = setting(
        "span_jsonl",
        choices=sorted(one.name for one in formats.all_formats() if one.spans),
        help="Format of the predictions.",
    )
    output_score: bool = setting(False, help="Write the entities' scores.")
    output_layers: int | None = setting(
        None,
        minimum=1,
        help="CoNLL output: number of tag columns; overlapping entities need "
        "one each.",
        unset="3 for nested entities, else 1",
    )
    on_bad_data: formats.OnBadData | None = same_setting(
        _Reading,
        "on_bad_data",
        default=None,
        unset="error; with --output_dir skip, and list them in its bad_lines",
    )


@dataclasses.dataclass
class _Export:
    """Export of a model."""

    export_dir: Path | None = setting(
        None,
        help="Folder to export the model to; must be empty or not exist.",
    )
    eval_data: Patterns | None = setting(
        None,
        help="Labelled files to score an export of another precision on.",
    )


def define_training_flags() -> None:
    """Defines the flags of run_classifier.py."""
    define("Data", _Data, _Reading, FormatFlags)
    define("Output", _Output)
    define("Encoder", _Encoder, TokenizerConfig)
    define("Model", ModelConfig, HeadConfig)
    define("Training", TrainingConfig, Checkpoints)
    define("Distillation", _Teachers)
    define("Pseudo labels", _PseudoLabels)
    define("Decoding", DecodingConfig)
    define("Calibration", _Calibration)


def define_prediction_flags() -> None:
    """Defines the flags of run_predict.py."""
    define("Input and output", _Files, FormatFlags)
    define("Prediction", PredictionConfig)
    define("Decoding", DecodingConfig, unset="as in training")
    define("Export", _Export, ExportConfig)


def save_period() -> Period:
    """Returns the period of checkpoints."""
    return Period(
        steps=FLAGS.save_checkpoints_steps,
        minutes=FLAGS.save_checkpoints_minutes or None,
    )
