"""Reading and writing files of any format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats import cluener, conll, span_jsonl, text
from biaffine_tf.formats.detect import detect
from biaffine_tf.formats.lines import Source
from biaffine_tf.formats.options import (
    Format,
    ReadOptions,
    TagScheme,
    parse_choice,
)
from biaffine_tf.formats.output import open_output
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.screening import screen
from biaffine_tf.spans import Sentence

_Reader = Callable[[Source, ReadOptions, Problems], Iterator[Sentence]]
_READERS: dict[Format, _Reader] = {
    Format.CLUENER: cluener.read,
    Format.CONLL: conll.read,
    Format.SPAN_JSONL: span_jsonl.read,
    Format.TEXT: text.read,
}
_DEFAULTS = ReadOptions()


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
        path: The file; compressed (gzip, xz, bzip2, Zstandard) or not;
            "-" is standard input.
        options: How to read it.
        problems: Where skipped and repaired input is counted.

    Yields:
        The sentences in file order. A file without labels gives sentences
        whose spans are None.

    Raises:
        DataError: At the first bad sentence, unless they are skipped; and if
            the file cannot be read at all or holds no sentence.
    """
    problems = Problems() if problems is None else problems
    with Source(path, problems) as source:
        file_format = options.format or detect(source, options)
        yield from read_source(source, file_format, options, problems)


def read_source(
    source: Source,
    file_format: Format,
    options: ReadOptions,
    problems: Problems,
) -> Iterator[Sentence]:
    """`read` for a file that is open and whose format is settled."""
    before = sum(problems.counts.values())
    empty = True
    sentences = _READERS[file_format](source, options, problems)
    for sentence in screen(sentences, options, problems):
        empty = False
        yield sentence
    if empty:
        raise _no_sentence(source, file_format, problems, before)


def write(
    target: str | os.PathLike[str] | TextIO,
    sentences: Iterable[Sentence],
    file_format: Format | str,
    *,
    with_scores: bool = False,
    with_lines: bool = False,
    first_number: int = 0,
    layers: int = 1,
    scheme: TagScheme = TagScheme.BIO,
    problems: Problems | None = None,
) -> int:
    """Writes sentences, one at a time.

    Args:
        target: A path, which is written atomically (and compressed if it ends
            in .gz, .xz, .bz2 or .zst), "-" for standard output, or a text
            stream.
        sentences: What to write.
        file_format: The format; text leaves the spans out.
        with_scores: JSON formats: write the scores of predicted spans.
        with_lines: JSON formats: write the line of a sentence without an id
            in the file that it was read from, or its index in an array.
        first_number: CLUENER: number of the first sentence, for those without
            an id.
        layers: CoNLL: number of tag columns.
        scheme: CoNLL: BIO or BIOES.
        problems: Where spans, characters and keys are counted that the format
            cannot hold.

    Returns:
        Number of sentences taken from `sentences`.

    Raises:
        ConfigError: If the settings cannot be written.
        DataError: If a text is not encodable or the file not writable.
    """
    problems = Problems() if problems is None else problems
    file_format = parse_choice(Format, file_format, "file_format")
    if layers < 1:
        raise ConfigError(
            f"layers must be at least 1, got {layers}",
            remedy="give the number of tag columns",
        )
    counted = _Counted(sentences)
    if file_format is Format.CLUENER:
        pieces = cluener.write(
            counted,
            problems,
            with_scores=with_scores,
            with_lines=with_lines,
            first_number=first_number,
        )
    elif file_format is Format.SPAN_JSONL:
        pieces = span_jsonl.write(
            counted, problems, with_scores=with_scores, with_lines=with_lines
        )
    elif file_format is Format.CONLL:
        pieces = conll.write(counted, problems, layers=layers, scheme=scheme)
    else:
        pieces = text.write(counted, problems)
    if isinstance(target, (str, os.PathLike)):
        with open_output(target) as stream:
            _write_pieces(stream, pieces, counted)
    else:
        _write_pieces(target, pieces, counted)
    return counted.number


class _Counted:
    """An iterable that knows how far it has come."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self._sentences = sentences
        self.number = 0

    def __iter__(self) -> Iterator[Sentence]:
        for sentence in self._sentences:
            self.number += 1
            yield sentence


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


def _no_sentence(
    source: Source, file_format: Format, problems: Problems, before: int
) -> DataError:
    skipped = sum(problems.counts.values()) - before
    if not source.head:
        return source.place().error("the file is empty", "give another file")
    found = f" ({'; '.join(problems.lines())})" if skipped else ""
    return source.place().error(
        f"the file holds no sentence when read as {file_format}{found}",
        "give another file, or another --format",
    )
