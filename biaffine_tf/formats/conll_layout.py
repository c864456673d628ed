"""Layout of a CoNLL file: its columns and scheme, detected from its head."""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.formats import tags as tag_schemes
from biaffine_tf.formats.joining import (
    has_segmentation_digits,
    written_without_spaces,
)
from biaffine_tf.formats.lines import Place, shorten
from biaffine_tf.formats.options import (
    LAST_COLUMN,
    Join,
    ReadOptions,
    SegmentationDigit,
    TagScheme,
)

DOCSTART = b"-DOCSTART-"
# Minimum fraction of rows with the usual width and a tag, for a column of tags.
# Prose is far below; a slightly broken file should still count as CoNLL.
_MIN_TAGGED = 0.75
_SPACES = re.compile(" +")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Columns of a file and their meaning.

    Attributes:
        width: Number of columns.
        token_column: Index of the column of words, from 0.
        tag_columns: Indices of the columns of tags; empty if unlabelled.
        separator: String between words: "" or a space.
        strip_digits: Whether each word ends in a segmentation digit.
        scheme: Scheme whose tags are accepted.
        guessed_scheme: Detected scheme, for `TagScheme.AUTO`.
        strict_tags: Whether spans of malformed tags are dropped.
        tag_like: Indices of the columns that look like tags.
    """

    width: int
    token_column: int
    tag_columns: tuple[int, ...]
    separator: str
    strip_digits: bool
    scheme: TagScheme
    guessed_scheme: TagScheme
    strict_tags: bool
    tag_like: tuple[int, ...]

    @classmethod
    def from_head(
        cls, lines: Sequence[str], options: ReadOptions, place: Place
    ) -> Layout:
        """Detects the layout as far as options leave it open.

        Args:
            lines: Lines at the start of the file.
            options: Options that the user chose.
            place: The file, for messages.

        Returns:
            The layout.

        Raises:
            DataError: If a chosen column does not exist.
        """
        sentences = sample_rows(lines)
        width = most_common_width(sentences)
        token_column = _index(options.token_column, width, place, "token")
        is_unlabelled = width == 1 and options.columns_read == LAST_COLUMN
        columns = () if is_unlabelled else options.columns_read
        if options.ignore_labels and options.tag_columns is None:
            columns = ()
        tag_columns = tuple(
            _index(column, width, place, "tag") for column in columns
        )
        if token_column in tag_columns:
            raise place.error(
                f"of {width} columns, number {token_column} would be both "
                "token and tag",
                "correct --token_column or --tag_columns",
            )
        regular = [
            [row for row in rows if len(row) == width] for rows in sentences
        ]
        tokens = [[row[token_column] for row in rows] for rows in regular]
        strip_digits = _strip_digits(tokens, options)
        return cls(
            width=width,
            token_column=token_column,
            tag_columns=() if options.ignore_labels else tag_columns,
            separator=_separator(tokens, options, strip_digits),
            strip_digits=strip_digits,
            scheme=options.tag_scheme,
            guessed_scheme=_guess_scheme(regular, tag_columns),
            strict_tags=options.strict_tags,
            tag_like=tag_like_columns(sentences, token_column=token_column),
        )

    @property
    def strict_scheme(self) -> TagScheme:
        """Scheme that tags must follow with `strict_tags`.

        IOB1 and IOE1 must be named explicitly: what is malformed in BIO or
        IOE2 would pass as one of them.
        """
        if self.scheme is not TagScheme.AUTO:
            return self.scheme
        stricter = {
            TagScheme.IOB1: TagScheme.BIO,
            TagScheme.IOE1: TagScheme.IOE2,
        }
        return stricter.get(self.guessed_scheme, self.guessed_scheme)

    def width_error(self, fields: Sequence[str], place: Place) -> DataError:
        """Makes the error for a row with another number of columns."""
        return place.error(
            f"{len(fields)} columns where the file has {self.width}; "
            f"received {shorten(fields)}",
            "separate the columns by one tab, sentences by a blank line, or "
            "pass --on_bad_data=skip",
        )


def split_row(line: str) -> list[str]:
    """Splits a row into columns.

    Only tabs and spaces separate: `str.split()` would drop a word that is
    U+3000. A space at the start of a row is a word itself.
    """
    if "\t" in line:
        return line.rstrip("\t ").split("\t")
    line = line.rstrip(" ")
    if line.startswith(" "):
        return [" ", *_SPACES.split(line.lstrip(" "))]
    return _SPACES.split(line)


def sample_rows(lines: Sequence[str]) -> list[list[list[str]]]:
    """Splits lines into sentences, rows and columns."""
    sentences: list[list[list[str]]] = [[]]
    docstart = DOCSTART.decode()
    for line in lines:
        if not line.strip(" \t"):
            sentences.append([])
        elif not line.startswith(docstart) or sentences[-1]:
            sentences[-1].append(split_row(line))
    return [rows for rows in sentences if rows]


def tag_like_columns(
    sentences: Sequence[Sequence[Sequence[str]]], *, token_column: int
) -> tuple[int, ...]:
    """Finds the columns that look like tags in nearly all rows.

    Args:
        sentences: Rows of each sentence.
        token_column: Column to exclude.

    Returns:
        Their indices.
    """
    width = most_common_width(sentences)
    rows = [row for rows in sentences for row in rows]
    regular = [row for row in rows if len(row) == width]
    return tuple(
        column
        for column in range(width)
        if column not in (token_column, token_column + width)
        and sum(tag_schemes.looks_like_tag(row[column]) for row in regular)
        >= _MIN_TAGGED * max(len(rows), 1)
    )


def is_columns(lines: Sequence[str], options: ReadOptions) -> bool:
    """Returns whether any column looks like tags, even if it is not read.

    If a named column has no tags or does not exist, that is then an error,
    rather than each row becoming a text.

    Args:
        lines: Lines at the start of a file.
        options: Options, for the column of words.
    """
    sentences = sample_rows(lines)
    if most_common_width(sentences) < 2:
        return False
    # "Vitamin B-12" alone on its line is a text.
    if sum(map(len, sentences)) < 2 and not any("\t" in line for line in lines):
        return False
    return bool(tag_like_columns(sentences, token_column=options.token_column))


def most_common_width(sentences: Sequence[Sequence[Sequence[str]]]) -> int:
    """Returns the most common number of columns; 1 if there are no rows."""
    widths = collections.Counter(len(row) for rows in sentences for row in rows)
    return widths.most_common(1)[0][0] if widths else 1


def _index(column: int, width: int, place: Place, what: str) -> int:
    if not -width <= column < width:
        raise place.error(
            f"there is no {what} column {column}: the file has {width} "
            "columns, counted from 0",
            f"correct --{what}_column{'s' if what == 'tag' else ''}",
        )
    return column % width


def _strip_digits(tokens: list[list[str]], options: ReadOptions) -> bool:
    if options.segmentation_digit is SegmentationDigit.AUTO:
        return has_segmentation_digits(tokens)
    return options.segmentation_digit is SegmentationDigit.STRIP


def _separator(
    tokens: list[list[str]], options: ReadOptions, strip_digits: bool
) -> str:
    if options.join is not Join.AUTO:
        return "" if options.join is Join.CHARS else " "
    flat = [token for sentence in tokens for token in sentence]
    if strip_digits:
        flat = [token[:-1] for token in flat]
    return "" if written_without_spaces(flat) else " "


def _guess_scheme(
    sentences: list[list[list[str]]], tag_columns: tuple[int, ...]
) -> TagScheme:
    tags: list[str] = []
    for column in tag_columns:
        for rows in sentences:
            tags.extend(row[column] for row in rows)
            tags.append(tag_schemes.OUTSIDE)
    return tag_schemes.guess_scheme(tags)
