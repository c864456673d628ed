"""Summary of a bulk job: counts, inputs given up, settings."""

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
    """Lists inputs that were not read, or not to their ends.

    Args:
        shards: Finished shards in the order of the inputs.
        inputs: All inputs.

    Returns:
        JSON values for each: number and name, number of predicted sentences,
        line of the problem, and reason.
    """
    inputs_given_up = []
    before: collections.Counter[int] = collections.Counter()
    for shard in shards:
        before[shard.input] += shard.sentences
        if shard.given_up is not None:
            name = os.path.basename(inputs[shard.input].path)
            inputs_given_up.append(
                {
                    "input": shard.input,
                    "name": printable(name),
                    "sentences": before[shard.input],
                    **shard.given_up,
                }
            )
    return inputs_given_up


def settings_of(shards: Iterable[Shard]) -> list[dict[str, Any]]:
    """Lists the settings of shards, and the number of shards with each."""
    counts = collections.Counter(json.dumps(one.settings) for one in shards)
    return [{**json.loads(one), "shards": n} for one, n in counts.items()]


def write_summary(
    path: str,
    shards: Sequence[Shard],
    inputs: Sequence[Input],
    problems: Problems,
) -> None:
    """Writes the summary of a job, which interruptions do not change.

    Args:
        path: Path of the file.
        shards: All shards in the order of the inputs.
        inputs: All inputs.
        problems: Skipped and repaired lines.
    """
    values: dict[str, Any] = {"inputs": len(inputs), "shards": len(shards)}
    for name in _COUNTS:
        values[name] = sum(getattr(shard, name) for shard in shards)
    values["given_up"] = given_up(shards, inputs)
    values["problems"] = problems.to_json()
    values["settings"] = settings_of(shards)
    write_json(path, values)
