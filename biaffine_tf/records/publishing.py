"""Whose an output directory is, and how records come to be in it at once."""

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
)
from biaffine_tf.tokenization import Vocabulary
from biaffine_tf.tokenization.vocabulary import SUBWORDS

_SHARD = re.compile(rf"({'|'.join(Split)})-\d{{5}}-of-\d{{5}}\.tfrecord")
# Where records are while they are made. What lies beside it is ours to remove.
_UNFINISHED = ".unfinished"
_OTHER = "give another --output_dir"


def check(directory: str) -> None:
    """Makes sure that nothing but records can be replaced.

    Raises:
        ConfigError: If the directory cannot be written to, or holds files
            that are no records.
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
    """The records in a directory, if they are the ones wanted.

    Args:
        directory: `check` has been asked.
        made_from: All that the records wanted depend on.
        overwrite: Accept others, which are to be replaced.

    Returns:
        The records, or None if they are to be made.

    Raises:
        ConfigError: If others are there and not to be replaced.
    """
    if not os.path.exists(os.path.join(directory, INFO)):
        return None
    found = read_info(directory)["made_from"]
    if found == made_from:
        try:
            return Records.open(directory)
        except ConfigError:  # damaged; they are made again
            return None
    if not overwrite:
        raise ConfigError(
            f"{directory}: holds other pretraining data, which differs in "
            f"{', '.join(_differences(found, made_from))}",
            remedy=f"{_OTHER}, or --overwrite to replace it",
        )
    return None


@contextlib.contextmanager
def unfinished(directory: str) -> Iterator[str]:
    """A folder to make records in; it is gone afterwards.

    Args:
        directory: `find` has been asked.

    Yields:
        Its path, in the directory.
    """
    is_new = not os.path.exists(directory)
    folder = os.path.join(directory, _UNFINISHED)
    if os.path.exists(folder):  # of a process that was killed
        _clear(directory)
    os.makedirs(folder)
    try:
        yield folder
    finally:
        _clear(directory)
        if is_new:
            with contextlib.suppress(OSError):  # not empty: all went well
                os.rmdir(directory)


def publish(
    directory: str,
    shards: Mapping[Split, list[str]],
    vocabulary: Vocabulary,
    info: dict[str, Any],
) -> None:
    """Puts finished records in the place of what the directory holds.

    Args:
        directory: Of the `unfinished` folder that the shards are in.
        shards: Paths of the files of each split.
        vocabulary: Of the tokenizer.
        info: What `Records.open` reads, but for the shards.
    """
    # Without it the directory holds nothing that counts.
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


def _clear(directory: str) -> None:
    """Removes the folder of unfinished records, and records without info."""
    if not os.path.exists(os.path.join(directory, INFO)):
        _remove_records(directory)
    shutil.rmtree(os.path.join(directory, _UNFINISHED))


def _remove_records(directory: str) -> None:
    for name in os.listdir(directory):
        if _SHARD.fullmatch(name) or name in (VOCABULARY, SUBWORDS):
            os.unlink(os.path.join(directory, name))


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Names of what two kinds of records were made from differently."""
    return [
        name.removeprefix("settings.")
        for name in setting_differences(found, wanted)
    ]
