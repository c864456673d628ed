"""Checkpoints of a run, with digests that are checked before restoring."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from typing import Any, NamedTuple

import tensorflow as tf

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.files import (
    fingerprint,
    remove,
    remove_unfinished,
    write_json,
)
from biaffine_tf.json_files import read_json

_KEPT = 2  # checkpoints; the older one in case the newer one is damaged
_DESCRIPTION = {
    "files": {str: str},
    "state": {str: object},
    "state_digest": str,
}
_FILE = re.compile(r"ckpt-(\d+)[._].*")
# From versions without descriptions, and from TensorFlow itself.
_OLDER_VERSIONS = "checkpoint"


class Restored(NamedTuple):
    """A restored checkpoint.

    Attributes:
        number: Number of the checkpoint.
        path: Path of its files without suffixes.
        state: JSON values that were saved with it.
    """

    number: int
    path: str
    state: dict[str, Any]


class RunCheckpoints:
    """The last two checkpoints of a run, in a folder.

    A checkpoint is complete once its description `ckpt-N.json` is there, which
    holds the digests of the files and the values saved with them.

    Args:
        checkpoint: All variables of the run.
        directory: Path of the folder; created when needed.
    """

    def __init__(self, checkpoint: tf.train.Checkpoint, directory: str) -> None:
        self._checkpoint = checkpoint
        self._directory = directory

    def save(self, number: int, state: dict[str, Any]) -> None:
        """Writes a checkpoint and removes all but the last two.

        Args:
            number: Number, greater than those of earlier checkpoints.
            state: JSON values to save with it.
        """
        os.makedirs(self._directory, exist_ok=True)
        remove_unfinished(self._directory)
        path = self._path(number)
        remove(f"{path}.json")  # of a damaged checkpoint with this number
        self._checkpoint.write(path)
        files = {
            os.path.basename(file): fingerprint(file)
            for file in sorted(glob.glob(f"{glob.escape(path)}.*"))
        }
        write_json(
            f"{path}.json",
            {"files": files, "state": state, "state_digest": _digest(state)},
        )
        kept = sorted(self._numbers(complete=True))[-_KEPT:]
        for name in os.listdir(self._directory):
            match = _FILE.fullmatch(name)
            if match and int(match[1]) not in kept:
                remove(os.path.join(self._directory, name))

    def restore(self) -> Restored | None:
        """Restores the newest complete checkpoint; reports damaged ones.

        Returns:
            The checkpoint; None if none has been completed.

        Raises:
            ConfigError: If there are checkpoints, but all are damaged.
        """
        complete = self._numbers(complete=True)
        begun = self._numbers(complete=False)
        is_older = self._is_of_older_version()
        if not complete and len(begun) < 2 and not is_older:
            return None
        problems: list[str] = []
        for number in sorted(complete | begun, reverse=True):
            path = self._path(number)
            problem = self._restore(path)
            if isinstance(problem, dict):
                for line in problems:
                    print(f"{line}; continuing from {path}", flush=True)
                return Restored(number, path, problem)
            problems.append(f"{path}: {problem}")
        if not complete and is_older:
            problems = ["they were written by an older version"]
        raise ConfigError(
            f"{self._directory}: no checkpoint of this run can be read "
            f"({problems[0]})",
            remedy="delete this folder to begin the run anew",
        )

    def _restore(self, path: str) -> dict[str, Any] | str:
        """Returns the saved values, or the reason why it cannot be read."""
        try:
            description = read_json(
                f"{path}.json",
                _DESCRIPTION,
                what="of a checkpoint",
                remedy="",
            )
            files, state = description["files"], description["state"]
            is_same = description["state_digest"] == _digest(state)
            digests = {
                name: fingerprint(os.path.join(self._directory, name))
                for name in files
            }
        except FileNotFoundError:
            return "not complete"
        except DataError as error:
            return f"{os.path.basename(error.file or '')} {error.problem}"
        except ConfigError as error:
            return f"its description cannot be read ({error.problem})"
        changed = [name for name in files if files[name] != digests[name]]
        if changed or not files or not is_same:
            return f"{', '.join(changed) or 'its description'} is damaged"
        try:
            self._checkpoint.read(path).assert_consumed()
        except (tf.errors.OpError, ValueError, AssertionError) as error:
            reason = str(error).partition("\n")[0]
            return f"not of this run's variables ({reason})"
        return state

    def _numbers(self, *, complete: bool) -> set[int]:
        """Returns numbers of checkpoints with a description, or any file."""
        if not os.path.isdir(self._directory):
            return set()
        matches = map(_FILE.fullmatch, os.listdir(self._directory))
        return {
            int(match[1])
            for match in matches
            if match and (not complete or match[0].endswith(".json"))
        }

    def _is_of_older_version(self) -> bool:
        name = os.path.join(self._directory, _OLDER_VERSIONS)
        return os.path.exists(name)

    def _path(self, number: int) -> str:
        return os.path.join(self._directory, f"ckpt-{number}")


def _digest(state: dict[str, Any]) -> str:
    text = json.dumps(state, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
