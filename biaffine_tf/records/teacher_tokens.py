"""Tokens of a distillation teacher, aligned with those of the records.

A teacher with a tokenizer of its own reads its own tokens of the same text. No
TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from biaffine_tf.tokenization import Tokenizer, Tokens


class TeacherTokenizer(NamedTuple):
    """Tokenizer of a teacher.

    Attributes:
        tokenizer: The tokenizer.
        max_tokens: Maximum number of tokens between [CLS] and [SEP].
    """

    tokenizer: Tokenizer
    max_tokens: int


@dataclasses.dataclass(frozen=True)
class StoredTeacher:
    """Teacher whose tokens records hold.

    Attributes:
        tokenizer: Arguments of `make_tokenizer` but for the vocabulary.
        fingerprint: Fingerprint of its tokenizer.
        pad_id: Id of its padding token.
        max_seq_length: Maximum number of its tokens in a sequence, [CLS] and
            [SEP] included.
    """

    tokenizer: dict[str, Any]
    fingerprint: str
    pad_id: int
    max_seq_length: int

    @classmethod
    def of(cls, teacher: TeacherTokenizer) -> StoredTeacher:
        """Describes a teacher."""
        tokenizer = teacher.tokenizer
        return cls(
            tokenizer=tokenizer.to_config(),
            fingerprint=tokenizer.fingerprint,
            pad_id=tokenizer.pad_id,
            max_seq_length=teacher.max_tokens + 2,
        )


class TeacherRun(NamedTuple):
    """The teacher's tokens of a run of tokens, without [CLS] and [SEP].

    Attributes:
        ids: Ids in the teacher's vocabulary.
        begins: For each token of the run, the first of `ids` that overlaps it
            in characters.
        ends: Likewise the end of the range; the begin where there is none.
    """

    ids: list[int]
    begins: list[int]
    ends: list[int]


def align_run(
    offsets: Iterable[tuple[int, int]],
    teacher: Tokens,
    first: int,
    last: int,
) -> TeacherRun:
    """Aligns a run with the teacher's tokens of its text.

    Args:
        offsets: Character ranges of the run's tokens, as in `Tokens`.
        teacher: The teacher's tokens of the line.
        first: First character of the run.
        last: End of its characters.
    """
    places = np.asarray(teacher.offsets, np.int64).reshape(-1, 2)
    begins, ends = _overlaps(np.asarray([*offsets, (first, last)]), places)
    begin, end = int(begins[-1]), int(ends[-1])
    return TeacherRun(
        list(teacher.ids[begin:end]),
        (begins[:-1] - begin).tolist(),
        (ends[:-1] - begin).tolist(),
    )


def _overlaps(
    ranges: np.ndarray, tokens: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the tokens that overlap each range; starts and ends ascend."""
    return (
        np.searchsorted(tokens[:, 1], ranges[:, 0], side="right"),
        np.searchsorted(tokens[:, 0], ranges[:, 1], side="left"),
    )


def join_runs(runs: Iterable[TeacherRun], max_tokens: int) -> TeacherRun:
    """Joins the runs of a sequence.

    Args:
        runs: The runs, in order.
        max_tokens: Maximum number of teacher's tokens; the rest is cut off.
    """
    joined = TeacherRun([], [], [])
    for run in runs:
        shift = len(joined.ids)
        joined.ids.extend(run.ids)
        for mine, theirs in (
            (joined.begins, run.begins),
            (joined.ends, run.ends),
        ):
            mine.extend(min(index + shift, max_tokens) for index in theirs)
    return joined._replace(ids=joined.ids[:max_tokens])


def count_targets(run: TeacherRun) -> tuple[int, int]:
    """Counts the tokens with a target, and the targets that are repeated.

    Args:
        run: A run.

    Returns:
        Number of tokens that some teacher's token overlaps, and the number of
        those with the same teacher's tokens as the token before.
    """
    begins, ends = np.asarray(run.begins), np.asarray(run.ends)
    has_target = begins < ends
    same = (begins[1:] == begins[:-1]) & (ends[1:] == ends[:-1])
    return int(has_target.sum()), int((same & has_target[1:]).sum())


def with_special_tokens(run: TeacherRun, tokenizer: Tokenizer) -> TeacherRun:
    """Adds [CLS] and [SEP], aligned with each other, on both sides."""
    end = len(run.ids) + 1
    return TeacherRun(
        [tokenizer.cls_id, *run.ids, tokenizer.sep_id],
        [0, *(begin + 1 for begin in run.begins), end],
        [1, *(end + 1 for end in run.ends), end + 1],
    )
