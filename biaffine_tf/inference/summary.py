"""Summaries of predictions, as lines to print."""

from __future__ import annotations

import os
from collections.abc import Iterator

from biaffine_tf.config import LongText
from biaffine_tf.errors import GIVEN_UP
from biaffine_tf.inference import bulk
from biaffine_tf.tokenization import Windowing


def long_texts(
    windowing: Windowing | None, *, windowed: int, cut: int
) -> Iterator[str]:
    """Reports windowed and truncated texts, if there were any.

    Args:
        windowing: Treatment of long texts; None if a graph does it, which does
            not count them.
        windowed: Number of texts read in several windows.
        cut: Number of truncated texts.
    """
    if windowing is None:
        return
    if windowed:
        by_line = windowing.long_text is LongText.LINE
        yield (
            f"{windowed} longer than the model's max_seq_length: read "
            + ("line by line, and " if by_line else "")
            + "in windows; no entity of up to "
            f"{windowing.overlap} tokens "
            + ("of a line " if by_line else "")
            + "is lost to their edges"
        )
    if cut:
        yield (
            f"{cut} longer than the model's max_seq_length: cut; entities "
            "beyond the cut are missed"
        )


def bulk_job(job: bulk.BulkJob, windowing: Windowing | None) -> Iterator[str]:
    """Summarises a job, whether it was done by this process or before.

    Args:
        job: The complete job.
        windowing: See `long_texts`.
    """
    shards = job.shards
    yield from job.changed
    yield from job.problems.lines()
    yield from long_texts(
        windowing,
        windowed=sum(shard.windowed for shard in shards),
        cut=sum(shard.cut for shard in shards),
    )
    bad = sum(shard.bad for shard in shards)
    if bad:
        yield f"{job.bad_lines}: what could not be read ({bad}), with reasons"
    given_up = job.given_up
    for one in given_up:
        line = "" if one["line"] is None else f", line {one['line']}"
        before = "no sentence of it is predicted"
        if one["sentences"]:
            before = f"{one['sentences']} sentences before are predicted"
        yield f"given up: {one['name']}{line}: {one['reason']}; {before}"
    if given_up:
        yield (
            f"exit code {GIVEN_UP}: {len(given_up)} of {job.files} files were "
            f"given up; {os.path.join(job.path, bulk.SUMMARY)} names them"
        )
    entities = sum(shard.entities for shard in shards)
    sentences = sum(shard.sentences for shard in shards)
    speed = "; it was complete already"
    if job.has_run:
        speed = f", {job.sentences / job.seconds:.0f} sentences a second"
    yield (
        f"{job.path}: {entities} entities in {sentences} sentences of "
        f"{job.files} files, in {len(shards)} shards{speed}"
    )
