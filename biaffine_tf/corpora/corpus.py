"""A corpus of labelled files, or a part of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator

from biaffine_tf.corpora.label_sets import LabelSets
from biaffine_tf.errors import DataError
from biaffine_tf.files import fingerprint
from biaffine_tf.formats.api import read
from biaffine_tf.formats.options import ReadOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import companions
from biaffine_tf.spans import Sentence


@dataclasses.dataclass(frozen=True)
class Part:
    """Subset of the sentences of a corpus.

    Attributes:
        name: Name of the part and how it was chosen; enters the fingerprint.
        chosen: One byte per sentence of the corpus, 1 if it is in the part.
    """

    name: str
    chosen: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Labelled files that are read as one.

    Example:
        >>> corpus = Corpus(("news.conll", "wiki.jsonl"))
        >>> labels = {s.label for one in corpus.read() for s in one.spans}

    Attributes:
        paths: Paths of the files, in reading order; the format of each is
            detected on its own.
        options: Options for reading them.
        part: Subset of their sentences; None for all.
        label_sets: Labels of the files that do not label all of them.
    """

    paths: tuple[str, ...]
    options: ReadOptions = dataclasses.field(default_factory=ReadOptions)
    part: Part | None = None
    label_sets: LabelSets = dataclasses.field(default_factory=LabelSets)

    @property
    def name(self) -> str:
        """Short description of the files, for messages."""
        first, *others = self.paths
        if not others:
            return first
        return f"{first} and {len(others)} other file" + "s" * (len(others) > 1)

    def read(self, problems: Problems | None = None) -> Iterator[Sentence]:
        """Reads the sentences one by one, in constant memory.

        Args:
            problems: Counts skipped and repaired input of the files, also that
                of sentences outside the part.

        Yields:
            The sentences, file by file.

        Raises:
            DataError: As for `formats.read`.
        """
        sentences = (
            sentence
            for path in self.paths
            for sentence in self.label_sets.apply(
                read(path, self.options, problems), path, problems
            )
        )
        return sentences if self.part is None else self._chosen(sentences)

    def read_labelled(self, *, flag: str) -> Iterator[Sentence]:
        """Reads sentences for scoring, each of which must be labelled.

        Args:
            flag: Flag that gave the files, for messages.

        Raises:
            DataError: As for `read`, or if a sentence is unlabelled.
        """
        for sentence in self.read():
            if sentence.spans is None:
                raise DataError(
                    "the sentence is not labelled",
                    file=sentence.file,
                    line=sentence.line,
                    remedy=f"--{flag} must be labelled throughout",
                )
            yield sentence

    def fingerprint(self) -> str:
        """Returns a hexadecimal SHA-256; of one whole file, that of the file.

        Raises:
            DataError: If a file cannot be read, or is a pipe or a device.
        """
        digests = [
            fingerprint(file)
            for path in self.paths
            for file in (path, *companions(path))
        ]
        if self.part is not None:
            chosen = hashlib.sha256(self.part.chosen).hexdigest()
            digests += [self.part.name, chosen]
        sets = [self.label_sets.of(path) for path in self.paths]
        if any(one is not None for one in sets):
            digests.append(json.dumps(sets))
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def _chosen(self, sentences: Iterator[Sentence]) -> Iterator[Sentence]:
        assert self.part is not None
        wanted = iter(self.part.chosen)
        for sentence in sentences:
            if (is_wanted := next(wanted, None)) is None:
                raise self._changed()
            if is_wanted:
                yield sentence
        if next(wanted, None) is not None:
            raise self._changed()

    def _changed(self) -> DataError:
        return DataError(
            "has changed while it was read",
            file=self.name,
            remedy="start the command again",
        )
