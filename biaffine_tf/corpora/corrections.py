"""Corrected sentences, back from an annotation tool, put into labelled data."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Container, Iterable, Iterator, Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.reviews import review_of
from biaffine_tf.spans import Sentence

_SHOWN = 30  # characters


@dataclasses.dataclass
class Changes:
    """Counts of what corrections changed.

    Attributes:
        corrected: Corrected sentences.
        changed: Those whose spans changed.
        relabelled: Spans with another label.
        added: Further spans of ranges that had none.
        removed: Spans of ranges that have none now.
    """

    corrected: int = 0
    changed: int = 0
    relabelled: int = 0
    added: int = 0
    removed: int = 0

    def count(self, before: Sentence, after: Sentence) -> None:
        """Counts a corrected sentence."""
        old = {span.key for span in before.spans or ()}
        new = {span.key for span in after.spans or ()}
        self.corrected += 1
        self.changed += old != new
        lost = collections.Counter(key[:2] for key in old - new)
        found = collections.Counter(key[:2] for key in new - old)
        both = (lost & found).total()
        self.relabelled += both
        self.removed += lost.total() - both
        self.added += found.total() - both

    def lines(self) -> Iterator[str]:
        """Yields the counts in words."""
        yield (
            f"{self.corrected:,} corrected sentences, {self.changed:,} of them "
            f"changed: {self.relabelled:,} entities with another label, "
            f"{self.added:,} added, {self.removed:,} removed (a shifted one "
            "is both)"
        )


def correct(
    sentences: Sequence[Sentence],
    corrections: Iterable[Sentence],
    changes: Changes,
    problems: Problems | None = None,
) -> list[Sentence]:
    """Replaces the spans of labelled sentences by corrected ones.

    A correction belongs to a sentence of its very text. Of several, the one of
    the place that the audit wrote down counts, then that of its id, then the
    order, if as many are corrected as there are.

    Args:
        sentences: Labelled sentences.
        corrections: Corrected ones, in any order.
        changes: Counts what changes.
        problems: Counts corrections that belong to no sentence, which are then
            left out; None makes them an error.

    Returns:
        All sentences; nothing but their spans changes.

    Raises:
        DataError: If a correction is unlabelled, belongs to no sentence, or to
            one that another correction is for.
    """
    numbers = collections.defaultdict(list)
    for number, sentence in enumerate(sentences):
        numbers[sentence.text].append(number)
    corrections = list(corrections)
    times = collections.Counter(one.text for one in corrections)
    result = list(sentences)
    given: set[int] = set()
    for one in corrections:
        try:
            free = set(numbers.get(one.text, ())) - given
            in_order = times[one.text] == len(numbers.get(one.text, ()))
            number = _find(one, sentences, numbers, free, in_order=in_order)
        except DataError as error:
            if problems is None:
                raise
            problems.skip(error, b"")
            continue
        given.add(number)
        result[number] = sentences[number].replace_spans(
            span._replace(score=None) for span in one.spans or ()
        )
        changes.count(sentences[number], result[number])
    return result


def _find(
    correction: Sentence,
    sentences: Sequence[Sentence],
    numbers: dict[str, list[int]],
    free: Container[int],
    *,
    in_order: bool,
) -> int:
    """Returns the number of the sentence that a correction is for."""
    if correction.spans is None:
        raise _refused(
            correction, "is not annotated", "annotate it, or leave it out"
        )
    same = numbers.get(correction.text, [])
    if not same:
        raise _refused(
            correction,
            "is of no sentence of the labelled data: its text is not there",
            "texts must not be changed in the tool; correct them in the "
            "labelled file",
        )
    review = review_of(correction.extra)
    place = review.get("file"), review.get("line")
    named = (
        [n for n in same if (sentences[n].file, sentences[n].line) == place]
        or [
            n
            for n in same
            if correction.id and sentences[n].id == correction.id
        ]
        or same
    )
    left = [n for n in named if n in free]
    if not left:
        raise _refused(
            correction, "is the second for its sentence", "leave one out"
        )
    if len(named) == 1 or in_order:
        return left[0]
    raise _refused(
        correction,
        f"may be of {len(same)} sentences of the labelled data, which have the "
        "same text",
        "give it the id of its sentence, or correct all of them",
    )


def _refused(correction: Sentence, problem: str, remedy: str) -> DataError:
    return DataError(
        f"the correction {correction.text[:_SHOWN]!r} {problem}",
        file=correction.file,
        line=correction.line,
        remedy=remedy,
    )
