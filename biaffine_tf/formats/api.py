"""Reads and writes files of any format."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats.lines import Source
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.output import (
    open_bytes,
    open_output,
    write_folder,
)
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import (
    Format,
    all_formats,
    files_in,
    find_format,
)
from biaffine_tf.formats.screening import screen
from biaffine_tf.formats.tables import no_table
from biaffine_tf.spans import Sentence

# Raise it when equal files and options would give other sentences: whatever is
# kept of what earlier versions read is then made anew.
READER_VERSION = 2

_DEFAULTS = ReadOptions()


@dataclasses.dataclass(frozen=True)
class DataFile:
    """An open file of a known format.

    Attributes:
        source: The open file.
        format: Format of the file.
        options: Options for reading it.
        problems: Counts of skipped and repaired input.
    """

    source: Source
    format: Format
    options: ReadOptions
    problems: Problems

    @property
    def reading(self) -> str:
        """Description of what was chosen for reading; "" if nothing was."""
        if self.format.describe is None:
            return ""
        return self.format.describe(self.source, self.options)

    @property
    def file(self) -> str:
        """Name of the file in messages."""
        return self.source.file

    @property
    def stored_bytes_read(self) -> int:
        """Number of bytes read of the file as stored (compressed)."""
        return self.source.stored_bytes_read

    def sentences(self) -> Iterator[Sentence]:
        """Reads the sentences as `read` does; can be called once."""
        before = sum(self.problems.counts.values())
        empty = True
        if self.format.binary and not self.source.head:
            raise self._no_sentence(before)
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
        problems = ""
        if sum(self.problems.counts.values()) > before:
            problems = f" ({'; '.join(self.problems.lines())})"
        return place.error(
            f"the file holds no sentence when read as {self.format}{problems}",
            "give another file, or another --format",
        )


@dataclasses.dataclass(frozen=True)
class DataFolder:
    """A folder of files of one format, read one after another.

    Attributes:
        file: Path of the folder.
        files: Paths of its files, in reading order.
        format: Format of the files.
        options: Options for reading them.
        problems: Counts of skipped and repaired input.
    """

    file: str
    files: list[str]
    format: Format
    options: ReadOptions
    problems: Problems

    @property
    def reading(self) -> str:
        """Nothing: files of a folder may differ."""
        return ""

    @property
    def stored_bytes_read(self) -> int:
        """Size of the folder's files: progress within them is not known."""
        return sum(map(os.path.getsize, self.files))

    def sentences(self) -> Iterator[Sentence]:
        """Reads the sentences of all files."""
        options = dataclasses.replace(self.options, format=self.format)
        for file in self.files:
            with open_data(file, options, self.problems) as data:
                yield from data.sentences()


@contextlib.contextmanager
def open_data(
    path: str | os.PathLike[str],
    options: ReadOptions = _DEFAULTS,
    problems: Problems | None = None,
) -> Iterator[DataFile | DataFolder]:
    """Opens a file and detects its format.

    Args:
        path: Path of the file, possibly compressed (gzip, xz, bzip2,
            Zstandard), or of a folder that a format reads; "-" for standard
            input.
        options: Options for reading it.
        problems: Counts skipped and repaired input.

    Yields:
        The open file.

    Raises:
        DataError: If the file cannot be opened.
    """
    problems = Problems() if problems is None else problems
    if os.path.isdir(path) and (found := files_in(os.fspath(path))):
        yield DataFolder(os.fspath(path), found[1], found[0], options, problems)
        return
    with Source(path, problems, allow_binary=True) as source:
        file_format = options.format or _recognise(source, options)
        if options.text_column is not None and not file_format.table:
            raise no_table(source, options)
        if source.foreign and not file_format.binary:
            raise source.foreign_error()
        yield DataFile(source, file_format, options, problems)


def _recognise(source: Source, options: ReadOptions) -> Format:
    for one in all_formats():
        if source.foreign and not one.binary:
            continue
        if options.text_column is not None and not one.table:
            continue
        if one.recognises(source, options):
            return one
    if options.text_column is not None:
        raise no_table(source, options)
    raise source.foreign_error()


def read(
    path: str | os.PathLike[str],
    options: ReadOptions = _DEFAULTS,
    problems: Problems | None = None,
) -> Iterator[Sentence]:
    """Reads the sentences of a file one by one, in constant memory.

    Example:
        >>> problems = Problems()
        >>> for sentence in read("train.json", problems=problems):
        ...     print(sentence.text, sentence.spans)

    Args:
        path: Path of the file, as for `open_data`.
        options: Options for reading it.
        problems: Counts skipped and repaired input.

    Yields:
        The sentences in file order; their spans are None if they are
        unlabelled.

    Raises:
        DataError: If the file cannot be read or has no sentences; at the first
            bad sentence unless `options` skip them.
    """
    with open_data(path, options, problems) as data:
        yield from data.sentences()


def detect_format(
    path: str | os.PathLike[str], options: ReadOptions = _DEFAULTS
) -> Format:
    """Detects the format of a file from its first 64 KiB, not its name.

    Args:
        path: Path of the file.
        options: Options, for the column of tokens.

    Returns:
        The format. JSON objects with only a text count as CLUENER; columns with
        unknown tags count as CoNLL, so that reading them reports the tags.

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
    """Writes sentences one by one.

    Args:
        target: Path to write atomically (compressed if it ends in .gz, .xz,
            .bz2 or .zst), "-" for standard output, or a text stream; of a
            folder, for formats that are folders.
        sentences: Sentences to write.
        file_format: The format or its name.
        problems: Counts spans, scores, characters and keys that the format
            cannot hold.
        **options: Fields of `WriteOptions`.

    Returns:
        Number of sentences in `sentences`.

    Raises:
        ConfigError: If the options are invalid.
        DataError: If a text cannot be encoded or the file cannot be written.
    """
    problems = Problems() if problems is None else problems
    chosen = find_format(file_format, "file_format")
    settings = WriteOptions(**options)
    if chosen.write is None:
        raise ConfigError(
            f"{chosen.full_name} is only read, not written",
            remedy="choose another format",
        )
    counted = _Counted(sentences, chosen, settings, problems)
    chunks = chosen.write(counted, settings, problems)
    if chosen.folder or chosen.binary:
        _write_bytes(target, chunks, chosen)
    elif isinstance(target, (str, os.PathLike)):
        with open_output(target) as stream:
            _write_chunks(stream, chunks, counted)
    else:
        _write_chunks(target, chunks, counted)
    return counted.number


def _write_bytes(
    target: str | os.PathLike[str] | TextIO,
    chunks: Iterator[Any],
    chosen: Format,
) -> None:
    if not isinstance(target, (str, os.PathLike)):
        raise ConfigError(
            f"{chosen.full_name} cannot be written to a text stream",
            remedy="give a path",
        )
    if chosen.folder:
        write_folder(target, chunks)
        return
    with open_bytes(target) as stream:
        for chunk in chunks:
            stream.write(chunk)


class _Counted:
    """Iterable of sentences that counts them and what the format loses."""

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
            if self._format.binary or self._format.folder:
                _check_text(sentence.text, self.number)
            self.number += 1
            yield sentence

    def _count_lost(self, sentence: Sentence) -> None:
        if not self._format.keys and sentence.extra:
            _count_extra(sentence, self._problems)
        if not self._format.ids and sentence.id is not None:
            self._count("id", 1)
        if not self._format.documents and sentence.document is not None:
            self._count("document", 1)
        if sentence.spans is None and not self._format.unlabelled:
            self._problems.count(
                "unlabelled sentence written as one without spans: "
                f"{self._format.full_name} holds no difference",
                f"sentence {self.number}",
            )
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
    """Counts keys of a sentence that the format cannot hold."""
    for key in sentence.extra or ():
        if key in ("id", "document"):
            continue  # held or counted as the id and the document
        problems.count(
            f"key {key!r} of the input not written: the format holds no keys",
            f"{sentence.file}:{sentence.line}",
        )


def _write_chunks(
    stream: TextIO, chunks: Iterator[str], counted: _Counted
) -> None:
    for chunk in chunks:
        try:
            stream.write(chunk)
        except UnicodeEncodeError as error:
            raise _half_character(error, counted.number - 1) from None


def _check_text(text: str, number: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _half_character(error, number) from None


def _half_character(error: UnicodeEncodeError, number: int) -> DataError:
    return DataError(
        f"sentence {number} holds half of a character, "
        f"U+{ord(error.object[error.start]):04X}, which cannot be written",
        remedy="remove it from the text",
    )
