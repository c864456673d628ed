"""Reading and writing files of any format."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from biaffine_tf.errors import DataError
from biaffine_tf.formats.lines import Source
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.output import open_output
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format, all_formats, find_format
from biaffine_tf.formats.screening import screen
from biaffine_tf.spans import Sentence

_DEFAULTS = ReadOptions()


@dataclasses.dataclass(frozen=True)
class DataFile:
    """A file that is open and whose format is settled.

    Attributes:
        source: The file.
        format: Its format.
        options: How to read it.
        problems: Where skipped and repaired input is counted.
    """

    source: Source
    format: Format
    options: ReadOptions
    problems: Problems

    def sentences(self) -> Iterator[Sentence]:
        """Reads the sentences, once, as `read` does."""
        before = sum(self.problems.counts.values())
        empty = True
        sentences = self.format.read(self.source, self.options, self.problems)
        for sentence in screen(sentences, self.options, self.problems):
            empty = False
            yield sentence
        if empty:
            raise self._no_sentence(before)

    def _no_sentence(self, before: int) -> DataError:
        place = self.source.place()
        if not self.source.head:
            return place.error("the file is empty", "give another file")
        found = ""
        if sum(self.problems.counts.values()) > before:
            found = f" ({'; '.join(self.problems.lines())})"
        return place.error(
            f"the file holds no sentence when read as {self.format}{found}",
            "give another file, or another --format",
        )


@contextlib.contextmanager
def open_data(
    path: str | os.PathLike[str],
    options: ReadOptions = _DEFAULTS,
    problems: Problems | None = None,
) -> Iterator[DataFile]:
    """Opens a file and settles its format.

    Args:
        path: The file; compressed (gzip, xz, bzip2, Zstandard) or not;
            "-" is standard input.
        options: How to read it.
        problems: Where skipped and repaired input is counted.

    Yields:
        The open file.

    Raises:
        DataError: If the file cannot be opened.
    """
    problems = Problems() if problems is None else problems
    with Source(path, problems) as source:
        found = options.format or next(
            one for one in all_formats() if one.recognises(source, options)
        )
        yield DataFile(source, found, options, problems)


def read(
    path: str | os.PathLike[str],
    options: ReadOptions = _DEFAULTS,
    problems: Problems | None = None,
) -> Iterator[Sentence]:
    """Reads the sentences of a file, one at a time, in constant memory.

    Example:
        >>> problems = Problems()
        >>> for sentence in read("train.json", problems=problems):
        ...     print(sentence.text, sentence.spans)

    Args:
        path: The file, as for `open_data`.
        options: How to read it.
        problems: Where skipped and repaired input is counted.

    Yields:
        The sentences in file order. A file without labels gives sentences
        whose spans are None.

    Raises:
        DataError: At the first bad sentence, unless they are skipped; and if
            the file cannot be read at all or holds no sentence.
    """
    with open_data(path, options, problems) as data:
        yield from data.sentences()


def detect_format(
    path: str | os.PathLike[str], options: ReadOptions = _DEFAULTS
) -> Format:
    """Recognises the format of a file by its first 64 KiB, not by its name.

    Args:
        path: The file.
        options: Where its tokens are, if they are in a column.

    Returns:
        The format. JSON objects with nothing but a text are CLUENER's; columns
        whose tags nobody knows are CoNLL's, so that reading them says so.

    Raises:
        DataError: If the file cannot be opened.
    """
    with open_data(path, options) as data:
        return data.format


def write(
    target: str | os.PathLike[str] | TextIO,
    sentences: Iterable[Sentence],
    file_format: Format | str,
    *,
    problems: Problems | None = None,
    **options: Any,
) -> int:
    """Writes sentences, one at a time.

    Args:
        target: A path, which is written atomically (and compressed if it ends
            in .gz, .xz, .bz2 or .zst), "-" for standard output, or a text
            stream.
        sentences: What to write.
        file_format: The format, or its name.
        problems: Where spans, scores, characters and keys are counted that
            the format cannot hold.
        **options: Fields of `WriteOptions`.

    Returns:
        Number of sentences taken from `sentences`.

    Raises:
        ConfigError: If the settings cannot be written.
        DataError: If a text is not encodable or the file not writable.
    """
    problems = Problems() if problems is None else problems
    chosen = find_format(file_format, "file_format")
    settings = WriteOptions(**options)
    counted = _Counted(sentences, chosen, settings, problems)
    pieces = chosen.write(counted, settings, problems)
    if isinstance(target, (str, os.PathLike)):
        with open_output(target) as stream:
            _write_pieces(stream, pieces, counted)
    else:
        _write_pieces(target, pieces, counted)
    return counted.number


class _Counted:
    """Sentences on their way into a file, and what it cannot hold of them."""

    def __init__(
        self,
        sentences: Iterable[Sentence],
        file_format: Format,
        options: WriteOptions,
        problems: Problems,
    ) -> None:
        self.number = 0
        self._sentences = sentences
        self._format = file_format
        self._loses_scores = options.with_scores and not file_format.scores
        self._problems = problems

    def __iter__(self) -> Iterator[Sentence]:
        for sentence in self._sentences:
            self._count_lost(sentence)
            self.number += 1
            yield sentence

    def _count_lost(self, sentence: Sentence) -> None:
        if not self._format.keys and sentence.extra:
            _count_extra(sentence, self._problems)
        if not self._format.spans:
            self._count("span", len(sentence.spans or ()))
        elif self._loses_scores:
            scores = [one.score for one in sentence.spans or ()]
            self._count("score", len(scores) - scores.count(None))

    def _count(self, what: str, amount: int) -> None:
        if amount:
            self._problems.count(
                f"{what} not written: {self._format.full_name} holds none",
                f"sentence {self.number}",
                amount,
            )


def _count_extra(sentence: Sentence, problems: Problems) -> None:
    """Counts keys of a sentence that its format cannot hold."""
    for key in sentence.extra or ():
        if key in ("id", "document"):
            continue  # of all sentences alike
        problems.count(
            f"key {key!r} of the input not written: the format holds no keys",
            f"{sentence.file}:{sentence.line}",
        )


def _write_pieces(
    stream: TextIO, pieces: Iterator[str], counted: _Counted
) -> None:
    for piece in pieces:
        try:
            stream.write(piece)
        except UnicodeEncodeError as error:
            raise DataError(
                f"sentence {counted.number - 1} holds half of a character, "
                f"U+{ord(error.object[error.start]):04X}, which cannot be "
                "written",
                remedy="remove it from the text",
            ) from None
