"""Checks a model directory: `python -m biaffine_tf.model_directory DIR`.

With --reseal, intended changes are accepted.
"""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Sequence

from biaffine_tf import console
from biaffine_tf.errors import ConfigError
from biaffine_tf.locks import locked
from biaffine_tf.model_directory import onnx_form
from biaffine_tf.model_directory.confidence import read_confidence
from biaffine_tf.model_directory.description import (
    is_as_trained,
    read_description,
)
from biaffine_tf.model_directory.digests import (
    RESEAL,
    Change,
    find_changes,
    is_sealed,
    seal,
)
from biaffine_tf.model_directory.fingerprints import SAVED_MODEL
from biaffine_tf.model_directory.manifest import Manifest
from biaffine_tf.model_directory.names import (
    CONFIG,
    DIGESTS,
    ONNX_FORM,
    VOCABULARY,
    WEIGHTS,
)
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL
from biaffine_tf.model_directory.weights import check_finite, read_weights


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.model_directory"),
        description="Checks a model directory or an export: whether its files "
        f"match their digests in {DIGESTS} and can be read.",
    )
    parser.add_argument(
        "directory", metavar="DIR", help="model directory or export"
    )
    console.add_version(parser)
    parser.add_argument(
        "--reseal",
        action="store_true",
        help="write the digests of the current files: accepts intended changes",
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    directory = options.directory
    if not os.path.isdir(directory):
        raise ConfigError(
            f"{directory}: no such directory",
            remedy="give a model directory or an export",
        )
    if options.reseal:
        with locked(directory):
            _reseal(directory)
    else:
        _check(directory)


def _check(directory: str) -> None:
    """Prints changed files; raises a ConfigError if there are any."""
    changes = find_changes(directory)
    _print(changes)
    if changes:
        raise ConfigError(
            f"{directory}: {len(changes)} files changed since {DIGESTS} was "
            "written",
            remedy="restore it; if the changes are intended, accept them with "
            f"{RESEAL.format(directory)}",
        )
    _read(directory)
    _check_form(directory)
    if is_sealed(directory):
        print(f"{directory}: unchanged since {DIGESTS} was written")
    else:
        print(
            f"{directory}: can be read, but has no {DIGESTS}: an earlier "
            "version wrote it, or its training has not ended; to have damage "
            f"noticed from now on: {RESEAL.format(directory)}"
        )


def _check_form(directory: str) -> None:
    """Checks the ONNX form, if there is one, and says whether it is used.

    Raises:
        ConfigError: If its file is damaged.
    """
    if not os.path.lexists(os.path.join(directory, ONNX_FORM)):
        return
    obstacle = onnx_form.find_obstacle(directory)
    if obstacle:
        print(f"{directory}: TensorFlow predicts: {obstacle}")
    else:
        onnx_form.check_form(directory)


def _reseal(directory: str) -> None:
    """Writes the digests of the current files if they can be read."""
    _read(directory)
    try:
        _print(find_changes(directory))
    except ConfigError as error:
        print(error.problem)
    seal(directory)
    print(f"{directory}: {DIGESTS} is written")


def _read(directory: str) -> None:
    """Reads all files that need no TensorFlow.

    Raises:
        ConfigError: If a file is damaged.
    """
    if os.path.exists(os.path.join(directory, SAVED_MODEL)):
        Manifest.read(directory)
        return
    description = read_description(directory, any_vocabulary=True)
    if not is_as_trained(description):
        print(
            f"{VOCABULARY}, with the tokenizer's settings of {CONFIG}, is not "
            "that of the training"
        )
    read_confidence(directory)
    if not os.path.exists(os.path.join(directory, ONNX_MODEL)):
        check_finite(os.path.join(directory, WEIGHTS), read_weights(directory))


def _print(changes: Sequence[Change]) -> None:
    for change in changes:
        print(f"{change.name}: {change.what}")


main = console.command(_parser, _run)
run = functools.partial(console.run, main)
