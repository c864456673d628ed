r"""Markup in the text: `{{PER:Ann}} lives in {{LOC:Ely}}`, a sentence a line.

Spans may nest: `{{ORG:University of {{LOC:Ely}}}}`. A backslash before a brace
makes it an ordinary character; backslashes before such a pair are doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from biaffine_tf.formats.json_values import check_label
from biaffine_tf.formats.line_text import one_line
from biaffine_tf.formats.lines import Line, Place, Source, decode
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.spans import Sentence, Span

_OPENING = re.compile(r"\{\{([^{}:\\\s](?:[^{}:\\]*[^{}:\\\s])?):")
# An odd number of backslashes and a brace; an even one before a brace; marks.
_MARK = re.compile(
    rf"((?:\\\\)*)\\([{{}}])|((?:\\\\)+)(?=[{{}}])|{_OPENING.pattern}|\}}\}}"
)
_WHOLE = re.compile(rf"{_OPENING.pattern}[^{{}}]+\}}\}}")
_LABEL = re.compile(r"[^{}:\\\s](?:[^{}:\\]*[^{}:\\\s])?")
_BRACE = re.compile(r"(\\*)([{}])")


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads a sentence from each line that is not blank."""

    def parse(line: Line) -> Sentence:
        place = source.place(line.number)
        text, spans = _parse(decode(line, source.file), place)
        kept = None if options.ignore_labels else tuple(spans)
        return Sentence(text, kept, file=source.file, line=line.number)

    lines = (line for line in source.lines() if line.data.strip())
    return parse_each(
        lines, parse, options.on_bad_data, problems, lambda line: line.data
    )


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes the texts as lines, with their spans as markup."""
    for number, sentence in enumerate(sentences):
        place = f"sentence {number}"
        text = one_line(sentence.text, problems, place)
        spans = _writable(sentence, problems, place)
        if number == 0 and text.startswith("\ufeff"):
            yield "\ufeff"  # readers remove the first one
        marked = _marked(text, spans)
        if not marked.strip():
            problems.count(
                "blank sentence: a blank line is read as none", place
            )
        yield marked + "\n"


def _parse(marked: str, place: Place) -> tuple[str, list[Span]]:
    parts: list[str] = []
    length = end = 0
    begun: list[tuple[int, int, str]] = []  # order, start, label
    spans: list[tuple[int, Span]] = []
    opened = 0
    for match in _MARK.finditer(marked):
        slashes, brace, pairs, label = match.groups()
        plain = marked[end : match.start()]
        end = match.end()
        if brace or pairs:
            plain += "\\" * (len(slashes or pairs or "") // 2) + (brace or "")
        elif match[0] == "}}" and not begun:
            plain += match[0]
        parts.append(plain)
        length += len(plain)
        if label is not None:
            begun.append((opened, length, check_label(label, place)))
            opened += 1
        elif match[0] == "}}" and begun:
            order, start, name = begun.pop()
            if start == length:
                raise place.error(f"the span of label {name!r} is empty")
            spans.append((order, Span(start, length, name)))
    if begun:
        raise place.error(
            f"the span of label {begun[-1][2]!r} is not closed",
            "close it with }}, write \\{ for a brace of the text, or pass "
            "--on_bad_data=skip",
        )
    parts.append(marked[end:])
    return "".join(parts), [span for _, span in sorted(spans)]


def _writable(sentence: Sentence, problems: Problems, place: str) -> list[Span]:
    """Returns spans that nest, outer ones first."""
    kept: list[Span] = []
    ends: list[int] = []
    for span in sorted(
        sentence.spans or (), key=lambda one: (one.start, -one.end)
    ):
        while ends and ends[-1] <= span.start:
            ends.pop()
        where = f"{place}: [{span.start}, {span.end}) {span.label}"
        if not _LABEL.fullmatch(span.label):
            problems.count(
                "span not written: its label holds a colon, brace or the like",
                where,
            )
        elif ends and span.end > ends[-1]:
            problems.count("span not written: it crosses another one", where)
        else:
            kept.append(span)
            ends.append(span.end)
    return kept


def _marked(text: str, spans: list[Span]) -> str:
    marks: dict[int, str] = {}
    for span in reversed(spans):  # inner ones close first
        marks[span.end] = marks.get(span.end, "") + "}}"
    for span in spans:
        opening = "{{" + span.label + ":"
        marks[span.start] = marks.get(span.start, "") + opening
    parts, begin = [], 0
    for position in [*sorted(marks), len(text)]:
        mark = marks.pop(position, "")
        parts.append(_escaped(text[begin:position], before_mark=bool(mark)))
        parts.append(mark)
        begin = position
    return "".join(parts)


def _escaped(text: str, *, before_mark: bool) -> str:
    text = _BRACE.sub(lambda m: m[1] * 2 + "\\" + m[2], text)
    if before_mark:  # backslashes before a brace of the markup
        bare = text.rstrip("\\")
        text = bare + "\\" * (2 * (len(text) - len(bare)))
    return text


FORMAT = Format(
    "inline",
    full_name="inline markup",
    suffix=".txt",
    recognises=lambda source, options: any(
        map(_WHOLE.search, source.head_lines)
    ),
    read=read,
    write=write,
    ids=False,
    documents=False,
    unlabelled=False,
)
