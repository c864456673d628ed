"""Columns of the head of a CoNLL file, as far as options leave them open."""

from __future__ import annotations

import collections
import re
from collections.abc import Collection, Sequence

from biaffine_tf.formats.conll_rows import (
    ALIGNED,
    CONLLU,
    CONLLU_WIDTH,
    MARKS,
    SPACES,
    STANDARD,
    Rows,
    Splitter,
    column_names,
    counts_words,
    has_misc_tags,
    is_aligned,
    is_conllu,
    is_range,
    most_common_width,
    sample_rows,
)
from biaffine_tf.formats.dialects import PLAIN, is_tag_column, strange_tags
from biaffine_tf.formats.lines import shorten
from biaffine_tf.formats.misc_spaces import marks_spaces
from biaffine_tf.formats.options import (
    LAST_COLUMN,
    Join,
    ReadOptions,
    TagScheme,
)

# Minimum fraction of rows with the usual width and a tag, for a column of tags.
# Prose is far below; a slightly broken file should still count as CoNLL.
_MIN_TAGGED = 0.75
# The same for tags that cannot be read, and thus might be words.
_MIN_REGULAR = 0.9
_NER_COLUMN = re.compile(r"(.*[:_])?(NER|NE|ENTITY|ENTITIES|BIO|IOB2?|NER_TAG)")
_LAYER = re.compile(r"NER:\d+")  # of one that another column begins
_TOKEN_COLUMN = re.compile(r"FORM|TOKEN|WORD")
# CoNLL-U's MISC and other columns that say whether a space follows.
_SPACE_AFTER = re.compile(
    r"|_|-|[01]|(?i:true|false|yes|no)|[A-Za-z]\w*=[^|]*(\|[A-Za-z]\w*=[^|]*)*"
)
_TEXT = re.compile(r"#\s*text\s*=.*\S\s+\S")


class Columns:
    """Columns of the head of a file, as far as options leave them open."""

    def __init__(self, lines: Sequence[str], options: ReadOptions) -> None:
        self.notes: list[str] = []
        self._options = options
        self.splitter, self.sentences = choose_splitter(lines, options)
        self.has_optional_last = _fill_optional_last(self.sentences)
        self.width = most_common_width(self.sentences)
        self.token_column = options.token_column
        self.tag_columns = options.columns_read
        # With tags next to them, the numbers are the words.
        self.counts_words = 1 not in (
            options.tag_columns or ()
        ) and counts_words(self.sentences)
        if self.counts_words:
            self.sentences = [
                [row for row in rows if not is_range(row[0])]
                for rows in self.sentences
            ]
        self.is_ragged = _is_ragged(self.sentences, options)
        names = column_names(lines)
        self.has_numbers = self.counts_words or names[:1] == ["ID"]
        self._misc_column: int | None = None
        self._lines = lines
        self._is_untagged = False
        if self.is_ragged:
            self._use_layers()
        elif len(names) == self.width:
            self._use_names(names)
        elif self.counts_words and options.token_column == 0:
            self.token_column = 1
            self._note("column 0 counts the words: column 1 is read as words")
            self._use_conllu()
        if self.splitter is not STANDARD:
            self._note(f"columns are divided at {self.splitter.name}")
        if self.tag_columns == LAST_COLUMN and not self.is_ragged:
            self._avoid_space_after()

    def tags_asked(self) -> tuple[int, ...]:
        """Returns the columns of tags as given or found; maybe negative."""
        if self.tag_columns == LAST_COLUMN and (
            self.width == 1 or self._is_untagged
        ):
            return ()
        return self.tag_columns

    def regular(self) -> list[list[Sequence[str]]]:
        """Returns the rows with all columns; ragged ones are filled up."""
        if self.is_ragged:
            return [
                [
                    [*row, *["O"] * (self.width - len(row))]
                    for row in rows
                    if len(row) <= self.width
                ]
                for rows in self.sentences
            ]
        return [
            [row for row in rows if len(row) == self.width]
            for rows in self.sentences
        ]

    def space_column(self, regular: list[list[Sequence[str]]]) -> int | None:
        """Returns the column with SpaceAfter=No, if words are joined by it."""
        if self._options.join is not Join.AUTO or self.width < 3:
            return None
        column = self._misc_column
        if column is None:
            column = self.width - 1
            if self.tag_columns == LAST_COLUMN:
                return None
        if column in self.tag_columns:
            return None
        rows = (row for rows in regular for row in rows)
        has = any(marks_spaces(row[column]) for row in rows)
        # Between all words is a space, which needs no mark.
        if not has and self._misc_column is not None:
            has = any(map(_TEXT.match, self._lines))
        return column if has else None

    def _note(self, text: str) -> None:
        self.notes.append(text)

    def _use_layers(self) -> None:
        self.width = max(len(row) for rows in self.sentences for row in rows)
        if self._options.tag_columns is None:
            self.tag_columns = tuple(range(1, self.width))
            self._note(
                "rows have different numbers of tags: all are read as layers"
            )

    def _use_names(self, names: Sequence[str]) -> None:
        upper = [name.upper() for name in names]
        words = [i for i, n in enumerate(upper) if _TOKEN_COLUMN.fullmatch(n)]
        tags = [i for i, n in enumerate(upper) if _NER_COLUMN.fullmatch(n)]
        layers = [i for i, n in enumerate(upper) if _LAYER.fullmatch(n)]
        if words and self.token_column == 0:
            self.token_column = words[0]
        if tags and self._options.tag_columns is None:
            self.tag_columns = (tags[-1], *layers)
        if "MISC" in upper:
            self._misc_column = upper.index("MISC")

    def _use_conllu(self) -> None:
        """Finds MISC of CoNLL-U, and that it has no column of tags."""
        if self.splitter is CONLLU:
            self._misc_column = CONLLU_WIDTH - 1
        elif self.width == CONLLU_WIDTH and not tag_like_columns(
            self.sentences, token_column=self.token_column
        ):
            self._misc_column = CONLLU_WIDTH - 1
            self._is_untagged = True

    def _avoid_space_after(self) -> None:
        """Reads the only column of tags if the last one is not one of tags."""
        regular = [row for rows in self.regular() for row in rows]
        if self.width < 3 or not regular:
            return
        token = self.token_column % self.width
        likely = tag_like_columns(self.sentences, token_column=token)
        if len(likely) != 1 or likely[0] == self.width - 1:
            return
        if all(_SPACE_AFTER.fullmatch(row[-1]) for row in regular):
            self.tag_columns = likely
            self._note(
                f"column {likely[0]} is read as tags: the last one holds "
                f"{shorten(regular[0][-1])} and the like"
            )


def choose_splitter(
    lines: Sequence[str], options: ReadOptions
) -> tuple[Splitter, list[list[list[str]]]]:
    """Finds the separators with which lines are columns of tags.

    Args:
        lines: Lines at the start of the file.
        options: Options, for the column of words.

    Returns:
        The splitter, and the rows of each sentence; tabs or spaces if no other
        one is certain.
    """
    sentences = sample_rows(lines)
    if is_conllu(sentences) and has_misc_tags(sentences):
        return CONLLU, sample_rows(lines, CONLLU.split)
    if is_aligned(lines, sentences):
        return ALIGNED, sample_rows(lines, ALIGNED.split)
    if _are_tagged(sentences, options):
        for splitter in SPACES:
            if _all_end_in(splitter.mark, sentences):
                return splitter, sample_rows(lines, splitter.split)
        return STANDARD, sentences
    least = _MIN_TAGGED * sum(map(len, sentences))
    for splitter in (*SPACES, *MARKS):
        if sum(splitter.mark in line for line in lines) < least:
            continue
        others = sample_rows(lines, splitter.split)
        if _are_tagged(others, options):
            return splitter, others
    return STANDARD, sentences


def _all_end_in(mark: str, sentences: Rows) -> bool:
    """Returns whether the first column of all rows ends in a separator."""
    return all(
        len(row) > 1 and len(row[0]) > 1 and row[0].endswith(mark)
        for rows in sentences
        for row in rows
    )


def _are_tagged(sentences: Rows, options: ReadOptions) -> bool:
    return most_common_width(sentences) > 1 and bool(
        tag_like_columns(sentences, token_column=options.token_column)
    )


def tag_like_columns(sentences: Rows, *, token_column: int) -> tuple[int, ...]:
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
    least = _MIN_TAGGED * max(len(rows), 1)
    return tuple(
        column
        for column in range(width)
        if column not in (token_column, token_column + width)
        and is_tag_column(count_values(regular, column), least)
    )


def is_columns(lines: Sequence[str], options: ReadOptions) -> bool:
    """Returns whether any column looks like tags, even if it is not read.

    If a named column has no tags or does not exist, that is then an error,
    rather than each row becoming a text.

    Args:
        lines: Lines at the start of a file.
        options: Options, for the column of words.
    """
    _, sentences = choose_splitter(lines, options)
    width = most_common_width(sentences)
    if width < 2:
        return False
    if is_conllu(sentences):
        return True
    # "Vitamin B-12" alone on its line is a text.
    if sum(map(len, sentences)) < 2 and not any("\t" in line for line in lines):
        return False
    if tag_like_columns(sentences, token_column=options.token_column):
        return True
    if _is_ragged(sentences, options):
        return True
    rows = [row for rows in sentences for row in rows]
    regular = [row for row in rows if len(row) == width]
    if len(regular) < _MIN_REGULAR * len(rows):
        return False
    if options.tag_scheme in (TagScheme.IO, TagScheme.SUFFIX):
        return True  # who names such a scheme has columns
    return bool(strange_tags(count_values(regular, width - 1)))


def count_values(
    rows: Collection[Sequence[str]], column: int
) -> collections.Counter[str]:
    """Counts the values of a column."""
    return collections.Counter(row[column] for row in rows)


def _is_ragged(sentences: Rows, options: ReadOptions) -> bool:
    """Returns whether rows have tags after the word, but not equally many."""
    if options.token_column != 0:
        return False
    rows = [row for rows in sentences for row in rows]
    widths = {len(row) for row in rows}
    return (
        len(widths) > 1
        and min(widths) > 1
        and all(all(map(PLAIN.fits, row[1:])) for row in rows)
    )


def _fill_optional_last(sentences: list[list[list[str]]]) -> bool:
    """Adds the last column where it is left out; returns whether it is.

    Only a column that says whether a space follows may be.
    """
    rows = [row for rows in sentences for row in rows]
    widths = sorted({len(row) for row in rows})
    if len(widths) != 2 or widths[0] < 2 or widths[1] != widths[0] + 1:
        return False
    longer = [row for row in rows if len(row) == widths[1]]
    if not all(
        "=" in row[-1] and _SPACE_AFTER.fullmatch(row[-1]) for row in longer
    ):
        return False
    for row in rows:
        if len(row) == widths[0]:
            row.append("")
    return True
