"""Plain text: one unlabelled sentence per line."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator

from biaffine_tf.formats.conll_rows import is_regular
from biaffine_tf.formats.line_text import one_line
from biaffine_tf.formats.lines import Line, Source, decode
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.refusals import check_is_text
from biaffine_tf.formats.registry import Format
from biaffine_tf.spans import Sentence


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads an unlabelled sentence from each non-blank line."""

    def parse(line: Line) -> Sentence:
        return Sentence(
            decode(line, source.file), file=source.file, line=line.number
        )

    def lines() -> Iterator[Line]:
        for line in source.lines():
            if line.data.strip():
                yield line
            else:
                problems.count(
                    "blank line passed over", f"{source.file}:{line.number}"
                )

    return parse_each(
        lines(),
        parse,
        options.on_bad_data,
        problems,
        operator.attrgetter("data"),
    )


def write(
    sentences: Iterable[Sentence], _: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes the texts as lines."""
    for position, sentence in enumerate(sentences):
        place = f"sentence {position}"
        text = one_line(sentence.text, problems, place)
        if not text.strip():
            problems.count(
                "blank sentence: a blank line is read as none",
                place,
            )
        if position == 0 and text.startswith("\ufeff"):
            text = "\ufeff" + text  # readers remove the first one
        yield text + "\n"


def recognises(source: Source, options: ReadOptions) -> bool:
    """Returns True: any file may be text, unless it is seen to be other data.

    Raises:
        DataError: If it is, or if options name columns and lines have as many
            fields.
    """
    check_is_text(source)
    for name, default in (("token_column", 0), ("tag_columns", None)):
        if getattr(options, name) != default and is_regular(source.head_lines):
            raise source.place(1).error(
                f"--{name} is given, and the lines have equally many columns, "
                "but none looks like tags",
                "pass --format=conll to read it as columns all the same, or "
                "--format=text to read each line as a text",
            )
    return True


FORMAT = Format(
    "text",
    full_name="plain text",
    suffix=".txt",
    recognises=recognises,
    read=read,
    write=write,
    ids=False,
    documents=False,
    spans=False,
)
