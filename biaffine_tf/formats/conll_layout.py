"""Layout of a CoNLL file: its columns and scheme, detected from its head."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.formats import tags as tag_schemes
from biaffine_tf.formats.conll_columns import (
    Columns,
    count_values,
    tag_like_columns,
)
from biaffine_tf.formats.conll_rows import COMMENT, IMAGE, Splitter
from biaffine_tf.formats.dialects import (
    PLAIN,
    Dialect,
    find_dialect,
    strange_tags,
)
from biaffine_tf.formats.joining import (
    has_segmentation_digits,
    written_without_spaces,
)
from biaffine_tf.formats.lines import Place, shorten
from biaffine_tf.formats.misc_spaces import NO_SPACE
from biaffine_tf.formats.options import (
    Join,
    ReadOptions,
    SegmentationDigit,
    TagScheme,
)

_HEADER = re.compile(r"(?i)(tokens?|words?|form|text|character|char)")
_HEADER_TAG = re.compile(
    r"(?i)(ner|ne|bio|iob)?[_-]?(tags?|labels?|ner|entity)?"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Columns of a file and their meaning.

    Attributes:
        splitter: How rows are divided into columns.
        width: Number of columns.
        token_column: Index of the column of words, from 0.
        tag_columns: Indices of the columns of tags; empty if unlabelled.
        known_tags: Indices and dialects of the columns of tags, read or not.
        separator: String between words: "" or a space.
        strip_digits: Whether each word ends in a segmentation digit.
        scheme: Scheme whose tags are accepted.
        guessed_scheme: Detected scheme, for `TagScheme.AUTO`.
        strict_tags: Whether spans of malformed tags are dropped.
        tag_like: Indices of the columns that look like tags.
        counts_words: Whether the first column counts the words.
        is_ragged: Whether rows leave out layers of O at their end.
        has_optional_last: Whether rows may leave out the last column.
        space_column: Index of the column with SpaceAfter=No; None if there is
            none, or words are joined as an option says.
        has_header: Whether the first row names the columns.
        has_numbers: Whether each row begins with the number of its word.
        notes: Choices that were not made by an option, for a count.
        tag_remedy: What to do about tags that cannot be read.
    """

    splitter: Splitter
    width: int
    token_column: int
    tag_columns: tuple[int, ...]
    known_tags: tuple[tuple[int, Dialect], ...]
    separator: str
    strip_digits: bool
    scheme: TagScheme
    guessed_scheme: TagScheme
    strict_tags: bool
    tag_like: tuple[int, ...]
    counts_words: bool = False
    is_ragged: bool = False
    has_optional_last: bool = False
    space_column: int | None = None
    has_header: bool = False
    has_numbers: bool = False
    notes: tuple[str, ...] = ()
    tag_remedy: str = ""

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
        columns = Columns(lines, options)
        width, sentences = columns.width, columns.sentences
        token_column = _index(columns.token_column, width, place, "token")
        is_unread = options.ignore_labels and options.tag_columns is None
        known_columns = tuple(
            _index(one, width, place, "tag") for one in columns.tags_asked()
        )
        if is_unread:  # they still tell comments from rows
            known_columns = tuple(set(known_columns) - {token_column})
        if token_column in known_columns:
            raise place.error(
                f"of {width} columns, number {token_column} would be both "
                "token and tag",
                "correct --token_column or --tag_columns",
            )
        regular = columns.regular()
        has_header = _has_header(regular, token_column, known_columns)
        if has_header:
            regular[0] = regular[0][1:]
        tokens = [[row[token_column] for row in rows] for rows in regular]
        strip_digits = _strip_digits(tokens, options)
        dialects, remedy = _dialects(regular, known_columns, options)
        scheme = options.tag_scheme
        if scheme is TagScheme.IO:
            scheme = TagScheme.IOB1  # neighbours of one label are one span
        elif scheme is TagScheme.SUFFIX:
            scheme = TagScheme.AUTO
        known = tuple(zip(known_columns, dialects, strict=True))
        return cls(
            splitter=columns.splitter,
            width=width,
            token_column=token_column,
            tag_columns=() if options.ignore_labels else known_columns,
            known_tags=known,
            separator=_separator(tokens, options, strip_digits),
            strip_digits=strip_digits,
            scheme=scheme,
            guessed_scheme=_guess_scheme(regular, known),
            strict_tags=options.strict_tags,
            tag_like=tag_like_columns(sentences, token_column=token_column),
            counts_words=columns.counts_words,
            is_ragged=columns.is_ragged,
            has_optional_last=columns.has_optional_last,
            space_column=columns.space_column(regular),
            has_header=has_header,
            has_numbers=columns.has_numbers,
            notes=(*columns.notes, *_dialect_notes(known, options)),
            tag_remedy=remedy,
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

    def is_comment(self, line: str) -> bool:
        """Returns whether a line before a sentence is a comment, not a row.

        A row may begin with the token "#": then its other columns are tags.
        """
        if line.startswith(IMAGE.decode()):
            return True
        if not line.startswith(COMMENT):
            return False
        if self.has_numbers:
            return True
        fields = self.splitter.split(line)
        if self.is_ragged:
            return len(fields) < 2 or not all(map(PLAIN.fits, fields[1:]))
        if len(fields) != self.width:
            return True
        return not all(
            dialect.fits(fields[column]) for column, dialect in self.known_tags
        )

    def describe(self) -> str:
        """Describes what was chosen: columns, tags and joining."""
        joined = "without spaces" if not self.separator else "with spaces"
        if self.space_column is not None:
            joined = f"with spaces, but for {NO_SPACE}"
        parts = [
            f"{self.width} columns divided by {self.splitter.name}",
            f"words in column {self.token_column}, joined {joined}",
        ]
        if self.is_ragged:
            parts.append("layers of tags in all others")
        elif self.tag_columns:
            columns = ", ".join(map(str, self.tag_columns))
            plural = "s" if len(self.tag_columns) > 1 else ""
            parts.append(f"tags in column{plural} {columns}")
        if self.tag_columns:
            spelt = {str(one) for _, one in self.known_tags if one != PLAIN}
            bare = any(one.bare for _, one in self.known_tags)
            scheme = self.scheme
            if scheme is TagScheme.AUTO:
                scheme = self.guessed_scheme
            parts.append(
                f"scheme {TagScheme.IO if bare else scheme}"
                + "".join(f" spelt {one}" for one in sorted(spelt))
            )
        return "; ".join(parts)

    def width_error(self, fields: Sequence[str], place: Place) -> DataError:
        """Makes the error for a row with another number of columns."""
        return place.error(
            f"{len(fields)} columns where the file has {self.width}; "
            f"received {shorten(fields)}",
            "separate the columns by one tab, sentences by a blank line, or "
            "pass --on_bad_data=skip",
        )


def _has_header(
    regular: list[list[Sequence[str]]],
    token_column: int,
    tag_columns: tuple[int, ...],
) -> bool:
    if not regular or len(regular[0]) < 2:
        return False
    first = regular[0][0]
    return bool(
        tag_columns
        and _HEADER.fullmatch(first[token_column])
        and all(
            first[column] and _HEADER_TAG.fullmatch(first[column])
            for column in tag_columns
        )
    )


def _dialects(
    regular: list[list[Sequence[str]]],
    tag_columns: tuple[int, ...],
    options: ReadOptions,
) -> tuple[list[Dialect], str]:
    """Returns the dialect of each column, and a remedy if one is unknown."""
    dialects, remedy = [], ""
    rows = [row for rows in regular for row in rows]
    for column in tag_columns:
        counts = count_values(rows, column)
        dialect = find_dialect(counts, options.tag_scheme)
        if dialect is None:
            remedy = remedy or strange_tags(counts)
        dialects.append(dialect or PLAIN)
    return dialects, remedy


def _dialect_notes(
    known: tuple[tuple[int, Dialect], ...], options: ReadOptions
) -> list[str]:
    if options.tag_scheme in (TagScheme.IO, TagScheme.SUFFIX):
        return []
    return [
        f"tags of column {column} are spelt {dialect}"
        for column, dialect in known
        if dialect != PLAIN
    ]


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
    sentences: list[list[Sequence[str]]],
    known: tuple[tuple[int, Dialect], ...],
) -> TagScheme:
    tags: list[str] = []
    for column, dialect in known:
        for rows in sentences:
            column_tags = [row[column] for row in rows]
            if dialect != PLAIN:
                column_tags = list(map(dialect.normalise, column_tags))
            tags.extend(column_tags)
            tags.append(tag_schemes.OUTSIDE)
    return tag_schemes.guess_scheme(tags)
