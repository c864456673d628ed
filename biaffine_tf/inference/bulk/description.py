"""What makes a bulk job: its inputs, its model, its settings."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.files import fingerprint
from biaffine_tf.inference.bulk.side_file import printable
from biaffine_tf.json_files import read_json

STATE = "job"  # folder in that of the job
JOB = os.path.join(STATE, "job.json")
SUMMARY = os.path.join(STATE, "summary.json")
_FORMAT_VERSION = 2  # of 1, shards had no digests, lines and other keys
_LONG_WAIT = 3  # seconds
_ANOTHER = "give another --output_dir"
_SHAPE = {
    "format_version": int,
    "inputs": [{"name": str}],
    "model": {str: str},
    "settings": {str: object},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Input:
    """A file that a job reads.

    Attributes:
        path: As the user named it.
        size: In bytes, as it is stored.
        modified: When it was changed last, in nanoseconds.
        sha256: Of its bytes.
    """

    path: str
    size: int
    modified: int
    sha256: str


def look_at(files: Sequence[str]) -> list[Input]:
    """The files as they are now.

    Raises:
        DataError: If one cannot be read, or only once.
    """
    bar = tqdm(files, desc="looking at the inputs", delay=_LONG_WAIT)
    return [_look_at_file(path) for path in bar]


def _look_at_file(path: str) -> Input:
    try:
        state = os.stat(path)
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})",
            file=path,
            remedy="give the path of a file that exists",
        ) from error
    return Input(
        path=path,
        size=state.st_size,
        modified=state.st_mtime_ns,
        sha256=fingerprint(path),
    )


def describe(
    inputs: Iterable[Input],
    *,
    model: Mapping[str, str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """A job as JSON values.

    Where the inputs lie is no part of it: they may be moved, together.

    Args:
        inputs: What it reads, in this order.
        model: Fingerprints of the model's files, by their names.
        settings: All else that the predictions depend on, by flag; JSON values.
    """
    return {
        "format_version": _FORMAT_VERSION,
        "inputs": [
            {
                "name": printable(os.path.basename(one.path)),
                "bytes": one.size,
                "sha256": one.sha256,
            }
            for one in inputs
        ],
        "model": dict(model),
        "settings": json.loads(json.dumps(settings)),
    }


def check_own(path: str, job: Mapping[str, Any]) -> None:
    """Finds out whether a folder is new or of this job; changes nothing.

    Raises:
        ConfigError: If it holds another job, or other files.
    """
    if not os.path.isdir(path):
        return
    description = os.path.join(path, JOB)
    if not os.path.exists(description):
        others = sorted(set(os.listdir(path)) - {STATE})
        if others:
            raise ConfigError(
                f"{path}: holds files that are no bulk job's: {others[0]}"
                + (f" and {len(others) - 1} others" if others[1:] else ""),
                remedy=_ANOTHER,
            )
        return
    before = read_json(
        description, _SHAPE, what="of a bulk job", remedy=_ANOTHER
    )
    differences = list(_differences(before, job))
    if differences:
        raise ConfigError(
            f"{path}: holds another job, which differs in "
            f"{'; '.join(differences)}",
            remedy=f"{_ANOTHER}, or delete this one to begin anew",
        )


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[str]:
    """What makes two jobs different ones, for a message."""
    if before["format_version"] != now["format_version"]:
        yield "the version of the program that wrote it"
    old, new = before["inputs"], now["inputs"]
    if len(old) != len(new):
        yield f"the number of inputs ({len(old)} there, {len(new)} now)"
    else:
        changed = [b for a, b in zip(old, new, strict=True) if a != b]
        if changed:
            more = f" and {len(changed) - 1} others" if changed[1:] else ""
            yield f"the content or order of inputs ({changed[0]['name']}{more})"
    model = _changed(before["model"], now["model"])
    if model:
        yield f"the model ({', '.join(model)})"
    old, new = before["settings"], now["settings"]
    for name in _changed(old, new):
        yield f"--{name} ({old.get(name)} there, {new.get(name)} now)"


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys([*old, *new])
    return [name for name in names if old.get(name) != new.get(name)]
