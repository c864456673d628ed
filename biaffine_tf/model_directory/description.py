"""All of a model directory but its weights; no TensorFlow."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from biaffine_tf.config import ExperimentConfig
from biaffine_tf.errors import BiaffineError, ConfigError
from biaffine_tf.files import atomic_write, write_json
from biaffine_tf.model_directory.names import (
    CHECKPOINTS,
    CONFIG,
    DAMAGED,
    HISTORY,
    LABELS,
    PREDICTIONS,
    SCORES,
    VOCABULARY,
)
from biaffine_tf.model_directory.weights import check_weights
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer

_DELETE = "delete it and start the command again"
_NOT_OURS = "give the --output_dir of a run of run_classifier.py"


class Description(NamedTuple):
    """A model directory but for its weights.

    Attributes:
        config: The experiment.
        labels: Labels of the model.
        tokenizer: Text to the model's pieces.
    """

    config: ExperimentConfig
    labels: LabelMap
    tokenizer: Tokenizer


def write_description(
    directory: str,
    config: ExperimentConfig,
    labels: LabelMap,
    vocabulary: Vocabulary,
) -> None:
    """Writes everything but weights and scores."""
    os.makedirs(directory, exist_ok=True)
    with atomic_write(os.path.join(directory, LABELS)) as file:
        file.writelines(f"{name}\n" for name in labels)
    vocabulary.save(os.path.join(directory, VOCABULARY))
    # Last, because its presence says that the directory is in use.
    write_json(os.path.join(directory, CONFIG), config.to_dict())


def read_description(directory: str) -> Description:
    """Reads everything but weights and scores, without TensorFlow.

    Raises:
        ConfigError: If the directory is not a complete model directory.
    """
    config = read_config(directory)
    path = os.path.join(directory, LABELS)
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            labels = LabelMap(file.read().removesuffix("\n").split("\n"))
        path = os.path.join(directory, VOCABULARY)
        tokenizer = make_tokenizer(
            vocabulary=Vocabulary.from_file(path),
            **config.model.tokenizer.to_dict(),
        )
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}", remedy=DAMAGED
        ) from error
    except BiaffineError as error:
        raise ConfigError(f"{path}: {error.problem}", remedy=DAMAGED) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8", remedy=DAMAGED) from error
    size = config.model.encoder.vocab_size
    if len(tokenizer.vocabulary) != size:
        raise ConfigError(
            f"{path}: {len(tokenizer.vocabulary)} pieces, but {CONFIG} says "
            f"{size}",
            remedy=DAMAGED,
        )
    return Description(config, labels, tokenizer)


def read_config(directory: str) -> ExperimentConfig:
    """Reads `config.json`.

    Raises:
        ConfigError: If the directory is not a model directory, or a newer
            version wrote it.
    """
    path = os.path.join(directory, CONFIG)
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except OSError as error:
        raise ConfigError(
            f"{directory}: not a model directory ({CONFIG}: {error.strerror})",
            remedy=_NOT_OURS,
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"{path}: not JSON ({error})", remedy=DAMAGED
        ) from error
    try:
        return ExperimentConfig.from_dict(values)
    except ConfigError as error:
        if not _is_ours(values):
            problem, remedy = f"not of a model directory ({error})", _NOT_OURS
        else:
            problem, remedy = error.problem, error.remedy or DAMAGED
        raise ConfigError(f"{path}: {problem}", remedy=remedy) from error


def _is_ours(values: object) -> bool:
    """Whether settings are of an experiment, of whatever version."""
    return isinstance(values, dict) and {"model", "version"} <= values.keys()


def read_scores(directory: str) -> dict[str, Any] | None:
    """Reads `scores.json`; None if no epoch has ended yet.

    Raises:
        ConfigError: If it is damaged.
    """
    return _read_figures(os.path.join(directory, SCORES))


def read_history(directory: str) -> list[dict[str, Any]]:
    """The epochs of `history.json`; none if no epoch has ended yet.

    Raises:
        ConfigError: If it is damaged.
    """
    path = os.path.join(directory, HISTORY)
    history = _read_figures(path)
    if history is None:
        return []
    epochs = history.get("epochs")
    if not isinstance(epochs, list) or not all(
        isinstance(entry, dict) and {"epoch", "loss"} <= entry.keys()
        for entry in epochs
    ):
        raise ConfigError(f"{path}: not the history of a run", remedy=_DELETE)
    return epochs


def check_kept(directory: str, *, has_dev_set: bool) -> None:
    """Finds out whether the best epoch of a run that goes on is kept whole.

    Args:
        directory: Of the run.
        has_dev_set: Whether the run has dev scores and predictions.

    Raises:
        ConfigError: If its weights, scores or predictions are not there.
    """
    remedy = f"delete {os.path.join(directory, CHECKPOINTS)} to begin anew"
    try:
        scores = read_scores(directory)
        check_weights(directory)
    except ConfigError as error:
        raise ConfigError(error.problem, remedy=remedy) from error
    needed = {"epoch", "micro"} if has_dev_set else {"epoch"}
    missing = [] if needed <= (scores or {}).keys() else [SCORES]
    predictions = os.path.join(directory, PREDICTIONS)
    if has_dev_set and not os.path.exists(predictions):
        missing.append(PREDICTIONS)
    if missing:
        raise ConfigError(
            f"{directory}: {' and '.join(missing)} of the best epoch missing",
            remedy=remedy,
        )


def _read_figures(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error})", remedy=_DELETE) from (
            error
        )
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: not a JSON object", remedy=_DELETE)
    return values
