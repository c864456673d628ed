"""Labelled files that are read as one, whole or a part of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator

from biaffine_tf.errors import DataError
from biaffine_tf.files import fingerprint
from biaffine_tf.formats.api import read
from biaffine_tf.formats.options import ReadOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence


@dataclasses.dataclass(frozen=True)
class Part:
    """Selection of the sentences of a corpus.

    Attributes:
        name: Name of the part, and how it was chosen; it belongs to the
            fingerprint.
        chosen: One byte for each sentence of the corpus, 1 for those of the
            part.
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
        paths: The files, in the order in which they are read; the format of
            each is recognised by itself.
        options: How to read them.
        part: Which of their sentences; None for all.
    """

    paths: tuple[str, ...]
    options: ReadOptions = dataclasses.field(default_factory=ReadOptions)
    part: Part | None = None

    @property
    def name(self) -> str:
        """The files in a few words, for messages."""
        first, *others = self.paths
        if not others:
            return first
        return f"{first} and {len(others)} other file" + "s" * (len(others) > 1)

    def read(self, problems: Problems | None = None) -> Iterator[Sentence]:
        """Reads the sentences, one at a time, in constant memory.

        Args:
            problems: Where skipped and repaired input is counted, that of
                all sentences of the files.

        Yields:
            The sentences of one file after another.

        Raises:
            DataError: As `formats.read`, for each of the files.
        """
        sentences = (
            sentence
            for path in self.paths
            for sentence in read(path, self.options, problems)
        )
        return sentences if self.part is None else self._chosen(sentences)

    def read_labelled(
        self, problems: Problems | None = None, *, flag: str
    ) -> Iterator[Sentence]:
        """`read` for data that is scored: each sentence must be labelled.

        Args:
            problems: As for `read`.
            flag: What gave the files, for messages.

        Raises:
            DataError: Also at the first sentence that is not labelled.
        """
        for sentence in self.read(problems):
            if sentence.spans is None:
                raise DataError(
                    "the sentence is not labelled",
                    file=sentence.file,
                    line=sentence.line,
                    remedy=f"--{flag} must be labelled throughout",
                )
            yield sentence

    def fingerprint(self) -> str:
        """SHA-256 in hex of the sentences' source; of one whole file its own.

        Raises:
            DataError: If a file cannot be read, or only once.
        """
        digests = [fingerprint(path) for path in self.paths]
        if self.part is not None:
            chosen = hashlib.sha256(self.part.chosen).hexdigest()
            digests += [self.part.name, chosen]
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
