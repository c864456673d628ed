"""CoNLL columns: a word and its tags per line, blank lines between sentences.

Columns are separated by a tab or by spaces. Properties of the whole file
(separators, columns, joining, scheme, segmentation digits) are detected from
its head. Comments, `# ...` before a sentence, and ranges of CoNLL-U are counted
and passed over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.formats import tags as tag_schemes
from biaffine_tf.formats.conll_blocks import Block, divide, read_blocks
from biaffine_tf.formats.conll_columns import is_columns
from biaffine_tf.formats.conll_layout import Layout
from biaffine_tf.formats.dialects import PLAIN, Dialect
from biaffine_tf.formats.joining import join_words
from biaffine_tf.formats.layers import assign_layers, snap_to_tokens
from biaffine_tf.formats.lines import (
    Line,
    Place,
    Source,
    shorten,
)
from biaffine_tf.formats.misc_spaces import join_by_misc
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.strict_tags import decode_strict
from biaffine_tf.spans import Sentence, Span

_SEVERAL = "several columns look like tags, and --tag_columns is not given"
_BREAKS = str.maketrans("\t\r\n\0", "    ")


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of a file of columns.

    A file with one column is unlabelled.
    """
    layout = Layout.from_head(source.head_lines, options, source.place(1))
    is_open = options.tag_columns is None and not options.ignore_labels
    if is_open and set(layout.tag_like) - set(layout.tag_columns):
        problems.count(_SEVERAL, f"{source.file}: {_columns(layout)}")
    for note in layout.notes:
        problems.count(note, source.file)
    if layout.strict_tags and layout.tag_columns:
        problems.count(
            f"file whose tags are read strictly as {layout.strict_scheme} "
            "(--tag_scheme names another scheme)",
            source.file,
        )

    def parse(block: Block) -> Sentence:
        rows, sentence_id, document = block
        sentence = _sentence(rows, layout, source.file, problems)
        if sentence_id is None and document is None:
            return sentence
        return dataclasses.replace(sentence, id=sentence_id, document=document)

    def data_of(block: Block) -> bytes:
        return b"\n".join(row.data for row in block[0])

    return parse_each(
        read_blocks(source, layout, problems),
        parse,
        options.on_bad_data,
        problems,
        data_of,
    )


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes sentences as blocks of lines with columns separated by tabs.

    The words are those of the sentence, or else its characters. Unlabelled
    sentences get O tags, since all lines have the same columns.
    """
    for position, sentence in enumerate(sentences):
        place = f"sentence {position}"
        if not sentence.text:
            problems.count("sentence without characters not written", place)
            continue
        ranges = sentence.words or _characters(sentence.text)
        placed = snap_to_tokens(sentence.spans or (), ranges, problems, place)
        columns = [
            tag_schemes.encode(layer, len(ranges), options.scheme)
            for layer in assign_layers(placed, options.layers, problems, place)
        ]
        tokens = _writable_tokens(sentence.text, ranges, problems, place)
        rows = zip(tokens, *columns, strict=True)
        block = "".join("\t".join(row) + "\n" for row in rows) + "\n"
        if position == 0 and block.startswith("\ufeff"):
            block = "\ufeff" + block  # readers remove the first one
        yield block


def _sentence(
    rows: list[Line], layout: Layout, file: str, problems: Problems
) -> Sentence:
    rows, divided = divide(rows, layout, file, problems)
    indices: Sequence[int] = layout.tag_columns
    if layout.is_ragged and indices:
        indices = range(1, len(divided[0]))
    tokens = [fields[layout.token_column] for fields in divided]
    if layout.strip_digits or "" in tokens:
        tokens = [
            _token(fields, layout, file, row.number)
            for row, fields in zip(rows, divided, strict=True)
        ]
    columns = [[fields[index] for fields in divided] for index in indices]
    if layout.strip_digits:
        problems.count(
            "segmentation digit removed from a token",
            f"{file}:{rows[0].number}",
            len(tokens),
        )
    if layout.space_column is None:
        text, ranges = join_words(tokens, layout.separator)
    else:
        misc = [one[layout.space_column] for one in divided]
        text, ranges = join_by_misc(tokens, misc)
    spans = None
    if columns:
        dialects = {index: dialect for index, dialect in layout.known_tags}
        spans = tuple(
            Span(ranges[first][0], ranges[last - 1][1], label)
            for index, column in zip(indices, columns, strict=True)
            for first, last, label in _decode(
                column,
                dialects.get(index, PLAIN),
                rows,
                layout,
                file,
                problems,
            )
        )
    return Sentence(text, spans, None, ranges, file, rows[0].number)


def _token(fields: list[str], layout: Layout, file: str, line: int) -> str:
    token = fields[layout.token_column]
    if layout.strip_digits:
        if len(token) < 2 or token[-1] not in "0123456789":
            raise Place(file, line).error(
                f"the token {shorten(token)} has no segmentation digit, "
                "unlike those at the start of the file",
                "correct it or pass --segmentation_digit=keep",
            )
        token = token[:-1]
    if not token:
        raise Place(file, line).error(
            f"the token is empty; received the columns {shorten(fields)}"
        )
    return token


def _decode(
    column: list[str],
    dialect: Dialect,
    rows: list[Line],
    layout: Layout,
    file: str,
    problems: Problems,
) -> Sequence[tag_schemes.WordSpan]:
    def report(kind: str, index: int) -> None:
        problems.count(kind, f"{file}:{rows[index].number}: {column[index]}")

    tags = column
    if dialect is not PLAIN:
        tags = [dialect.normalise(tag) for tag in column]
    try:
        spans = tag_schemes.decode(
            tags,
            layout.scheme,
            None if layout.strict_tags else report,
            layout.guessed_scheme,
        )
        if not layout.strict_tags:
            return spans
        strict = decode_strict(tags, layout.strict_scheme)
    except tag_schemes.TagError as error:
        remedy = layout.tag_remedy or f"correct the tag, or {_named(layout)}"
        raise DataError(
            _tag_problem(error, column, dialect),
            file=file,
            line=rows[error.index].number,
            remedy=f"{remedy}, or pass "
            + ("--tag_scheme or " if layout.strict_tags else "")
            + "--on_bad_data=skip",
        ) from None
    for span in sorted(set(spans) - set(strict)):
        problems.count(
            f"span of malformed {layout.strict_scheme} tags left out",
            f"{file}:{rows[span.start].number}: {column[span.start]}",
        )
    return strict


def _tag_problem(
    error: tag_schemes.TagError, column: Sequence[str], dialect: Dialect
) -> str:
    if dialect is PLAIN:
        return str(error)
    if dialect.bare:
        expected = "is no bare label, as --tag_scheme=io says"
    else:
        expected = f"is not spelt like the others: {dialect}"
    return f"the tag {column[error.index]!r} {expected}"


def _named(layout: Layout) -> str:
    """Returns the remedy that names the columns that look like tags."""
    others = set(layout.tag_like) - set(layout.tag_columns)
    if not others:
        return "name the tag column with --tag_columns"
    columns = ",".join(map(str, sorted(others)))
    return (
        f"pass --tag_columns={columns}, where tags seem to be, or --format=text"
    )


def _columns(layout: Layout) -> str:
    """Describes the columns that look like tags and those that are read."""
    every = ",".join(map(str, layout.tag_like))
    read = ", ".join(map(str, layout.tag_columns))
    return (
        f"columns {every.replace(',', ', ')} look like tags, column {read} is "
        f"read; --tag_columns={every} reads all of them as layers"
    )


def _characters(text: str) -> tuple[tuple[int, int], ...]:
    return tuple((index, index + 1) for index in range(len(text)))


def _writable_tokens(
    text: str,
    ranges: Sequence[tuple[int, int]],
    problems: Problems,
    place: str,
) -> list[str]:
    tokens = []
    for start, end in ranges:
        token = text[start:end]
        written = token.translate(_BREAKS)
        if written != token:
            problems.count(
                "tab, line break or NUL in a token written as a space",
                f"{place}, character {start}",
            )
        tokens.append(written)
    return tokens


def describe(source: Source, options: ReadOptions) -> str:
    """Describes the columns, tags and joining that are chosen for a file."""
    place = source.place(1)
    return Layout.from_head(source.head_lines, options, place).describe()


FORMAT = Format(
    "conll",
    full_name="CoNLL",
    suffix=".conll",
    recognises=lambda source, options: is_columns(source.head_lines, options),
    read=read,
    write=write,
    ids=False,
    documents=False,
    describe=describe,
    layers=True,
    unlabelled=False,
)
