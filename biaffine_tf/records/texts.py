"""Text files as one stream of lines that know their document."""

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

# A file that holds none in so many bytes is not divided by blank lines.
_BLANK_LINE_WITHIN = 1 << 20

_CHUNK_CHARACTERS = 1 << 18
_LARGEST_CHUNK = 4 * _CHUNK_CHARACTERS  # larger documents are cut
_LONGEST_LINE = 1 << 12  # characters; longer ones are cut


class TextLine(NamedTuple):
    """A line that is not blank, or a part of a very long one.

    Attributes:
        document: Number of its document in the corpus, from 0.
        held_out: Whether its document is kept from training.
        text: The line without its end.
    """

    document: int
    held_out: bool
    text: str


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Lines that are worked on together.

    Attributes:
        number: Position in the corpus, from 0.
        lines: Whole documents, or a part of a large one.
    """

    number: int
    lines: list[TextLine]


def find_files(patterns: Sequence[str]) -> list[str]:
    """The files that paths and globs name, each once.

    Raises:
        DataError: If one names no file, or a folder.
    """
    return inputs.find_files(patterns, flag="--input_file")


def check_files(files: Iterable[str], document: Document) -> None:
    """Finds out at once what would otherwise stop the work on its way.

    Raises:
        DataError: If a file cannot be opened, or would be one large document
            only because nobody said what a document is.
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
    """Files, read once and in constant memory.

    Attributes:
        documents: Documents met so far.
        held_out_documents: Those of them that are kept from training.
        lines: Lines met so far that are not blank.
        problems: Lines that were skipped, byte order marks.
        bytes_read: Of the files as they are stored.
    """

    def __init__(self, files: Sequence[str], config: DataConfig) -> None:
        """Creates the corpus.

        Args:
            files: In the order in which they are read.
            config: What a document is, which share is held out, what to do
                about bad lines.
        """
        self._files = files
        self._config = config
        self.documents = 0
        self.held_out_documents = 0
        self.lines = 0
        self.problems = Problems()
        self.bytes_read = 0

    def chunks(self) -> Iterator[Chunk]:
        """The corpus in chunks of whole documents; large ones are cut.

        Raises:
            DataError: If a file is damaged, or a line is not UTF-8 and bad
                data is not to be skipped.
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
        """Counts a document, and says whether it is held out."""
        held_out = is_held_out(
            self.documents, share=self._config.held_out, seed=self._config.seed
        )
        self.documents += 1
        self.held_out_documents += held_out
        return held_out


def sample(
    patterns: Sequence[str], config: DataConfig, *, count: int = 10_000
) -> Iterator[str]:
    """The first lines of each file, in equal shares.

    Args:
        patterns: Paths and globs of the files.
        config: How to read them.
        count: Lines of all files together, at least one of each.
    """
    files = find_files(patterns)
    for file in files:
        chunks = Corpus([file], config).chunks()
        lines = (line.text for chunk in chunks for line in chunk.lines)
        yield from itertools.islice(lines, max(count // len(files), 1))


def is_held_out(document: int, *, share: float, seed: int) -> bool:
    """Whether a document is kept from training.

    Args:
        document: Its number in the corpus.
        share: Of the documents, in [0, 1).
        seed: Another one holds out others.
    """
    name = f"{seed} {document}".encode()
    digest = hashlib.blake2b(name, digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def _decode(line: Line, file: str) -> str:
    try:
        return line.data.decode("utf-8")
    except UnicodeDecodeError:
        return decode(line, file)  # raises, and knows what to advise
