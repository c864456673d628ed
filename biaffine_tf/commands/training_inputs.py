"""Opens the data of a training run and the model that it continues from."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

from biaffine_tf import formats, model_directory
from biaffine_tf.choices import Choice
from biaffine_tf.commands.flag_types import FLAGS, values
from biaffine_tf.commands.label_sets import find_label_sets
from biaffine_tf.config import (
    DecodingConfig,
    HeadConfig,
    ModelConfig,
    settings_of,
)
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import Split, split, split_fold
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import fingerprint
from biaffine_tf.formats.inputs import find_files, split_patterns
from biaffine_tf.spans import LabelMap

# Flags that need a dev set.
_DEV_FLAGS = (
    "early_stopping_patience",
    "calibrate",
    "threshold_objective",
    "threshold_target",
    "report",
)
_DEV_REMEDY = "give --eval_data or --dev_fraction, or leave it out"
# Flags that contradict --init_model.
_ENCODER_FLAGS = (
    "encoder_dir",
    "init_checkpoint",
    "vocab_file",
    "bert_config_file",
    "extend_positions",
)
_MAX_SHOWN = 5  # file names


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """The labelled data of a training run.

    Attributes:
        train: Training data.
        dev: Dev set, or None.
        test: Test data, or None.
        fraction: Fraction of the training files that is the dev set; None if
            the dev set has files of its own or there is none.
        fold: Fold of the training files that is the dev set, as "1/5"; None
            likewise.
        lines: Description of the data, to be printed.
    """

    train: Corpus
    dev: Corpus | None
    test: Corpus | None
    fraction: float | None
    lines: list[str]
    fold: str | None = None

    @property
    def is_split(self) -> bool:
        """Whether the dev set is a part of the training files."""
        return self.fraction is not None or self.fold is not None

    @property
    def files(self) -> dict[str, tuple[str, ...]]:
        """Paths by the names of the data."""
        dev = None if self.is_split else self.dev
        data = {"training data": self.train, "dev data": dev}
        data["test data"] = self.test
        return {name: one.paths for name, one in data.items() if one}

    def fingerprints(self) -> dict[str, str]:
        """Returns digests of the data that identify a run, without test data.

        Raises:
            DataError: If a file cannot be read, or is a pipe or a device.
        """
        whole = dataclasses.replace(self.train, part=None)
        digests = {"train_data": whole.fingerprint()}
        if self.fraction is not None:
            digests["dev_fraction"] = str(self.fraction)
        elif self.fold is not None:
            digests["fold"] = self.fold
        elif self.dev is not None:
            digests["eval_data"] = self.dev.fingerprint()
        return digests


def open_data(options: formats.ReadOptions) -> Data:
    """Opens the data that the flags name.

    Args:
        options: Options for reading all of it.

    Raises:
        ConfigError: If flags contradict each other.
        DataError: If a flag matches no file, or no dev set can be split off.
    """
    sources = [
        f"--{name}"
        for name in ("dev_fraction", "fold", "eval_data")
        if FLAGS[name].value
    ]
    if len(sources) > 1:
        raise ConfigError(
            f"{sources[0]} and {sources[1]} are both given",
            remedy="give one: a share or a fold of the training data, or files",
        )
    train, dev, test = (
        open_corpus(name, options)
        for name in ("train_data", "eval_data", "test_data")
    )
    assert train is not None  # the command requires it
    sets = find_label_sets(train, dev, test)
    train, dev, test = (
        one and dataclasses.replace(one, label_sets=sets)
        for one in (train, dev, test)
    )
    assert train is not None
    lines = [*_describe("training data", train), *_describe("eval data", dev)]
    lines += _describe("test data", test)
    for path, labels in sets.entries:
        lines.append(
            f"{path} labels {', '.join(labels) or 'nothing'}; other labels are "
            "unknown there"
        )
    parts = _split(train)
    if parts is not None:
        train, dev = parts.train, parts.dev
        lines += parts.lines
    elif dev is None:
        _check_without_dev()
        lines.append(
            "no dev set: neither --eval_data nor --dev_fraction is given. All "
            "of the training data is trained on for all epochs, and the model "
            "of the last one is kept; it gets no dev scores, calibration, "
            "thresholds or report"
        )
    return Data(
        train=train,
        dev=dev,
        test=test,
        fraction=FLAGS.dev_fraction,
        lines=lines,
        fold=FLAGS.fold,
    )


def _split(train: Corpus) -> Split | None:
    """Splits the dev set off, if flags say so."""
    if FLAGS.dev_fraction is not None:
        return split(train, fraction=FLAGS.dev_fraction, seed=FLAGS.seed)
    if FLAGS.fold is None:
        return None
    number, folds = map(int, FLAGS.fold.split("/"))
    return split_fold(train, number=number, folds=folds, seed=FLAGS.seed)


def open_corpus(flag: str, options: formats.ReadOptions) -> Corpus | None:
    """Opens the files of a flag; None if it is not given."""
    given: Sequence[str] | None = FLAGS[flag].value
    if not given:
        return None
    patterns = split_patterns(given, folder=FLAGS.data_dir)
    return Corpus(tuple(find_files(patterns, flag=f"--{flag}")), options)


def _describe(what: str, corpus: Corpus | None) -> Iterator[str]:
    """Lists the files that patterns match."""
    if corpus is not None and len(corpus.paths) > 1:
        paths = corpus.paths
        shown = ", ".join(paths[:_MAX_SHOWN])
        rest = len(paths) - _MAX_SHOWN
        more = f" and {rest} more" if rest > 0 else ""
        yield f"{what}: {len(paths)} files: {shown}{more}"


def _check_without_dev() -> None:
    """Checks that no flag is given that needs a dev set."""
    for name in _DEV_FLAGS:
        flag = FLAGS[name]
        if flag.present and flag.value not in (None, False, "none"):
            raise ConfigError(
                f"--{name} is given but there is no dev set",
                remedy=_DEV_REMEDY,
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class InitialModel:
    """A trained model that a run continues from, head included.

    Attributes:
        path: Model directory.
        model: Config of encoder, tokenizer, head and long texts: as trained,
            unless changed by flags.
        decoding: Decoding config, likewise.
        labels: Labels of the model; they come first.
        initialization: Encoder of the model.
        fingerprint: SHA-256 of the weights.
        settings: Length and width of the model, which are kept.
        choices: Settings of the model that differ from the flags' defaults.
    """

    path: str
    model: ModelConfig
    decoding: DecodingConfig
    labels: LabelMap
    initialization: checkpoints.Initialization
    fingerprint: str
    settings: dict[str, int]
    choices: list[Choice]


def open_initial_model() -> InitialModel | None:
    """Opens the model of --init_model; None if it is not given.

    Raises:
        ConfigError: If it is incomplete, or a flag contradicts it.
    """
    path = FLAGS.init_model
    if not path:
        return None
    for name in _ENCODER_FLAGS:
        if FLAGS[name].value:
            raise ConfigError(
                f"--{name} and --init_model are both given",
                remedy=f"leave out --{name}: the model has its own",
            )
    check_trained_model(path, flag="init_model")
    config, labels, tokenizer = model_directory.read_description(path)
    _check_same(
        path,
        {
            "tokenizer": str(config.model.tokenizer.kind),
            "do_lower_case": config.model.tokenizer.do_lower_case,
            "head": config.model.head.name,
            "tags": str(config.model.head.tags),
            "normalise": config.model.tokenizer.normalise,
            "projection_size": config.model.head.projection_size,
            "position": str(config.model.head.position),
            "projection_activation": str(
                config.model.head.projection_activation
            ),
            "pointer_size": config.model.head.pointer_size,
            "cnn_channels": config.model.head.cnn_channels,
            "cnn_depth": config.model.head.cnn_depth,
            "layer_mix": str(config.model.layer_mix),
            "lstm_size": config.model.lstm_size,
        },
    )
    model = _continued(config.model)
    decoding = config.decoding.replace_given(
        **values(DecodingConfig, given=True)
    )
    return InitialModel(
        path=path,
        model=model,
        decoding=decoding,
        labels=labels,
        initialization=checkpoints.Initialization(
            source=None,
            config=model.encoder,
            tokenizer=tokenizer,
            origins=f"with its head, tokenizer and {len(labels)} labels from "
            f"{path}",
        ),
        fingerprint=fingerprint(os.path.join(path, model_directory.WEIGHTS)),
        settings={
            "max_seq_length": model.max_seq_length,
            "max_span_width": model.head.max_span_width or 0,
        },
        choices=list(_choices(path, model, decoding)),
    )


def check_trained_model(path: str, *, flag: str) -> None:
    """Checks that a run can start from a model directory or learn from it.

    Args:
        path: Model directory.
        flag: Flag that gives it, for messages.

    Raises:
        ConfigError: If it is incomplete or damaged, or the --output_dir.
    """
    if FLAGS.output_dir and os.path.realpath(path) == os.path.realpath(
        FLAGS.output_dir
    ):
        raise ConfigError(
            f"--output_dir is --{flag}={path}",
            remedy="give another --output_dir: the model is needed until the "
            "run has ended",
        )
    model_directory.check_is_folder(path)
    model_directory.check_digests(path)
    model_directory.read_description(path)
    model_directory.check_weights(path)


def _continued(model: ModelConfig) -> ModelConfig:
    """Returns the config of the model with the changes that flags give."""
    head = values(HeadConfig, given=True)
    if "max_span_width" in head:
        head["max_span_width"] = head["max_span_width"] or None
    return dataclasses.replace(
        model,
        head=dataclasses.replace(model.head, **head),
        **values(ModelConfig, given=True),
    )


def _check_same(path: str, settings: dict[str, Any]) -> None:
    """Checks that flags agree with the settings the weights need."""
    for name, value in settings.items():
        if FLAGS[name].present and FLAGS[name].value != value:
            raise ConfigError(
                f"--{name}={FLAGS[name].value} contradicts "
                f"--init_model={path}, which was trained with {value}",
                remedy=f"leave out --{name}, or start from the encoder alone "
                "with --encoder_dir",
            )


def _choices(
    path: str, model: ModelConfig, decoding: DecodingConfig
) -> Iterator[Choice]:
    """Yields the settings of the model that differ from flags' defaults."""
    for section in (model, model.head, decoding):
        for name, one in settings_of(type(section)).items():
            if one.flag is None:
                continue
            value, flag = getattr(section, name), FLAGS[one.flag]
            if not flag.present and flag.default != value:
                yield Choice(one.flag, value, f"as {path}")


def describe_labels(
    known: LabelMap, labels: LabelMap, present: Sequence[str]
) -> list[str]:
    """Describes new and unused labels of a run that continues a model.

    Args:
        known: Labels of the model.
        labels: Labels of the run; those of the model come first.
        present: Labels of the training data.
    """
    new = [name for name in labels if name not in known]
    lacking = [name for name in known if name not in present]
    lines = []
    if new:
        lines.append(f"labels that --init_model lacks: {', '.join(new)}; added")
    if lacking:
        lines.append(
            "labels of --init_model that the training data lacks: "
            f"{', '.join(lacking)}; they stay"
        )
    return lines
