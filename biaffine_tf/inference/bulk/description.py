"""Description of a bulk job: its inputs, model and settings."""

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

STATE = "job"  # subfolder of the job's folder
JOB = os.path.join(STATE, "job.json")
SUMMARY = os.path.join(STATE, "summary.json")
_FORMAT_VERSION = 2  # version 1 had no digests and lines, and other keys
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
    """An input file of a job.

    Attributes:
        path: Path as given.
        size: Size in bytes, as stored.
        modified: Time of the last change in nanoseconds.
        sha256: Digest of the file.
    """

    path: str
    size: int
    modified: int
    sha256: str


def describe_inputs(files: Sequence[str]) -> list[Input]:
    """Describes the files as they are now.

    Raises:
        DataError: If a file cannot be read, or only once.
    """
    bar = tqdm(files, desc="looking at the inputs", delay=_LONG_WAIT)
    return [_describe_input(path) for path in bar]


def _describe_input(path: str) -> Input:
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
    """Describes a job as JSON values.

    Paths are left out: inputs may be moved together.

    Args:
        inputs: Inputs in order.
        model: Fingerprints of the model's files by name.
        settings: All other settings that predictions depend on, by flag; JSON
            values.
    """
    return {
        "format_version": _FORMAT_VERSION,
        "inputs": [
            {
                "name": printable(os.path.basename(file.path)),
                "bytes": file.size,
                "sha256": file.sha256,
            }
            for file in inputs
        ],
        "model": dict(model),
        "settings": json.loads(json.dumps(settings)),
    }


def recorded_engine(path: str) -> str | None:
    """Returns the engine that a job was begun with.

    Args:
        path: Folder of the job.

    Returns:
        Name of the engine: "onnx" for an ensemble if it is that of a member.
        None if there is no job, or its model has only one engine.

    Raises:
        ConfigError: If the description of the job is damaged.
    """
    try:
        engine = _read_job(path)["settings"].get("engine")
    except FileNotFoundError:
        return None
    if engine is None:
        return None
    return "onnx" if "onnx" in str(engine).split(",") else "tensorflow"


def _read_job(path: str) -> dict[str, Any]:
    job = read_json(
        os.path.join(path, JOB), _SHAPE, what="of a bulk job", remedy=_ANOTHER
    )
    # Earlier versions had one engine for model directories, which alone have a
    # precision.
    if "precision" in job["settings"]:
        job["settings"].setdefault("engine", "tensorflow")
    return job


def check_folder(path: str, job: Mapping[str, Any]) -> None:
    """Checks that a folder is new or of this job; changes nothing.

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
                f"{path}: holds files that no bulk job wrote: {others[0]}"
                + (f" and {len(others) - 1} others" if others[1:] else ""),
                remedy=_ANOTHER,
            )
        return
    before = _read_job(path)
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
