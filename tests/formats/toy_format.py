"""A format of a module of its own: texts with their spans in brackets."""

import re

from biaffine_tf.formats.lines import decode
from biaffine_tf.formats.problems import parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.spans import Sentence, Span

_MARK = b"<toy>\n"
_SPAN = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")


def read(source, options, problems):
    def parse(line):
        marked = decode(line, source.file)
        spans, text, end = [], "", 0
        for found in _SPAN.finditer(marked):
            text += marked[end : found.start()]
            spans.append(Span(len(text), len(text) + len(found[1]), found[2]))
            text, end = text + found[1], found.end()
        kept = None if options.ignore_labels else tuple(spans)
        text += marked[end:]
        return Sentence(text, kept, file=source.file, line=line.number)

    lines = source.lines()
    next(lines)
    return parse_each(
        lines, parse, options.on_bad_data, problems, lambda line: line.data
    )


def write(sentences, options, problems):
    yield _MARK.decode()
    for sentence in sentences:
        text, end = "", 0
        for span in sorted(sentence.spans or ()):
            if span.start < end:
                problems.count("span not written: toys do not nest", "here")
                continue
            text += sentence.text[end : span.start]
            text += f"[{sentence.surface(span)}|{span.label}]"
            end = span.end
        yield text + sentence.text[end:] + "\n"


FORMAT = Format(
    "toy",
    full_name="Toy",
    suffix=".toy",
    recognises=lambda source, options: source.head.startswith(_MARK),
    read=read,
    write=write,
)
