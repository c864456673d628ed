"""Files that would be read as plain text, but are annotations or data.

Every line of such a file would become a text, and be predicted on. Text is
refused only if nearly all of the head is of another kind: a line that looks
like it may stand in any text.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.formats.lines import HEAD_BYTES, Source, shorten

# Minimum fraction of the head's lines, or characters, of the other kind.
_MOST = 0.75
_MIN_ROWS = 6
_MIN_TABLE = 5  # rows of a table whose names are not known
_MAX_COLUMNS = 12  # that messages show
_LITERAL = re.compile(
    r"""(?P<open>[\[{(])|(?P<close>[\]})])|(?P<mark>[,:])
    |(?P<string>[uUbBrR]?"(?:[^"\\\n]|\\.)*"|[uUbBrR]?'(?:[^'\\\n]|\\.)*')
    |(?P<name>-?\d[\d.eE+-]*|true|false|null|True|False|None)""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\s*=\s*(?=[\[{(])")
_STANDOFF = re.compile(
    r"T\d+\t\S+ \d+ \d+(?:;\d+ \d+)*(?:\t|$)|[REAMN]\d+\t\S+ |#\d*\t|\*\t\S+ "
)
_MARKUP = re.compile(r"\s*<(?:\?xml|!DOCTYPE)\b", re.IGNORECASE)
_HEADER_NAMES = frozenset(
    (
        "text",
        "sentence",
        "sentences",
        "token",
        "tokens",
        "word",
        "words",
        "tag",
        "tags",
        "ner",
        "ner_tag",
        "ner_tags",
        "label",
        "labels",
        "entity",
        "entities",
        "start",
        "end",
        "start_offset",
        "end_offset",
        "pos",
        "content",
        "document",
        "spans",
        "annotation",
        "annotations",
    )
)
# Names of columns; sentences in scripts without spaces are as short as these.
_COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ .#-]{0,20}|\w{1,8}")
_TABLE_NAME = re.compile(r"(?i)\.[ct]sv(\.(gz|xz|bz2|zst))?$")
_HEADER_NAME = re.compile(r"\w[\w .#-]{0,30}")
_QUOTED = re.compile(r'"(?:[^"]|"")*"(?:,(?:"(?:[^"]|"")*"|[^",\s][^",]*|))+')

_GO_ON = "or pass --format=text to read each line as a text"


def check_is_text(source: Source) -> None:
    """Checks that a file without a known format is plain text.

    Args:
        source: The open file.

    Raises:
        DataError: If it is JSON, Python, brat's stand-off, a table or XML.
    """
    lines = [line for line in source.head_lines if line.strip()]
    if not lines:
        return
    for found in (_literals, _standoff, _comma_separated, _tabular, _markup):
        if error := found(source, lines):
            raise error


def _literals(source: Source, lines: Sequence[str]) -> DataError | None:
    text = "\n".join(lines)
    if _literal_share(text) < _MOST:
        return None
    first = lines[0].strip()
    is_python = "'" in first or first[0] == "(" or _ASSIGNED.match(first)
    kind = "Python literals" if is_python else "JSON"
    return source.place(1).error(
        f"the file looks like {kind}, but not like JSON objects with a 'text'",
        "write each sentence as a JSON object with 'text' and 'spans' "
        f"(json.dumps), one a line, {_GO_ON}",
    )


def _literal_share(text: str) -> float:
    """Returns the fraction of a text that is literals in brackets.

    A literal holds a string, is more than a quoted remark in brackets, and
    ends its line; one that the end of the text cuts off counts, too.
    """
    if text.lstrip()[:1] not in "[{(" and not _ASSIGNED.match(text):
        return 0.0
    covered = missed = position = 0
    while position < len(text):
        begin = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if assigned := _ASSIGNED.match(text, begin):
            begin = assigned.end()
        end = _end_of_literal(text, begin)
        if end is None:
            newline = text.find("\n", begin)
            end = len(text) if newline < 0 else newline + 1
            missed += end - position
            if missed > (1 - _MOST) * len(text):
                return 0.0
            position = end
            continue
        covered += end - position
        position = end
    return covered / len(text)


def _end_of_literal(text: str, begin: int) -> int | None:
    """Returns the position after a literal in brackets; None if none is."""
    depth = strings = marks = 0
    position = begin
    while position < len(text):
        match = _LITERAL.match(text, position)
        if match is None:
            # The head may end within a string.
            cut = text[position] in "\"'" and text.find("\n", position) < 0
            is_long = len(text) > HEAD_BYTES // 4
            return len(text) if cut and (marks or is_long) else None
        kind = match.lastgroup
        depth += (kind == "open") - (kind == "close")
        strings += kind == "string"
        marks += kind == "mark" or (kind == "open" and depth > 1)
        position = match.end()
        if depth <= 0:
            break
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
    if depth > 0:
        return len(text) if marks > 1 and strings else None
    after = re.compile(r"[ \t]*,?[ \t]*(?:\n|$)").match(text, position)
    if after is None or not strings or text[begin] not in "[{(":
        return None
    is_remark = text[begin] == "(" and not marks
    return None if is_remark else after.end()


def _standoff(source: Source, lines: Sequence[str]) -> DataError | None:
    matching = sum(_STANDOFF.match(line) is not None for line in lines)
    spans = any(line[:1] == "T" and _STANDOFF.match(line) for line in lines)
    if not spans or matching < _MOST * len(lines):
        return None
    return source.place(1).error(
        "the file looks like brat's stand-off annotation (.ann), which holds "
        "no text",
        f"keep it beside its text in a .txt file of the same name, {_GO_ON}",
    )


def is_named_table(file: str) -> bool:
    """Returns whether the name of a file is that of a CSV or TSV file."""
    return _TABLE_NAME.search(file) is not None


def _comma_separated(source: Source, lines: Sequence[str]) -> DataError | None:
    named = is_named_table(source.file)
    for separator, name in ((",", "comma"), (";", "semicolon"), ("\t", "tab")):
        header = [one.strip().strip('"') for one in lines[0].split(separator)]
        known = [one for one in header if one.lower() in _HEADER_NAMES]
        is_header = (
            len(header) > 1
            and known
            and len(known) + 1 >= len(header) / 2
            and all(map(_HEADER_NAME.fullmatch, header))
            and _is_table(lines[:50], separator, len(header))
        )
        if (
            is_header
            or _are_quoted(lines, separator)
            or _is_regular(lines, separator)
            or (named and len(header) > 1)
        ):
            return _table_error(source, f"separated by {name}s (CSV)", header)
    if named:
        return _table_error(source, "of one column", [lines[0]])
    return None


def _table_error(source: Source, kind: str, header: Sequence[str]) -> DataError:
    columns = ", ".join(shorten(one) for one in header[:_MAX_COLUMNS])
    if len(header) > _MAX_COLUMNS:
        columns += ", ..."
    return source.place(1).error(
        f"the file looks like a table {kind} whose column of texts is not "
        f"known; the first line is {columns}",
        "to predict on its texts, name their column: --text_column=NAME; "
        "for labels, save JSON objects with 'text' and 'spans', or columns "
        f"with a tab and blank lines, {_GO_ON}",
    )


def _is_table(lines: Sequence[str], separator: str, width: int) -> bool:
    if len(lines) < 2:
        return False
    try:
        rows = list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return False
    regular = sum(len(row) == width for row in rows)
    return regular >= _MOST * len(rows)


def _is_regular(lines: Sequence[str], separator: str) -> bool:
    """Returns whether all rows have as many fields, under short names.

    Prose has a space after its commas and semicolons.
    """
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):  # the last row may be incomplete
        for row in csv.reader(lines, delimiter=separator, strict=True):
            rows.append(row)
    names = rows[0] if rows else []
    if len(rows) < _MIN_TABLE or len(names) < 2 or len({*names}) < len(names):
        return False
    return all(map(_COLUMN_NAME.fullmatch, names)) and all(
        len(row) == len(names) and not any(one[:1] == " " for one in row)
        for row in rows
    )


def _are_quoted(lines: Sequence[str], separator: str) -> bool:
    """Returns whether lines are fields, the first one in quotes."""
    if separator != "," or len(lines) < 2:
        return False
    matching = sum(
        _QUOTED.fullmatch(line.strip()) is not None for line in lines
    )
    return matching >= _MOST * len(lines)


def _tabular(source: Source, lines: Sequence[str]) -> DataError | None:
    """Refuses tabs in all lines, and a column of few values in some."""
    rows = [line.rstrip("\t").split("\t") for line in lines]
    width = len(rows[0])
    if width < 2 or len(rows) < _MIN_ROWS or any(len(r) != width for r in rows):
        return None
    most = max(2, len(rows) / 4)
    columns = list(zip(*rows, strict=True))
    few = [i for i in range(width) if len(set(columns[i])) <= most]
    if not few:
        return None
    shown = ", ".join(sorted(set(columns[few[-1]]))[:3])
    return source.place(1).error(
        f"the file looks like {width} columns divided by tabs, but none with "
        f"tags that are known: column {few[-1]} holds {shown[:60]}",
        "pass --format=conll with --token_column, --tag_columns and "
        f"--tag_scheme, {_GO_ON}",
    )


def _markup(source: Source, lines: Sequence[str]) -> DataError | None:
    if not _MARKUP.match(lines[0]):
        return None
    return source.place(1).error(
        "the file is XML or HTML, which is not read",
        f"save its text, or JSON objects with 'text' and 'spans', {_GO_ON}",
    )
