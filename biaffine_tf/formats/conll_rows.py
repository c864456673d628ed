"""Rows of columns: how lines are divided, and which lines are no rows."""

from __future__ import annotations

import collections
import csv
import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from biaffine_tf.formats.tags import OUTSIDE, looks_like_tag

DOCSTART = b"-DOCSTART-"
COMMENT = "#"
IMAGE = b"IMGID:"
_SPACES = re.compile(" +")
_TABS = re.compile("\t+")
_NO_BREAK = re.compile("[ \t]*\u00a0[ \t\u00a0]*")
_IDEOGRAPHIC = re.compile("[ \t]*\u3000[ \t\u3000]*")
_GLOBAL_COLUMNS = re.compile(r"#\s*global\.columns\s*=\s*(.*\S)")
CONLLU_WIDTH = 10
_NER_KEY = re.compile(r"(?:^|\|)(?:NER|NE)=([^|]+)")
_END = "\t \r"
_FIRST = ("0", "1")  # number of the first word of a sentence

Rows = Sequence[Sequence[Sequence[str]]]  # sentences, rows, columns


class Splitter(NamedTuple):
    """Way of dividing lines into columns.

    Attributes:
        name: Separator in messages.
        mark: The separator.
        split: Function of a line to its columns.
    """

    name: str
    mark: str
    split: Callable[[str], list[str]]


def split_row(line: str) -> list[str]:
    """Splits a row into columns.

    Only tabs and spaces separate: `str.split()` would drop a word that is
    U+3000. A space at the start of a row is a word itself.
    """
    line = line.rstrip(_END)
    if "\t" in line:
        return line.split("\t")
    if line.startswith(" "):
        return [" ", *_SPACES.split(line.lstrip(" "))]
    return _SPACES.split(line)


def _split_aligned(line: str) -> list[str]:
    return _TABS.split(line.rstrip(_END))


def _split_at(pattern: re.Pattern[str]) -> Callable[[str], list[str]]:
    return lambda line: pattern.split(line.rstrip(_END))


def _split_fields(mark: str) -> Callable[[str], list[str]]:
    def split(line: str) -> list[str]:
        line = line.rstrip(_END)
        if line.startswith(mark + mark):  # the token is it, without quotes
            return [mark, *split(line[2:])]
        try:
            (fields,) = csv.reader([line], delimiter=mark)
        except (csv.Error, ValueError):
            return line.split(mark)
        return fields

    return split


def _split_conllu(line: str) -> list[str]:
    """Splits a row of CoNLL-U; the tag in MISC becomes a column of its own."""
    fields = split_row(line)
    if len(fields) == CONLLU_WIDTH:
        found = _NER_KEY.search(fields[-1])
        fields.append(found[1] if found else OUTSIDE)
    return fields


STANDARD = Splitter("tabs or spaces", "\t", split_row)
ALIGNED = Splitter("several tabs", "\t", _split_aligned)
SPACES = (
    Splitter("no-break spaces (U+00A0)", "\u00a0", _split_at(_NO_BREAK)),
    Splitter("ideographic spaces (U+3000)", "\u3000", _split_at(_IDEOGRAPHIC)),
)
CONLLU = Splitter("tabs, with NER=TAG of MISC", "\t", _split_conllu)
MARKS = (
    Splitter("commas", ",", _split_fields(",")),
    Splitter("semicolons", ";", _split_fields(";")),
)


def sample_rows(
    lines: Sequence[str], split: Callable[[str], list[str]] = split_row
) -> list[list[list[str]]]:
    """Splits lines into sentences, rows and columns.

    Comments, and lines of documents and images, are left out. A line before a
    sentence that begins with "#" and has tags is a row.
    """
    sentences: list[list[list[str]]] = [[]]
    docstart, image = DOCSTART.decode(), IMAGE.decode()
    doubtful: list[tuple[int, list[str]]] = []
    for line in lines:
        if not line.strip(_END) or line.startswith(docstart):
            sentences.append([])
        elif sentences[-1] or not line.startswith((COMMENT, image)):
            sentences[-1].append(split(line))
        else:
            doubtful.append((len(sentences) - 1, split(line)))
    if not any(sentences):
        return [[row] for _, row in doubtful]
    width = most_common_width(sentences)
    if width > 2 and all(rows[0][0] in _FIRST for rows in sentences if rows):
        doubtful = []  # rows are numbered
    for index, row in reversed(doubtful):
        if len(row) == width > 1 and any(map(looks_like_tag, row[1:])):
            sentences[index].insert(0, row)
    return [rows for rows in sentences if rows]


def most_common_width(sentences: Rows) -> int:
    """Returns the most common number of columns; 1 if there are no rows."""
    widths = collections.Counter(len(row) for rows in sentences for row in rows)
    return widths.most_common(1)[0][0] if widths else 1


def is_regular(lines: Sequence[str]) -> bool:
    """Returns whether all rows have equally many columns, two at least."""
    sentences = sample_rows(lines)
    widths = {len(row) for rows in sentences for row in rows}
    return len(widths) == 1 and min(widths) > 1


def column_names(lines: Sequence[str]) -> list[str]:
    """Returns the names of columns that CoNLL-U Plus gives; else nothing."""
    for line in lines[:20]:
        if not line.startswith(COMMENT):
            break
        if match := _GLOBAL_COLUMNS.match(line):
            return match[1].split()
    return []


def is_aligned(lines: Sequence[str], sentences: Rows) -> bool:
    """Returns whether columns are regular only if several tabs are one."""
    if not any("\t\t" in line for line in lines):
        return False
    if len({len(row) for rows in sentences for row in rows}) == 1:
        return False
    aligned = sample_rows(lines, _split_aligned)
    return len({len(row) for rows in aligned for row in rows}) == 1


def counts_words(sentences: Rows) -> bool:
    """Returns whether the first column counts the words of each sentence."""
    rows = [row for rows in sentences for row in rows]
    if len(rows) < 3 or min(map(len, rows)) < 3:
        return False
    whole = [*sentences[:-1], sentences[-1][:-1]]  # the end may be cut off
    return max(map(len, whole)) > 1 and all(
        [row[0] for row in rows if not is_range(row[0])]
        in (_numbers(0, rows), _numbers(1, rows))
        for rows in whole
    )


def is_conllu(sentences: Rows) -> bool:
    """Returns whether rows are those of CoNLL-U, which has no tag column."""
    return (
        len(sentences) > 0
        and len(sentences[0][0]) == CONLLU_WIDTH  # else all the rest is slow
        and most_common_width(sentences) == CONLLU_WIDTH
        and counts_words(sentences)
    )


def has_misc_tags(sentences: Rows) -> bool:
    """Returns whether MISC of CoNLL-U holds tags, NER=B-PER."""
    return any(
        len(row) == CONLLU_WIDTH and _NER_KEY.search(row[-1])
        for rows in sentences
        for row in rows
    )


def _numbers(first: int, rows: Collection[Sequence[str]]) -> list[str]:
    words = sum(not is_range(row[0]) for row in rows)
    return list(map(str, range(first, first + words)))


def is_range(number: str) -> bool:
    """Returns whether an id is CoNLL-U's 2-3, or an empty node's 8.1."""
    return re.fullmatch(r"\d+[-.]\d+", number) is not None
