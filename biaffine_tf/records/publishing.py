"""Ownership of records directories, and atomic replacement of records."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from biaffine_tf.config import setting_differences
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable, write_json
from biaffine_tf.locks import LOCK
from biaffine_tf.records.text_records import (
    INFO,
    VOCABULARY,
    Records,
    Split,
    read_info,
    read_settings,
)
from biaffine_tf.tokenization import Vocabulary
from biaffine_tf.tokenization.vocabulary import SUBWORDS

_SHARD = re.compile(rf"({'|'.join(Split)})-\d{{5}}-of-\d{{5}}\.tfrecord")
# Folder of records in the making; what lies beside it may be removed.
_UNFINISHED = ".unfinished"
_OTHER = "give another --output_dir"


def check(directory: str) -> None:
    """Checks that only records would be replaced.

    Raises:
        ConfigError: If the directory is not writable, or holds files that are
            no records.
    """
    check_writable(directory)
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    names = [name for name in names if name != LOCK]
    if INFO in names:
        try:
            read_info(directory)
        except ConfigError as error:
            raise ConfigError(
                f"{directory}: holds an {INFO} that is not of pretraining data",
                remedy=_OTHER,
            ) from error
    elif names and _UNFINISHED not in names:
        more = ", ..." if len(names) > 3 else ""
        raise ConfigError(
            f"{directory}: holds files that are no pretraining data: "
            f"{', '.join(names[:3])}{more}",
            remedy=_OTHER,
        )


def find(
    directory: str, made_from: dict[str, Any], *, overwrite: bool
) -> Records | None:
    """Opens the records in a directory, if they are the requested ones.

    Args:
        directory: Directory that has passed `check`.
        made_from: All that the requested records depend on.
        overwrite: Whether to accept other records, for replacement.

    Returns:
        The records, or None if they have to be made.

    Raises:
        ConfigError: If there are other records, not to be replaced.
    """
    if not os.path.exists(os.path.join(directory, INFO)):
        return None
    info = read_info(directory)
    existing = info["made_from"]
    with contextlib.suppress(KeyError, TypeError, ValueError):  # damaged
        # Replaces the names of earlier versions.
        existing = existing | {"settings": read_settings(info).to_dict()}
    if existing == made_from:
        try:
            return Records.open(directory)
        except ConfigError:  # damaged; they are made again
            return None
    if not overwrite:
        raise ConfigError(
            f"{directory}: holds other pretraining data, which differs in "
            f"{', '.join(_differences(existing, made_from))}",
            remedy=f"{_OTHER}, or --overwrite to replace it",
        )
    return None


@contextlib.contextmanager
def unfinished(directory: str) -> Iterator[str]:
    """Creates a folder to make records in, and removes it afterwards.

    Args:
        directory: Directory that has passed `find`.

    Yields:
        Path of the folder, within the directory.
    """
    is_new = not os.path.exists(directory)
    folder = os.path.join(directory, _UNFINISHED)
    if os.path.exists(folder):  # of a process that was killed
        _remove_unfinished(directory)
    os.makedirs(folder)
    try:
        yield folder
    finally:
        _remove_unfinished(directory)
        if is_new:
            with contextlib.suppress(OSError):  # not empty: records were made
                os.rmdir(directory)


def publish(
    directory: str,
    shards: Mapping[Split, list[str]],
    vocabulary: Vocabulary,
    info: dict[str, Any],
) -> None:
    """Replaces the records of a directory by finished ones.

    Args:
        directory: Directory of the `unfinished` folder with the shards.
        shards: Paths of the files of each split.
        vocabulary: Vocabulary of the tokenizer.
        info: Contents of `info.json` without the shards.
    """
    # Without it the directory counts as empty.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, INFO))
    _remove_records(directory)
    sizes: dict[str, dict[str, int]] = {}
    for split, paths in shards.items():
        sizes[split] = {}
        for number, path in enumerate(paths):
            name = f"{split}-{number:05d}-of-{len(paths):05d}.tfrecord"
            sizes[split][name] = os.path.getsize(path)
            os.replace(path, os.path.join(directory, name))
    vocabulary.save(os.path.join(directory, VOCABULARY))
    write_json(os.path.join(directory, INFO), info | {"shards": sizes})


def _remove_unfinished(directory: str) -> None:
    """Removes the folder of unfinished records, and records without info."""
    if not os.path.exists(os.path.join(directory, INFO)):
        _remove_records(directory)
    shutil.rmtree(os.path.join(directory, _UNFINISHED))


def _remove_records(directory: str) -> None:
    for name in os.listdir(directory):
        if _SHARD.fullmatch(name) or name in (VOCABULARY, SUBWORDS):
            os.unlink(os.path.join(directory, name))


def _differences(existing: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    return [
        name.removeprefix("settings.")
        for name in setting_differences(existing, wanted)
    ]
