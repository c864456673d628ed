"""Output folder of a bulk job.

00000-NAME-000000.jsonl  predictions: number and name of the input, shard
bad_lines/               unreadable lines, for shards that had any
job/job.json             inputs, model and settings
job/shards.jsonl         a line for each finished shard; the last one counts
job/summary.json         counts, and inputs given up; written at the end
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from tqdm import tqdm

from biaffine_tf.files import (
    check_writable,
    fingerprint,
    remove_unfinished,
    write_json,
)
from biaffine_tf.formats import compression
from biaffine_tf.inference.bulk.description import (
    JOB,
    STATE,
    Input,
    check_folder,
    describe,
)
from biaffine_tf.json_files import find_problem
from biaffine_tf.locks import locked

_BAD_LINES = "bad_lines"
_DONE = os.path.join(STATE, "shards.jsonl")
# Keeps file names in any script below 255 bytes.
_LONGEST_NAME = 100  # bytes
_SHAPE = {
    "name": str,
    "bytes": int,
    "sha256": str,
    "bad_sha256": (str, None),
    "input": int,
    "number": int,
    "is_last": bool,
    **dict.fromkeys(("sentences", "entities", "windowed", "cut", "bad"), int),
    "problems": {str: {"count": int, "examples": [str]}},
    "given_up": ({str: object}, None),
    "settings": {str: object},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """Record of a finished shard.

    Attributes:
        name: Name of its file of predictions.
        bytes: Size of that file.
        sha256: Digest of that file.
        bad_sha256: Digest of its file of bad lines; None if it has none.
        input: Number of the input, from 0.
        number: Number of the shard in its input, from 0.
        is_last: Whether it is the last shard of its input.
        sentences: Number of sentences.
        entities: Number of entities.
        windowed: Number of sentences read in several windows.
        cut: Number of truncated sentences.
        bad: Number of entries in its file of bad lines.
        problems: Counts and examples by kind, from `Problems.to_json`.
        given_up: Why its input was not read, or not to its end; None if it
            was.
        settings: Settings that may differ between shards, by flag.
    """

    name: str
    bytes: int
    sha256: str
    bad_sha256: str | None
    input: int
    number: int
    is_last: bool
    sentences: int
    entities: int
    windowed: int
    cut: int
    bad: int
    problems: dict[str, dict[str, Any]]
    given_up: dict[str, Any] | None
    settings: dict[str, Any]

    @property
    def key(self) -> tuple[int, int]:
        """Numbers of the input and of the shard within it."""
        return self.input, self.number


class BulkFolder:
    """Output folder of a job, locked against other processes.

    Args:
        path: Path of the folder.
        journal: File of finished shards, open for reading and appending.
        suffix: Suffix of the files of predictions.

    Attributes:
        changed: Lines about shards whose files have changed, which count as
            missing.
    """

    def __init__(self, path: str, journal: IO[bytes], suffix: str) -> None:
        self.path = path
        self._journal = journal
        self._suffix = suffix
        self._journalled: dict[tuple[int, int], Shard] = {}
        self._load()
        self._shards: dict[tuple[int, int], Shard] = {}
        self.changed: list[str] = []
        self._check()

    @property
    def shards(self) -> Iterable[Shard]:
        """Finished shards."""
        return self._shards.values()

    @property
    def bad_lines(self) -> str:
        """Path of the folder of unreadable lines."""
        return os.path.join(self.path, _BAD_LINES)

    def shard_name(self, path: str, number: int, shard: int) -> str:
        """Returns the file name of a shard; names sort as inputs do.

        Args:
            path: Path of the input.
            number: Number of the input, from 0.
            shard: Number of the shard within it, from 0.
        """
        stem, extension = os.path.splitext(os.path.basename(path))
        if extension in compression.SUFFIXES:
            stem = os.path.splitext(stem)[0]
        stem = re.sub(r"[^\w.-]", "_", stem)
        stem = stem.encode()[:_LONGEST_NAME].decode(errors="ignore")
        return f"{number:05d}-{stem}-{shard:06d}{self._suffix}"

    def predictions_path(self, name: str) -> str:
        """Returns the path of the predictions of a shard."""
        return os.path.join(self.path, name)

    def bad_lines_path(self, name: str) -> str:
        """Returns the path of the unreadable lines of a shard."""
        stem = name.removesuffix(self._suffix)
        return os.path.join(self.bad_lines, f"{stem}.jsonl")

    def has_shard(self, number: int, shard: int) -> bool:
        """Whether a shard of an input is finished."""
        return (number, shard) in self._shards

    def has_all(self, number: int) -> bool:
        """Whether all shards of an input are finished."""
        shard = 0
        while self.has_shard(number, shard):
            if self._shards[number, shard].is_last:
                return True
            shard += 1
        return False

    def digests(self, name: str, *, has_bad: bool) -> dict[str, Any]:
        """Returns size and digests of a shard's files, as fields of `Shard`.

        Args:
            name: Name of its predictions.
            has_bad: Whether it has a file of bad lines.
        """
        path = self.predictions_path(name)
        bad = fingerprint(self.bad_lines_path(name)) if has_bad else None
        return {
            "bytes": os.path.getsize(path),
            "sha256": fingerprint(path),
            "bad_sha256": bad,
        }

    def add(self, shard: Shard) -> None:
        """Records a finished shard, once its files are complete."""
        self._shards[shard.key] = shard
        if self._journalled.get(shard.key) == shard:
            return  # predicted again because its files had changed
        line = json.dumps(dataclasses.asdict(shard)) + "\n"
        self._journal.write(line.encode())
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self._journalled[shard.key] = shard

    def _check(self) -> None:
        bar = tqdm(
            self._journalled.items(), desc="looking at the shards", delay=3
        )
        for key, shard in bar:
            change = self._find_change(shard)
            if change is None:
                self._shards[key] = shard
            else:
                self.changed.append(f"{change}: predicted again")

    def _find_change(self, shard: Shard) -> str | None:
        """Describes a change of a shard's files; None if there is none."""
        for path, digest in (
            (self.predictions_path(shard.name), shard.sha256),
            (self.bad_lines_path(shard.name), shard.bad_sha256),
        ):
            if digest is None:
                continue
            if not os.path.isfile(path):
                return f"{path} is gone"
            size = os.path.getsize(path)
            if digest == shard.sha256 and size != shard.bytes:
                return f"{path} has {size} bytes instead of {shard.bytes}"
            if fingerprint(path) != digest:
                return f"{path} is not what was written"
        return None

    def _load(self) -> None:
        self._journal.seek(0)
        whole = 0
        for line in self._journal:
            try:
                values = json.loads(line)
            except ValueError:
                break
            if find_problem(values, _SHAPE) or not line.endswith(b"\n"):
                break
            shard = Shard(**values)
            self._journalled[shard.key] = shard
            whole += len(line)
        self._journal.truncate(whole)  # a kill can leave half a line


@contextlib.contextmanager
def acquire(
    path: str,
    inputs: Iterable[Input],
    *,
    model: Mapping[str, str],
    settings: Mapping[str, Any],
    suffix: str,
) -> Iterator[BulkFolder]:
    """Opens a new folder, or that of an earlier start of the job.

    Args:
        path: Path of the folder.
        inputs: Inputs of the job in order.
        model: Fingerprints of the model's files by name.
        settings: All other settings that predictions depend on, by flag; JSON
            values.
        suffix: Suffix of the files of predictions.

    Yields:
        The folder, with the finished shards.

    Raises:
        ConfigError: If it is not writable, holds something else, or is locked
            by another process.
    """
    job = describe(inputs, model=model, settings=settings)
    check_writable(path)
    check_folder(path, job)
    with (
        locked(os.path.join(path, STATE)),
        open(os.path.join(path, _DONE), "ab+") as journal,
    ):
        for folder in (path, os.path.join(path, _BAD_LINES)):
            remove_unfinished(folder)
        check_folder(path, job)
        if not os.path.exists(os.path.join(path, JOB)):
            write_json(os.path.join(path, JOB), job)
        yield BulkFolder(path, journal, suffix)
