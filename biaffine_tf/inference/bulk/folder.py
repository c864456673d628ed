"""The folder that a bulk job writes: whose it is, and what of it is done.

00000-NAME-000000.jsonl  predictions: number and name of the input, of the shard
bad_lines/               what could not be read, for shards that had any of it
job/job.json             the inputs, the model and the settings
job/shards.jsonl         a line for each shard that is done; the last one counts
job/summary.json         when all is done: counts, and what was given up
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
    check_own,
    describe,
)
from biaffine_tf.json_files import find_problem
from biaffine_tf.locks import locked

_BAD_LINES = "bad_lines"
_DONE = os.path.join(STATE, "shards.jsonl")
# With all around it and in any script, a name stays below 255 bytes.
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
        name: Of its file of predictions.
        bytes: Size of that file.
        sha256: Digest of that file.
        bad_sha256: Digest of its file of bad lines; None if it has none.
        input: Number of the input, from 0.
        number: Of the shard in its input, from 0.
        is_last: Whether the input ends with it.
        sentences: Sentences in it.
        entities: Entities in them.
        windowed: Sentences read in several windows.
        cut: Sentences cut.
        bad: Entries of its file of bad lines.
        problems: Counts and examples by kind, as of `Problems.to_json`.
        given_up: Why its input was not read, or not to its end; None if it
            was.
        settings: Those that may differ from shard to shard, by flag.
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
        """Numbers of the input and of the shard in it."""
        return self.input, self.number


class BulkFolder:
    """The folder of a job, which no other process writes to meanwhile.

    Args:
        path: The folder.
        journal: Its shards that are done; open to be read and appended to.
        suffix: Of the files of predictions.

    Attributes:
        changed: Lines about shards that are no more what was written; they
            count as not done.
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
        """All that are done."""
        return self._shards.values()

    @property
    def bad_lines(self) -> str:
        """The folder of what could not be read."""
        return os.path.join(self.path, _BAD_LINES)

    def shard_name(self, path: str, number: int, shard: int) -> str:
        """Name of the predictions of a shard; they sort as inputs do.

        Args:
            path: The input.
            number: Its number, from 0.
            shard: Number of the shard in it, from 0.
        """
        stem, extension = os.path.splitext(os.path.basename(path))
        if extension in compression.SUFFIXES:
            stem = os.path.splitext(stem)[0]
        stem = re.sub(r"[^\w.-]", "_", stem)
        stem = stem.encode()[:_LONGEST_NAME].decode(errors="ignore")
        return f"{number:05d}-{stem}-{shard:06d}{self._suffix}"

    def predictions_path(self, name: str) -> str:
        """The predictions of a shard."""
        return os.path.join(self.path, name)

    def bad_lines_path(self, name: str) -> str:
        """What could not be read of a shard, as JSON lines."""
        stem = name.removesuffix(self._suffix)
        return os.path.join(self.bad_lines, f"{stem}.jsonl")

    def has_shard(self, number: int, shard: int) -> bool:
        """Whether a shard of an input is done."""
        return (number, shard) in self._shards

    def has_all(self, number: int) -> bool:
        """Whether all shards of an input are done."""
        shard = 0
        while self.has_shard(number, shard):
            if self._shards[number, shard].is_last:
                return True
            shard += 1
        return False

    def digests(self, name: str, *, has_bad: bool) -> dict[str, Any]:
        """Size and digests of the files of a shard, as fields of its record.

        Args:
            name: Of its predictions.
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
        """Takes note that a shard is done, its files being complete."""
        self._shards[shard.key] = shard
        if self._journalled.get(shard.key) == shard:
            return  # done once more, because its files were not as written
        line = json.dumps(dataclasses.asdict(shard)) + "\n"
        self._journal.write(line.encode())
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self._journalled[shard.key] = shard

    def _check(self) -> None:
        """Takes those shards for done whose files are as they were written."""
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
        """How the files of a shard differ from what was written."""
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
    """Makes a folder a job's own, or finds it to be that.

    Args:
        path: The folder; may be new, or hold an earlier start of the job.
        inputs: What the job reads, in this order.
        model: Fingerprints of the model's files, by their names.
        settings: All else that the predictions depend on, by flag; JSON values.
        suffix: Of the files of predictions.

    Yields:
        The folder, with what is done of the job.

    Raises:
        ConfigError: If it cannot be written to, holds something else, or
            another process works on it.
    """
    job = describe(inputs, model=model, settings=settings)
    check_writable(path)
    check_own(path, job)
    with (
        locked(os.path.join(path, STATE)),
        open(os.path.join(path, _DONE), "ab+") as journal,
    ):
        for folder in (path, os.path.join(path, _BAD_LINES)):
            remove_unfinished(folder)
        check_own(path, job)
        if not os.path.exists(os.path.join(path, JOB)):
            write_json(os.path.join(path, JOB), job)
        yield BulkFolder(path, journal, suffix)
