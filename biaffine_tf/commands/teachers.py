"""Opens the teachers of a training run: trained models to distil."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Collection, Iterator
from typing import Any

from biaffine_tf import formats, heads, model_directory
from biaffine_tf.choices import Choice
from biaffine_tf.commands import training_inputs as inputs
from biaffine_tf.commands.flag_types import FLAGS
from biaffine_tf.config import ModelConfig
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.teacher_scores import MIN_PROBABILITY, TeacherScores

# Raise it when equal teachers and sentences would get other scores.
_VERSION = 1
_DEFAULTS = {"distil_weight": 0.5, "distil_temperature": 1.0}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Teachers:
    """Trained models, and the sentences whose scores are learnt from them.

    Attributes:
        directories: Model directories.
        labels: All labels of the models.
        weights: SHA-256 of the weights of each model.
        unlabelled: Sentences that are learnt from the scores alone, or None.
        fingerprint: SHA-256 of all that the scores depend on.
    """

    directories: tuple[str, ...]
    labels: tuple[str, ...]
    weights: tuple[str, ...]
    unlabelled: Corpus | None
    fingerprint: str

    def origins(self) -> dict[str, str]:
        """Returns digests that identify a run."""
        origins = {"teachers": ", ".join(self.weights)}
        if self.unlabelled is not None:
            origins["unlabelled_data"] = self.unlabelled.fingerprint()
        return origins

    def scores_in(self, directory: str) -> TeacherScores:
        """Returns the scores, which may have to be written yet."""
        name = f"teachers-{self.fingerprint[:16]}.jsonl"
        return TeacherScores(
            path=os.path.join(directory, name),
            fingerprint=self.fingerprint,
            unlabelled=self.unlabelled,
        )

    def check_student(
        self, model: ModelConfig, labels: Collection[str]
    ) -> None:
        """Checks that a model can learn from the teachers.

        Args:
            model: Settings of the model.
            labels: Labels of the model.

        Raises:
            ConfigError: If it cannot.
        """
        if not heads.distils(model.head.name):
            raise ConfigError(
                f"the head {model.head.name!r} cannot be distilled",
                remedy="train without --teacher_dir",
            )
        unknown = [name for name in self.labels if name not in labels]
        if unknown:
            raise ConfigError(
                f"--teacher_dir has labels that the training data lacks: "
                f"{', '.join(unknown)}",
                remedy="give teachers with the labels of the training data: "
                f"{', '.join(labels)}",
            )

    def describe(self, labels: Collection[str]) -> Iterator[str]:
        """Yields lines about the teachers, to be printed."""
        yield f"teachers: {', '.join(self.directories)}"
        missing = [name for name in labels if name not in self.labels]
        if missing:
            yield (
                "labels that no teacher knows, so that their scores are "
                f"learnt as none: {', '.join(missing)}"
            )


def open_teachers(
    data: inputs.Data, options: formats.ReadOptions
) -> Teachers | None:
    """Opens the models of --teacher_dir; None if it is not given.

    Args:
        data: Labelled files.
        options: Options for reading files.

    Raises:
        ConfigError: If a model is incomplete, or a flag is given that needs
            teachers.
        DataError: If --unlabelled_data matches no file.
    """
    if not FLAGS.teacher_dir:
        for name in (*_DEFAULTS, "unlabelled_data"):
            if FLAGS[name].value is not None:
                raise ConfigError(
                    f"--{name} is given but --teacher_dir is not",
                    remedy="give the model directories of the teachers, or "
                    f"leave out --{name}",
                )
        return None
    directories = tuple(
        member
        for path in map(os.path.expanduser, FLAGS.teacher_dir)
        for member in model_directory.member_directories(path)
    )
    labels: dict[str, None] = {}
    for path in directories:
        inputs.check_trained_model(path, flag="teacher_dir")
        labels |= dict.fromkeys(model_directory.read_description(path).labels)
    unlabelled = inputs.open_corpus(
        "unlabelled_data",
        dataclasses.replace(
            options, unlabelled=formats.Unlabelled.KEEP, ignore_labels=True
        ),
    )
    models = [_fingerprints(path) for path in directories]
    return Teachers(
        directories=directories,
        labels=tuple(labels),
        weights=tuple(one[model_directory.WEIGHTS] for one in models),
        unlabelled=unlabelled,
        fingerprint=_digest(
            {
                "version": _VERSION,
                "reader": formats.READER_VERSION,
                "min_probability": MIN_PROBABILITY,
                "teachers": models,
                "sentences": [
                    [one.fingerprint(), str(one.options)]
                    for one in (data.train, unlabelled)
                    if one is not None
                ],
            }
        ),
    )


def choose_settings(given: Collection[str]) -> list[Choice]:
    """Chooses the settings of the distillation that are not given."""
    return [
        Choice(name, value, "with --teacher_dir")
        for name, value in _DEFAULTS.items()
        if name not in given
    ]


def _fingerprints(path: str) -> dict[str, str]:
    """Returns the fingerprints of the files that plain scores depend on."""
    files = model_directory.model_fingerprints(path)
    files.pop(model_directory.CONFIDENCE, None)
    return files


def _digest(values: Any) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
