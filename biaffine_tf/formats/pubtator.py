r"""PubTator: titles and abstracts with mentions, half-open, in characters.

    10001|t|Title
    10001|a|Abstract
    10001\t0\t5\tTitle\tDisease\tD000001

A blank line ends a document. Its text is the title, a space and the abstract,
or the title alone if there is no abstract. Relations are counted and left.

Reference: Wei et al. 2013, https://www.ncbi.nlm.nih.gov/research/pubtator3/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from biaffine_tf.formats.annotated_json import make_span
from biaffine_tf.formats.line_text import one_line
from biaffine_tf.formats.lines import Line, Source, decode, shorten
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.spans import Sentence, Span

_TEXT = re.compile(r"([^|\t]*)\|([ta])\|(.*)", re.DOTALL)
_MENTION_COLUMNS = 5  # id, start, end, mention, type; an identifier may follow
_BREAKS = re.compile(r"[\t\r\n|]")


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the documents of a PubTator file as sentences."""

    def parse(block: list[Line]) -> Sentence:
        return _document(block, source, options, problems)

    return parse_each(
        _blocks(source),
        parse,
        options.on_bad_data,
        problems,
        lambda block: b"\n".join(line.data for line in block),
    )


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes each text as a title; a sentence without an id is numbered."""
    for number, sentence in enumerate(sentences, options.first_number):
        place = f"sentence {number}"
        text = one_line(sentence.text, problems, place)
        key = str(number) if sentence.id is None else sentence.id
        if _BREAKS.search(key) or not key.strip():
            problems.count("id with a tab or bar written as a number", place)
            key = str(number)
        lines = [f"{key}|t|{text}", f"{key}|a|"]
        for span in sentence.spans or ():
            if _BREAKS.search(span.label):
                problems.count(
                    "span not written: its label breaks lines", place
                )
                continue
            mention = text[span.start : span.end].replace("\t", " ")
            lines.append(
                f"{key}\t{span.start}\t{span.end}\t{mention}\t{span.label}\t-"
            )
        yield "\n".join(lines) + "\n\n"


def _blocks(source: Source) -> Iterator[list[Line]]:
    block: list[Line] = []
    for line in source.lines():
        if line.data.strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _document(
    block: list[Line], source: Source, options: ReadOptions, problems: Problems
) -> Sentence:
    parts: dict[str, str] = {}
    key = ""
    rows: list[tuple[int, list[str]]] = []
    for line in block:
        content = decode(line, source.file)
        match = _TEXT.fullmatch(content)
        if match is not None and not rows and match[2] not in parts:
            key = match[1]
            parts[match[2]] = match[3]
        else:
            rows.append((line.number, content.split("\t")))
    place = source.place(block[0].number)
    if "t" not in parts:
        raise place.error(
            f"the document has no title, a line 'ID|t|...'; received "
            f"{shorten(decode(block[0], source.file))}",
            "separate documents by blank lines, or pass --on_bad_data=skip",
        )
    text = " ".join(filter(None, (parts["t"], parts.get("a"))))
    if not parts["t"] and parts.get("a"):
        text = " " + parts["a"]
    spans: list[Span] = []
    for number, columns in () if options.ignore_labels else rows:
        where = source.place(number)
        if len(columns) < _MENTION_COLUMNS or not columns[1].isdecimal():
            if len(columns) < 3 or columns[0] != key:
                raise where.error(f"this is no mention: {shorten(columns)}")
            problems.count(
                "relation left out: only spans are read",
                f"{where}: {shorten(columns)}",
            )
            continue
        _, start, end, mention, label, *_ = columns
        if not end.isdecimal():
            raise where.error(f"an end must be a number, got {end!r}")
        range_ = text[int(start) : int(end)].replace("\t", " ")
        if range_ == mention:
            mention = text[int(start) : int(end)]
        offsets = (int(start), int(end))
        spans.append(
            make_span(
                text,
                offsets,
                label,
                where,
                mention=mention,
                unit=options.offsets,
            )
        )
    kept = None if options.ignore_labels else tuple(spans)
    return Sentence(text, kept, key or None, None, source.file, place.line)


def recognises(source: Source, _: ReadOptions) -> bool:
    """Returns whether a file begins with a title and perhaps an abstract."""
    lines = [one for one in source.head_lines if one.strip()]
    first, second = [*lines, "", ""][:2]
    match = _TEXT.fullmatch(first)
    if match is None or match[2] != "t" or not match[1].strip():
        return False
    return " " not in match[1] or second.startswith(f"{match[1]}|a|")


FORMAT = Format(
    "pubtator",
    full_name="PubTator",
    suffix=".txt",
    recognises=recognises,
    read=read,
    write=write,
    documents=False,
    unlabelled=False,
)
