"""Summary of a job: counts, files given up, settings."""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from biaffine_tf.files import write_json
from biaffine_tf.formats import Problems
from biaffine_tf.inference.bulk.description import Input
from biaffine_tf.inference.bulk.folder import Shard
from biaffine_tf.inference.bulk.side_file import printable

_COUNTS = ("sentences", "entities", "windowed", "cut", "bad")


def given_up(
    shards: Iterable[Shard], inputs: Sequence[Input]
) -> list[dict[str, Any]]:
    """Inputs that were not read, or not to their ends.

    Args:
        shards: What is done, in the order of the inputs.
        inputs: All of them.

    Returns:
        For each, as JSON values: its number and name, how many of its
        sentences are predicted, on which line it was given up, and why.
    """
    found = []
    before: collections.Counter[int] = collections.Counter()
    for shard in shards:
        before[shard.input] += shard.sentences
        if shard.given_up is not None:
            name = os.path.basename(inputs[shard.input].path)
            found.append(
                {
                    "input": shard.input,
                    "name": printable(name),
                    "sentences": before[shard.input],
                    **shard.given_up,
                }
            )
    return found


def settings_of(shards: Iterable[Shard]) -> list[dict[str, Any]]:
    """Settings that shards were predicted with, and how many with each."""
    counts = collections.Counter(json.dumps(one.settings) for one in shards)
    return [{**json.loads(one), "shards": n} for one, n in counts.items()]


def write_summary(
    path: str,
    shards: Sequence[Shard],
    inputs: Sequence[Input],
    problems: Problems,
) -> None:
    """Writes what became of a job: the same, however often it was killed.

    Args:
        path: The file.
        shards: All of the job, in the order of the inputs.
        inputs: All of them.
        problems: What was skipped or repaired.
    """
    values: dict[str, Any] = {"inputs": len(inputs), "shards": len(shards)}
    for name in _COUNTS:
        values[name] = sum(getattr(shard, name) for shard in shards)
    values["given_up"] = given_up(shards, inputs)
    values["problems"] = problems.to_json()
    values["settings"] = settings_of(shards)
    write_json(path, values)
