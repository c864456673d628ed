"""Data of a training run, and the model that it continues from, by flags."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

from biaffine_tf import formats, model_directory
from biaffine_tf.choices import Choice
from biaffine_tf.commands.flag_types import FLAGS, values
from biaffine_tf.config import (
    DecodingConfig,
    HeadConfig,
    ModelConfig,
    settings_of,
)
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import split
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import fingerprint
from biaffine_tf.formats.inputs import find_files, split_patterns
from biaffine_tf.spans import LabelMap

# They ask for what takes a dev set.
_OF_DEV = (
    "early_stopping_patience",
    "calibrate",
    "threshold_objective",
    "threshold_target",
    "report",
)
_DEV_REMEDY = "give --eval_data or --dev_fraction, or leave it out"
# They would say what --init_model says.
_OF_ENCODER = (
    "encoder_dir",
    "init_checkpoint",
    "vocab_file",
    "bert_config_file",
    "extend_positions",
)
_SHOWN = 5  # names of files


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """The labelled data of a training run.

    Attributes:
        train: Training data.
        dev: The dev set; None if there is none.
        test: Test data; None if there is none.
        fraction: Share of the training files that is the dev set; None if it
            has files of its own, or there is none.
        lines: What there is, to be printed.
    """

    train: Corpus
    dev: Corpus | None
    test: Corpus | None
    fraction: float | None
    lines: list[str]

    @property
    def files(self) -> dict[str, tuple[str, ...]]:
        """Paths by what they are."""
        dev = None if self.fraction is not None else self.dev
        data = {"training data": self.train, "dev data": dev}
        data["test data"] = self.test
        return {name: one.paths for name, one in data.items() if one}

    def fingerprints(self) -> dict[str, str]:
        """Digests of the data that make a run another one; not the test data.

        Raises:
            DataError: If a file cannot be read, or only once.
        """
        whole = dataclasses.replace(self.train, part=None)
        found = {"train_data": whole.fingerprint()}
        if self.fraction is not None:
            found["dev_fraction"] = str(self.fraction)
        elif self.dev is not None:
            found["eval_data"] = self.dev.fingerprint()
        return found


def open_data(options: formats.ReadOptions) -> Data:
    """The data that the flags name.

    Args:
        options: How to read all of it.

    Raises:
        ConfigError: If flags contradict each other.
        DataError: If one names no file, or a dev set cannot be taken out.
    """
    if FLAGS.dev_fraction is not None and FLAGS.eval_data:
        raise ConfigError(
            "--dev_fraction and --eval_data are both given",
            remedy="give one: a share of the training data, or files",
        )
    train, dev, test = (
        _corpus(name, options)
        for name in ("train_data", "eval_data", "test_data")
    )
    assert train is not None  # the command requires it
    lines = [*_describe("training data", train), *_describe("eval data", dev)]
    lines += _describe("test data", test)
    if FLAGS.dev_fraction is not None:
        parts = split(train, fraction=FLAGS.dev_fraction, seed=FLAGS.seed)
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
    )


def _corpus(flag: str, options: formats.ReadOptions) -> Corpus | None:
    """The files of a flag; None if it is not given."""
    given: Sequence[str] | None = FLAGS[flag].value
    if not given:
        return None
    patterns = split_patterns(given, folder=FLAGS.data_dir)
    return Corpus(tuple(find_files(patterns, flag=f"--{flag}")), options)


def _describe(what: str, corpus: Corpus | None) -> Iterator[str]:
    """Which files patterns have found."""
    if corpus is not None and len(corpus.paths) > 1:
        paths = corpus.paths
        more = f" and {len(paths) - _SHOWN} more" if paths[_SHOWN:] else ""
        yield f"{what}: {len(paths)} files: {', '.join(paths[:_SHOWN])}{more}"


def _check_without_dev() -> None:
    """Refuses to be asked for what takes a dev set."""
    for name in _OF_DEV:
        flag = FLAGS[name]
        if flag.present and flag.value not in (None, False, "none"):
            raise ConfigError(
                f"--{name} is given but there is no dev set",
                remedy=_DEV_REMEDY,
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class InitialModel:
    """A trained model that a run goes on from, head included.

    Attributes:
        path: Its directory.
        model: Its encoder, tokenizer and head, and what becomes of long
            texts; as trained but for what flags change.
        decoding: How its candidates become entities, likewise.
        labels: Its labels; they come first.
        start: Its encoder, for what asks where that is from.
        fingerprint: SHA-256 of its weights.
        settings: Its length and width, which are not to be chosen.
        choices: What flags could give and the model gave.
    """

    path: str
    model: ModelConfig
    decoding: DecodingConfig
    labels: LabelMap
    start: checkpoints.Initialization
    fingerprint: str
    settings: dict[str, int]
    choices: list[Choice]


def open_initial_model() -> InitialModel | None:
    """The model of --init_model; None if it is not given.

    Raises:
        ConfigError: If it is not complete, or a flag contradicts it.
    """
    path = FLAGS.init_model
    if not path:
        return None
    for name in _OF_ENCODER:
        if FLAGS[name].value:
            raise ConfigError(
                f"--{name} and --init_model are both given",
                remedy=f"leave out --{name}: the model has its own",
            )
    if FLAGS.output_dir and os.path.realpath(path) == os.path.realpath(
        FLAGS.output_dir
    ):
        raise ConfigError(
            f"--output_dir is --init_model={path}",
            remedy="give another --output_dir: the model is needed until its "
            "continuation has ended",
        )
    model_directory.check_is_folder(path)
    model_directory.check_digests(path)
    config, labels, tokenizer = model_directory.read_description(path)
    model_directory.check_weights(path)
    _check_same(
        path,
        {
            "tokenizer": str(config.model.tokenizer.kind),
            "do_lower_case": config.model.tokenizer.do_lower_case,
            "projection_size": config.model.head.projection_size,
            "position": str(config.model.head.position),
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
        start=checkpoints.Initialization(
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


def _continued(model: ModelConfig) -> ModelConfig:
    """A model's settings but for those given."""
    head = values(HeadConfig, given=True)
    if "max_span_width" in head:
        head["max_span_width"] = head["max_span_width"] or None
    return dataclasses.replace(
        model,
        head=dataclasses.replace(model.head, **head),
        **values(ModelConfig, given=True),
    )


def _check_same(path: str, settings: dict[str, Any]) -> None:
    """Refuses flags that contradict what the weights were trained with."""
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
    """Settings of the model that are others than without it."""
    for section in (model, model.head, decoding):
        for name, one in settings_of(type(section)).items():
            if one.flag is None:
                continue
            value, flag = getattr(section, name), FLAGS[one.flag]
            if not flag.present and flag.default != value:
                yield Choice(one.flag, value, f"as {path}")


def describe_labels(
    known: LabelMap, labels: LabelMap, found: Sequence[str]
) -> list[str]:
    """Describes new and unused labels of a run that continues a model.

    Args:
        known: Labels of the model.
        labels: Labels of the run; those of the model come first.
        found: Labels of the training data.
    """
    new = [name for name in labels if name not in known]
    lacking = [name for name in known if name not in found]
    lines = []
    if new:
        lines.append(f"labels that --init_model lacks: {', '.join(new)}; added")
    if lacking:
        lines.append(
            "labels of --init_model that the training data lacks: "
            f"{', '.join(lacking)}; they stay"
        )
    return lines
