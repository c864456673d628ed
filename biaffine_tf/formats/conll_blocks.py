"""Sentences of a CoNLL file as rows, and rows as columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

from biaffine_tf.formats.conll_layout import Layout
from biaffine_tf.formats.conll_rows import DOCSTART, IMAGE, is_range
from biaffine_tf.formats.lines import Line, Place, Source, decode
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.tags import OUTSIDE

_SPACE = b" \t\r"
_LAST_SPACE = 32  # bytes up to it may be white space
_HYPHEN = DOCSTART[0]
_MAY_BE_COMMENT = b"#" + IMAGE[:1]
_NAMED = re.compile(r"#\s*(sent_id|newdoc(?: id)?)\s*(?:=\s*(.*\S)\s*)?")
# Rows of a sentence, its id and its document.
Block = tuple[list[Line], str | None, str | None]


def read_blocks(
    source: Source, layout: Layout, problems: Problems
) -> Iterator[Block]:
    """Yields the rows of each sentence, with its id and its document.

    These are of CoNLL-U's comments; a document is else numbered by -DOCSTART-.
    Other comments, headers and documents are counted.
    """
    rows: list[Line] = []
    sentence_id = document = None
    documents = 0
    has_header = layout.has_header
    for line in source.lines():
        data = line.data
        if not data or (data[0] <= _LAST_SPACE and not data.strip(_SPACE)):
            if data:
                problems.count(
                    "separator line that holds white space",
                    str(source.place(line.number)),
                )
            if rows:
                yield rows, sentence_id, document
                rows, sentence_id = [], None
        elif data[0] == _HYPHEN and data.startswith(DOCSTART):
            if rows:
                yield rows, sentence_id, document
                rows, sentence_id = [], None
            documents += 1
            document = str(documents)
            problems.count(
                "-DOCSTART- line passed over", str(source.place(line.number))
            )
        elif rows:
            rows.append(line)
        elif has_header:
            has_header = False
            problems.count(
                "row of column names passed over",
                str(source.place(line.number)),
            )
        elif data[0] in _MAY_BE_COMMENT and _is_comment(line, layout):
            named = _NAMED.fullmatch(data.decode("utf-8", errors="replace"))
            if named and named[1] == "sent_id":
                sentence_id = named[2]
            elif named:
                document = named[2]
            else:
                problems.count(
                    "comment line passed over"
                    if data[0] != IMAGE[0]
                    else "IMGID line passed over",
                    str(source.place(line.number)),
                )
        else:
            rows.append(line)
    if rows:
        yield rows, sentence_id, document


def _is_comment(line: Line, layout: Layout) -> bool:
    return layout.is_comment(line.data.decode("utf-8", errors="replace"))


def divide(
    rows: list[Line], layout: Layout, file: str, problems: Problems
) -> tuple[list[Line], list[list[str]]]:
    """Divides the rows of a sentence into columns.

    Args:
        rows: Rows of the sentence.
        layout: Layout of the file.
        file: Name of the file, for messages.
        problems: Counts ranges such as 2-3, and layers that are left out.

    Returns:
        The rows that hold words, and their columns.

    Raises:
        DataError: If a row has another number of columns, or none has a word.
    """
    split, width = layout.splitter.split, layout.width
    divided = [split(decode(row, file)) for row in rows]
    for row, fields in zip(rows, divided, strict=True):
        if len(fields) == width or layout.is_ragged:
            continue
        if not (layout.has_optional_last and len(fields) == width - 1):
            raise layout.width_error(fields, Place(file, row.number))
        fields.append("")
    if layout.counts_words:
        rows, divided = _without_ranges(rows, divided, file, problems)
    if layout.is_ragged:
        _fill_layers(rows, divided, layout, file, problems)
    return rows, divided


def _without_ranges(
    rows: list[Line], divided: list[list[str]], file: str, problems: Problems
) -> tuple[list[Line], list[list[str]]]:
    """Leaves out CoNLL-U's rows of several words, and of none."""
    kept = []
    for row, fields in zip(rows, divided, strict=True):
        if is_range(fields[0]):
            problems.count(
                "range or empty node of CoNLL-U passed over",
                f"{file}:{row.number}: {fields[0]}",
            )
        else:
            kept.append((row, fields))
    if not kept:
        raise Place(file, rows[0].number).error("the sentence has no word")
    return [row for row, _ in kept], [fields for _, fields in kept]


def _fill_layers(
    rows: list[Line],
    divided: list[list[str]],
    layout: Layout,
    file: str,
    problems: Problems,
) -> None:
    """Fills layers up that rows leave out at their end."""
    width = max(map(len, divided))
    for row, fields in zip(rows, divided, strict=True):
        if len(fields) < 2:
            raise layout.width_error(fields, Place(file, row.number))
        if len(fields) < width:
            problems.count(
                "row that leaves out layers of tags: they are O",
                f"{file}:{row.number}",
            )
            fields += [OUTSIDE] * (width - len(fields))
