"""Tables with a column of texts, for prediction: CSV, TSV and Excel.

The first row names the columns. Other columns are kept as extra keys. Excel
needs openpyxl; its first sheet is read.
"""

from __future__ import annotations

import csv as csv_module
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from biaffine_tf.errors import DataError
from biaffine_tf.formats.lines import (
    HEAD_BYTES,
    Source,
    check_encodable,
    decode,
    shorten,
)
from biaffine_tf.formats.optional import binary_file, require
from biaffine_tf.formats.options import ReadOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.refusals import is_named_table
from biaffine_tf.formats.registry import Format
from biaffine_tf.spans import Sentence

_TEXTS = (
    "text",
    "sentence",
    "content",
    "texts",
    "body",
    "文本",
    "内容",
    "句子",
)
_SEPARATORS = ",\t;"
_SHEET = re.compile(rb"xl/|\[Content_Types\]\.xml")

Row = tuple[int, list[str]]


def read_csv(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the texts of a CSV file; rows may span lines in quotes."""

    def lines() -> Iterator[str]:
        for line in source.lines():
            yield decode(line, source.file) + "\n"

    first = source.head_lines[0] if source.head_lines else ""
    reader = csv_module.reader(
        lines(), delimiter=_separator(first), strict=True
    )

    def rows() -> Iterator[Row]:
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv_module.Error as error:
                raise source.place(line).error(
                    f"the table is broken here ({error})",
                    "close its quotes, or write it as JSON lines",
                ) from None
            if row is None:
                return
            yield line, row

    return _sentences(rows(), source, options, problems)


def read_excel(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the texts of the first sheet of an Excel file."""
    openpyxl = require("openpyxl", "openpyxl", "an Excel file")
    try:
        book = openpyxl.load_workbook(
            binary_file(source), read_only=True, data_only=True
        )
        sheet, *others = book.worksheets
    except Exception as error:  # differs by what is broken
        raise source.place().error(
            f"is no Excel file that can be read ({error})", "save it as CSV"
        ) from None

    for other in others:
        problems.count(
            "sheet of an Excel file not read: the first one alone is",
            f"{source.file}: {other.title}",
        )

    def rows() -> Iterator[Row]:
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            yield number, ["" if cell is None else str(cell) for cell in row]

    return _sentences(rows(), source, options, problems)


def _sentences(
    rows: Iterator[Row],
    source: Source,
    options: ReadOptions,
    problems: Problems,
) -> Iterator[Sentence]:
    header = next((row for _, row in rows if any(map(str.strip, row))), None)
    if header is None:
        return iter(())
    column = _text_column(header, options, source)
    names = _key_names(header, column)

    def parse(unit: Row) -> Sentence:
        line, row = unit
        place = source.place(line)
        if len(row) <= column:
            raise place.error(
                f"{len(row)} columns, and the text is in column {column + 1}",
                "give every row a text, or pass --on_bad_data=skip",
            )
        text = check_encodable(row[column], place, "the text")
        others = {
            name: value
            for name, value in zip(names, row, strict=False)
            if name is not None
        }
        unnamed = [
            value
            for index, value in enumerate(row)
            if value and index != column
            if index >= len(names) or names[index] is None
        ]
        if unnamed:
            problems.count(
                "cell not kept: its column has no name of its own",
                f"{place}: {shorten(unnamed[0])}",
                len(unnamed),
            )
        key = others.pop("id", None)
        return Sentence(
            text, None, key, file=source.file, line=line, extra=others or None
        )

    return parse_each(
        _filled(rows, column, source, problems),
        parse,
        options.on_bad_data,
        problems,
        lambda unit: repr(unit[1]).encode("utf-8", "backslashreplace"),
    )


def _key_names(header: Sequence[str], column: int) -> list[str | None]:
    """Returns the key of each column; None for the texts and without one."""
    names: list[str | None] = []
    for index, name in enumerate(header):
        is_key = index != column and name and name not in names
        names.append(name if is_key else None)
    return names


def _filled(
    rows: Iterable[Row], column: int, source: Source, problems: Problems
) -> Iterator[Row]:
    for line, row in rows:
        if any(row) and (len(row) <= column or row[column].strip()):
            yield line, row
        else:
            problems.count(
                "row without a text passed over", f"{source.file}:{line}"
            )


def _text_column(
    header: Sequence[str], options: ReadOptions, source: Source
) -> int:
    names = [name.strip().removeprefix("\ufeff") for name in header]
    if options.text_column is not None:
        if options.text_column in names:
            return names.index(options.text_column)
        problem = f"there is no column {options.text_column!r}"
    else:
        for wanted in _TEXTS:
            for index, name in enumerate(names):
                if name.casefold() == wanted:
                    return index
        problem = "no column is named text, sentence or content"
    raise source.place(1).error(
        f"{problem}; the columns are {', '.join(map(repr, names)) or 'none'}",
        "name the column of the texts: --text_column=NAME",
    )


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def no_table(source: Source, options: ReadOptions) -> DataError:
    """Makes the error for a file without the column of --text_column."""
    first = source.head_lines[:1] if source.foreign is None else []
    shown = f"; its first line is {shorten(first[0])}" if first else ""
    return source.place(1).error(
        f"--text_column={options.text_column} is given, and the file is no "
        f"CSV or Excel table with this column{shown}",
        "give the name of one of its columns, or leave out --text_column if "
        "it is no table",
    )


def _is_csv(source: Source, options: ReadOptions) -> bool:
    """Returns whether a file is a table whose first row names a text column.

    Prose may begin with "Text, ...": all rows of a table have as many columns.
    """
    lines = source.head_lines
    separator = _separator(lines[0]) if lines else ","
    try:
        rows = list(csv_module.reader(lines, delimiter=separator))
    except csv_module.Error:
        return False
    names = [name.strip() for name in rows[0]] if rows else []
    if options.text_column is not None:
        return options.text_column in names
    found = any(name.casefold() in _TEXTS for name in names)
    if len(source.head) >= HEAD_BYTES:
        rows.pop()  # may be incomplete
    widths = {len(row) for row in rows if row}
    is_named = is_named_table(source.file)
    is_table = widths == {len(names)} and len(names) > 1 and len(rows) > 1
    return found and (is_named or is_table)


def _read_only(name: str, **settings: Any) -> Format:
    return Format(name, spans=False, keys=True, table=True, **settings)


CSV = _read_only(
    "csv", full_name="CSV", suffix=".csv", recognises=_is_csv, read=read_csv
)
EXCEL = _read_only(
    "excel",
    full_name="Excel",
    suffix=".xlsx",
    recognises=lambda source, options: source.head.startswith(b"PK\x03\x04")
    and _SHEET.search(source.head) is not None,
    read=read_excel,
    binary=True,
    package="openpyxl",
)
