"""Text files as a stream of lines with document numbers."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from biaffine_tf.config import DataConfig, Document
from biaffine_tf.errors import DataError
from biaffine_tf.formats import OnBadData, Problems, inputs
from biaffine_tf.formats.lines import Line, Source, decode
from biaffine_tf.records.packing import cut_text

# Bytes without a blank line after which documents cannot be told by them.
_BLANK_LINE_WITHIN = 1 << 20

_CHUNK_CHARACTERS = 1 << 18
_LARGEST_CHUNK = 4 * _CHUNK_CHARACTERS  # larger documents are divided
_LONGEST_LINE = 1 << 12  # characters; longer lines are divided


class TextLine(NamedTuple):
    """A line that is not blank, or a part of a very long one.

    Attributes:
        document: Number of its document in the corpus, from 0.
        held_out: Whether its document is held out from training.
        text: The line without its end.
    """

    document: int
    held_out: bool
    text: str


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Lines that are processed together.

    Attributes:
        number: Position in the corpus, from 0.
        lines: Lines of whole documents, or of a part of a large one.
    """

    number: int
    lines: list[TextLine]


def find_files(patterns: Sequence[str]) -> list[str]:
    """Lists the files of paths and globs, each once.

    Raises:
        DataError: If a path or glob matches no file, or a folder.
    """
    return inputs.find_files(patterns, flag="--input_file")


def check_files(files: Iterable[str], document: Document) -> None:
    """Checks at once what would otherwise stop the work later.

    Raises:
        DataError: If a file cannot be opened, or lacks the blank lines that
            would divide it into documents.
    """
    for file in files:
        with Source(file, Problems()) as source:
            if document is Document.BLANK_LINE:
                _check_blank_lines(source)


def _check_blank_lines(source: Source) -> None:
    size = 0
    for line in source.lines():
        if not line.data.decode("utf-8", errors="replace").strip():
            return
        size += len(line.data) + 1
        if size > _BLANK_LINE_WITHIN:
            raise DataError(
                "no line of its first megabyte is blank, and blank lines are "
                "what divides documents",
                file=source.file,
                remedy="give --document=line if each line is a text of its "
                "own, or --document=file if the file is one",
            )


class Corpus:
    """Text files, read once and in constant memory.

    Attributes:
        documents: Number of documents so far.
        held_out_documents: Number of documents held out from training.
        lines: Number of lines so far that are not blank.
        problems: Skipped lines and byte order marks.
        bytes_read: Number of bytes read, as stored.
    """

    def __init__(self, files: Sequence[str], config: DataConfig) -> None:
        """Creates the corpus.

        Args:
            files: Paths of the files in order.
            config: Settings of documents, held-out share and bad lines.
        """
        self._files = files
        self._config = config
        self.documents = 0
        self.held_out_documents = 0
        self.lines = 0
        self.problems = Problems()
        self.bytes_read = 0

    def chunks(self) -> Iterator[Chunk]:
        """Yields chunks of whole documents; large documents are divided.

        Raises:
            DataError: If a file is damaged, or a line is not UTF-8 and bad data
                is not skipped.
        """
        number, size, lines = 0, 0, list[TextLine]()
        for line in self._lines():
            is_new = bool(lines) and line.document != lines[-1].document
            if size >= (_CHUNK_CHARACTERS if is_new else _LARGEST_CHUNK):
                yield Chunk(number, lines)
                number, size, lines = number + 1, 0, []
            lines.append(line)
            size += len(line.text)
        if lines:
            yield Chunk(number, lines)

    def _lines(self) -> Iterator[TextLine]:
        document = self._config.document
        bytes_before = 0
        for file in self._files:
            is_first, held_out = True, False  # line of a document
            with Source(file, self.problems) as source:
                for text in self._texts(source):
                    self.bytes_read = bytes_before + source.stored_bytes_read
                    if text.strip():
                        if is_first:
                            held_out = self._begin_document()
                        self.lines += 1
                        for part in cut_text(text, _LONGEST_LINE):
                            yield TextLine(self.documents - 1, held_out, part)
                        is_first = document is Document.LINE
                    elif document is Document.BLANK_LINE:
                        is_first = True
                bytes_before += source.stored_bytes_read

    def _texts(self, source: Source) -> Iterator[str]:
        for line in source.lines():
            try:
                yield _decode(line, source.file)
            except DataError as error:
                if self._config.on_bad_data is OnBadData.ERROR:
                    raise
                self.problems.count("line skipped: not UTF-8", str(error))

    def _begin_document(self) -> bool:
        """Counts a document, and returns whether it is held out."""
        held_out = is_held_out(
            self.documents, share=self._config.held_out, seed=self._config.seed
        )
        self.documents += 1
        self.held_out_documents += held_out
        return held_out


def sample(
    patterns: Sequence[str], config: DataConfig, *, count: int = 10_000
) -> Iterator[str]:
    """Yields the first lines of each file, as many of each.

    Args:
        patterns: Paths and globs of the files.
        config: Settings of reading.
        count: Number of lines from all files, at least one of each.
    """
    files = find_files(patterns)
    for file in files:
        chunks = Corpus([file], config).chunks()
        lines = (line.text for chunk in chunks for line in chunk.lines)
        yield from itertools.islice(lines, max(count // len(files), 1))


def is_held_out(document: int, *, share: float, seed: int) -> bool:
    """Whether a document is held out from training.

    Args:
        document: Number of the document in the corpus.
        share: Fraction of documents held out, in [0, 1).
        seed: Random seed.
    """
    name = f"{seed} {document}".encode()
    digest = hashlib.blake2b(name, digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def _decode(line: Line, file: str) -> str:
    try:
        return line.data.decode("utf-8")
    except UnicodeDecodeError:
        return decode(line, file)  # raises, and knows what to advise
