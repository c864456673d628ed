"""Description of a model directory: all except weights; no TensorFlow."""

from __future__ import annotations

import os
from typing import NamedTuple

from biaffine_tf.config import ExperimentConfig, TokenizerKind
from biaffine_tf.errors import BiaffineError, ConfigError
from biaffine_tf.files import atomic_write, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.model_directory.digests import RESEAL, is_sealed, unseal
from biaffine_tf.model_directory.names import (
    CONFIG,
    DAMAGED,
    LABELS,
    SUBWORDS,
    VOCABULARY,
)
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer

_NOT_OURS = "give the --output_dir of a training"


class Description(NamedTuple):
    """Contents of a model directory except weights and scores.

    Attributes:
        config: Settings of the run.
        labels: Labels of the model.
        tokenizer: Tokenizer of the model.
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
    """Writes everything except weights and scores."""
    os.makedirs(directory, exist_ok=True)
    unseal(directory)
    with atomic_write(os.path.join(directory, LABELS)) as file:
        file.writelines(f"{name}\n" for name in labels)
    vocabulary.save(os.path.join(directory, VOCABULARY))
    # Written last, as it marks the directory as in use.
    write_json(os.path.join(directory, CONFIG), config.to_dict())


def read_description(
    directory: str, *, any_vocabulary: bool = False
) -> Description:
    """Reads everything except weights and scores, without TensorFlow.

    Args:
        directory: Model directory or ONNX export.
        any_vocabulary: Whether to accept another vocabulary than in training.
            Always true where there are digests, which are checked instead.

    Raises:
        ConfigError: If the model directory is incomplete.
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
            f"{path}: {len(tokenizer.vocabulary)} tokens, but {CONFIG} says "
            f"{size}",
            remedy=DAMAGED,
        )
    description = Description(config, labels, tokenizer)
    any_vocabulary = any_vocabulary or is_sealed(directory)
    if not any_vocabulary and not is_as_trained(description):
        raise ConfigError(
            f"{path}: differs from the vocabulary and tokenizer settings of "
            f"training (their fingerprint is in {CONFIG})",
            remedy="restore the directory; if the change is meant, accept it "
            f"with {RESEAL.format(directory)}",
        )
    return description


def read_subword_tokenizer(directory: str) -> Tokenizer | None:
    """Reads the tokenizer of a SavedModel that takes tokens.

    Args:
        directory: Of the export.

    Returns:
        None if its graph tokenizes.
    """
    if not os.path.exists(os.path.join(directory, SUBWORDS)):
        return None
    vocabulary = Vocabulary.from_file(os.path.join(directory, VOCABULARY))
    return make_tokenizer(TokenizerKind.SUBWORD, vocabulary)


def is_as_trained(description: Description) -> bool:
    """Whether the tokenizer is that of training, as far as is known."""
    fingerprint = description.tokenizer.fingerprint
    return description.config.data.get("tokenizer", fingerprint) == fingerprint


def read_config(directory: str) -> ExperimentConfig:
    """Reads `config.json`.

    Raises:
        ConfigError: If the directory is not a model directory, or a newer
            version wrote it.
    """
    path = os.path.join(directory, CONFIG)
    try:
        values = read_json(path, what="settings", remedy=DAMAGED)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{directory}: not a model directory ({CONFIG}: {error.strerror})",
            remedy=_NOT_OURS,
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
    """Whether settings are those of a run of any version."""
    return isinstance(values, dict) and {"model", "version"} <= values.keys()
