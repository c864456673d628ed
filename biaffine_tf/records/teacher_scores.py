"""Scores of teachers for the sentences of a corpus, in a file of JSON lines.

The first line is an object with the fingerprint of teachers and sentences and
the number of sentences. Each of the others is a sentence: a list of
[start, end, label, probability] in characters.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator

from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import atomic_write
from biaffine_tf.spans import Sentence, Span

MIN_PROBABILITY = 0.01  # of a span and label, to be in the file
_DIGITS = 9  # of probabilities, after the point
_DAMAGED = "delete it and start the command again"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherScores:
    """Teachers' scores of training sentences and of unlabelled ones.

    Attributes:
        path: File of the scores.
        fingerprint: SHA-256 of all that they depend on.
        unlabelled: Sentences that follow those of the training data; None if
            there are none.
    """

    path: str
    fingerprint: str
    unlabelled: Corpus | None = None

    def is_complete(self) -> bool:
        """Returns whether the file is there; it is written as a whole."""
        return os.path.exists(self.path)

    def sentences(self, train: Corpus) -> Iterator[Sentence]:
        """Reads the scored sentences; the additional ones have no spans."""
        yield from train.read()
        if self.unlabelled is not None:
            yield from self.unlabelled.read()

    def read(self) -> Iterator[list[Span]]:
        """Reads the spans of each sentence, with probabilities as scores.

        Raises:
            ConfigError: If the file is damaged or has other sentences.
        """
        try:
            with open(self.path, encoding="utf-8") as file:
                header = json.loads(next(file, "{}"))
                number = -1
                for number, line in enumerate(file):  # noqa: B007
                    yield [Span(*values) for values in json.loads(line)]
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"{self.path}: not the scores of teachers ({error})",
                remedy=_DAMAGED,
            ) from error
        found = header.get("fingerprint"), header.get("sentences")
        if found != (self.fingerprint, number + 1):
            raise ConfigError(
                f"{self.path}: not the scores of these teachers and sentences",
                remedy=_DAMAGED,
            )


def write_scores(path: str, sentences: Iterable[list[Span]]) -> None:
    """Writes scores of sentences without a header, atomically."""
    with atomic_write(path) as file:
        file.writelines(map(_line, sentences))


def join_scores(
    scores: TeacherScores, parts: Iterable[str], *, sentences: int
) -> None:
    """Joins files of `write_scores` to the file of all scores, atomically."""
    with atomic_write(scores.path) as file:
        header = {"fingerprint": scores.fingerprint, "sentences": sentences}
        file.write(json.dumps(header) + "\n")
        for part in parts:
            with open(part, encoding="utf-8") as source:
                file.writelines(source)


def _line(spans: Iterable[Span]) -> str:
    rows = [
        [one.start, one.end, one.label, round(one.score or 0.0, _DIGITS)]
        for one in sorted(spans)
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")) + "\n"
