"""Packing of the lines of a document into sequences."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from biaffine_tf.records.teacher_tokens import (
    TeacherRun,
    align_run,
    join_runs,
)
from biaffine_tf.tokenization import Tokens

_SENTENCE_END = re.compile(
    r"""[。！？；…!?]+[”’」』）》】"')\]]*|\.["')\]]*(?=\s)"""
)


class TokenRun(NamedTuple):
    """Consecutive tokens, without [CLS] and [SEP].

    Attributes:
        ids: Vocabulary id of each token.
        word_starts: 1 for each token that begins a word, else 0.
        teacher: Tokens of a distillation teacher; None without one.
    """

    ids: list[int]
    word_starts: bytearray
    teacher: TeacherRun | None = None

    @property
    def teacher_tokens(self) -> int:
        """Number of the teacher's tokens."""
        return len(self.teacher.ids) if self.teacher else 0


def pack(
    runs: Iterable[TokenRun], max_tokens: int, max_teacher_tokens: int = 0
) -> Iterator[TokenRun]:
    """Joins runs to sequences, in order; a new one begins when one is full.

    Args:
        runs: Runs of one document, not longer than `max_tokens`.
        max_tokens: Maximum length of a sequence.
        max_teacher_tokens: Maximum number of the teacher's tokens. Those of a
            run that alone has more are cut off.

    Yields:
        Sequences with every token once; runs are not divided.
    """
    parts, size, teacher_size = list[TokenRun](), 0, 0
    for run in runs:
        size += len(run.ids)
        teacher_size += run.teacher_tokens
        if parts and (size > max_tokens or teacher_size > max_teacher_tokens):
            yield _join(parts, max_teacher_tokens)
            parts, size, teacher_size = [], len(run.ids), run.teacher_tokens
        parts.append(run)
    if parts:
        yield _join(parts, max_teacher_tokens)


def _join(runs: list[TokenRun], max_teacher_tokens: int) -> TokenRun:
    teachers = [run.teacher for run in runs if run.teacher is not None]
    return TokenRun(
        [one for run in runs for one in run.ids],
        bytearray().join(run.word_starts for run in runs),
        join_runs(teachers, max_teacher_tokens) if teachers else None,
    )


def split_line(
    text: str,
    tokens: Tokens,
    word_starts: bytes,
    max_tokens: int,
    teacher: Tokens | None = None,
) -> Iterator[TokenRun]:
    """Divides a line into runs: the whole, its sentences, or their parts.

    Args:
        text: The line.
        tokens: Tokens of the line.
        word_starts: 1 for each token that begins a word, else 0.
        max_tokens: Maximum length of a run.
        teacher: A teacher's tokens of the line.

    Yields:
        The runs, together the whole line. The first token of a run counts as
        the begin of a word.
    """
    for begin, end in _ranges(text, tokens, max_tokens):
        starts = bytearray(word_starts[begin:end])
        starts[0] = 1
        aligned = None
        if teacher is not None:
            offsets = tokens.offsets[begin:end]
            first = offsets[0][0] if begin else 0
            last = offsets[-1][1] if end < len(tokens) else len(text)
            aligned = align_run(offsets, teacher, first, last)
        yield TokenRun(list(tokens.ids[begin:end]), starts, aligned)


def _ranges(
    text: str, tokens: Tokens, max_tokens: int
) -> Iterator[tuple[int, int]]:
    bounds = [0, len(tokens)]
    if len(tokens) > max_tokens:
        firsts = [start for start, _ in tokens.offsets]
        ends = (match.end() for match in _SENTENCE_END.finditer(text))
        bounds[1:1] = [bisect.bisect_left(firsts, end) for end in ends]
    for begin, end in itertools.pairwise(bounds):
        for part in range(begin, end, max_tokens):
            yield part, min(part + max_tokens, end)


def cut_text(text: str, longest: int) -> Iterator[str]:
    """Divides a text after sentences if there are any, else anywhere.

    Args:
        text: A text.
        longest: Maximum number of characters in a part.

    Yields:
        The parts, together the whole text.
    """
    begin = 0
    while len(text) - begin > longest:
        stop = begin + longest
        matches = _SENTENCE_END.finditer(text, begin, stop)
        end = max((match.end() for match in matches), default=stop)
        yield text[begin:end]
        begin = end
    yield text[begin:]
