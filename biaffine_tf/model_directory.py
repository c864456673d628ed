"""The model directory: what training writes and everything else loads.

config.json          the resolved experiment
labels.txt           line n is the label of id n (id 0, "none", implied)
vocab.txt            the tokenizer's vocabulary
weights.safetensors  weights of the best epoch, by name
scores.json          dev scores of the best epoch, seed, time, environment
predictions.jsonl    dev predictions of the best epoch
history.json         scores and times of every epoch
logs/                TensorBoard
checkpoints/         to go on after a kill; removed when training ends
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from biaffine_tf.config import ExperimentConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import atomic_write, write_json
from biaffine_tf.modeling.span_model import SpanModel
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer

CONFIG = "config.json"
LABELS = "labels.txt"
VOCABULARY = "vocab.txt"
WEIGHTS = "weights.safetensors"
SCORES = "scores.json"
PREDICTIONS = "predictions.jsonl"
HISTORY = "history.json"
LOGS = "logs"
CHECKPOINTS = "checkpoints"

_ENCODER = "encoder/"


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


def read_config(directory: str) -> ExperimentConfig:
    """Reads `config.json`.

    Raises:
        ConfigError: If the directory is not a model directory.
    """
    path = os.path.join(directory, CONFIG)
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except OSError as error:
        raise ConfigError(
            f"{directory}: not a model directory ({CONFIG}: {error.strerror})",
            remedy="give the --output_dir of a run of run_classifier.py",
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error})") from error
    try:
        return ExperimentConfig.from_dict(values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_scores(directory: str) -> dict[str, Any] | None:
    """Reads `scores.json`; None if no epoch has ended yet."""
    try:
        with open(os.path.join(directory, SCORES), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def read_labels(directory: str) -> LabelMap:
    """Reads `labels.txt`."""
    path = os.path.join(directory, LABELS)
    with open(path, encoding="utf-8", newline="\n") as file:
        return LabelMap(file.read().removesuffix("\n").split("\n"))


def read_tokenizer(directory: str) -> Tokenizer:
    """Builds the tokenizer from `config.json` and `vocab.txt`."""
    config = read_config(directory).model.tokenizer
    vocabulary = Vocabulary.from_file(os.path.join(directory, VOCABULARY))
    return make_tokenizer(
        config.kind, vocabulary, do_lower_case=config.do_lower_case
    )


def save_weights(directory: str, model: SpanModel) -> None:
    """Writes the weights atomically, named as in `saved_weights`."""
    tensors = {
        name: np.ascontiguousarray(weight.numpy())
        for name, weight in model.saved_weights().items()
    }
    with atomic_write(os.path.join(directory, WEIGHTS), "wb") as file:
        file.write(safetensors.numpy.save(tensors))


def load_weights(directory: str, model: SpanModel) -> None:
    """Restores all weights of a model that has been built.

    Raises:
        ConfigError: If a weight is missing, unknown or of another shape.
    """
    _assign(directory, model.saved_weights(), "")


def load_encoder_weights(directory: str, model: SpanModel) -> None:
    """Restores the encoder's weights only; the head stays as it is.

    Raises:
        ConfigError: If a weight is missing, unknown or of another shape.
    """
    weights = {
        name: weight
        for name, weight in model.saved_weights().items()
        if name.startswith(_ENCODER)
    }
    _assign(directory, weights, _ENCODER)


def _assign(directory: str, weights: dict, prefix: str) -> None:
    path = os.path.join(directory, WEIGHTS)
    try:
        stored = safetensors.numpy.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise ConfigError(
            f"{path}: no readable weights ({error})",
            remedy="give a model directory whose first epoch has ended",
        ) from error
    stored = {k: v for k, v in stored.items() if k.startswith(prefix)}
    wrong = [
        f"{name} (stored: "
        f"{stored[name].shape if name in stored else 'missing'}, "
        f"model: {weights[name].shape if name in weights else 'none'})"
        for name in sorted(stored.keys() | weights.keys())
        if name not in stored
        or name not in weights
        or stored[name].shape != tuple(weights[name].shape)
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ConfigError(
            f"{path}: weights do not fit the model: "
            f"{', '.join(wrong[:3])}{more}",
            remedy="use the bert_config.json that the weights were trained "
            "with",
        )
    for name, weight in weights.items():
        weight.assign(stored[name])


def claim(
    directory: str, config: ExperimentConfig, *, overwrite: bool = False
) -> bool:
    """Decides whether a directory is this experiment's to write.

    Args:
        directory: May be new, or hold an earlier start of this experiment.
        config: The experiment.
        overwrite: Remove another experiment's files instead of refusing.

    Returns:
        True if there is something to train, False if it has been done.

    Raises:
        ConfigError: If the directory holds another experiment.
    """
    if not os.path.exists(os.path.join(directory, CONFIG)):
        return True
    try:
        other = read_config(directory)
        differences = config.differences(other)
    except ConfigError:
        differences = [f"a {CONFIG} of another program or version"]
    if not differences:
        scores = read_scores(directory)
        return not (scores and scores.get("complete"))
    if not overwrite:
        raise ConfigError(
            f"{directory}: holds another experiment, which differs in "
            f"{', '.join(differences)}",
            remedy="give another --output_dir, or --overwrite to replace it",
        )
    for name in (CONFIG, LABELS, VOCABULARY, WEIGHTS):
        _remove(os.path.join(directory, name))
    for name in (SCORES, PREDICTIONS, HISTORY, LOGS, CHECKPOINTS):
        _remove(os.path.join(directory, name))
    return True


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)
