"""CoNLL-U and CoNLL-U Plus: numbered words, with the text's white space.

Read as all columns are (`conll`). Columns of CoNLL-U Plus are named by the
first line; CoNLL-U has ten, and tags, if any, as NER=TAG in MISC. Written are
the columns ID, FORM, MISC, NER, and NER:2, NER:3, ... of further layers of
nested spans; ids of sentences and documents are comments.

Reference: https://universaldependencies.org/ext-format.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from biaffine_tf.formats import conll
from biaffine_tf.formats import tags as tag_schemes
from biaffine_tf.formats.conll_columns import is_columns
from biaffine_tf.formats.conll_rows import (
    COMMENT,
    CONLLU_WIDTH,
    column_names,
    is_conllu,
    sample_rows,
    split_row,
)
from biaffine_tf.formats.layers import assign_layers, snap_to_tokens
from biaffine_tf.formats.line_text import one_line
from biaffine_tf.formats.misc_spaces import divide_by_misc
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.words import words_of
from biaffine_tf.spans import Sentence

_NUL = str.maketrans("\0", " ")


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes sentences as blocks of lines with named columns.

    The words are those of the sentence, or else found in its text; they are
    divided at the edges of spans. Unlabelled sentences get O tags, since all
    lines have the same columns.
    """
    further = [f" NER:{layer}" for layer in range(2, options.layers + 1)]
    yield f"# global.columns = ID FORM MISC NER{''.join(further)}\n"
    document = None
    for position, sentence in enumerate(sentences):
        place = f"sentence {position}"
        if not sentence.text:
            problems.count("sentence without characters not written", place)
            continue
        if sentence.document != document:
            document = sentence.document
            yield from _comment("newdoc id", document, problems, place)
        yield from _comment("sent_id", sentence.id, problems, place)
        yield from _rows(sentence, options, problems, place)


def _comment(
    key: str, value: str | None, problems: Problems, place: str
) -> Iterator[str]:
    if value is None:
        if key == "newdoc id":
            yield "# newdoc\n"
    elif not value or value != value.strip() or len(value.splitlines()) > 1:
        problems.count(
            f"{key} not written: it is empty, breaks lines, or begins or ends "
            "in white space",
            place,
        )
    else:
        yield f"# {key} = {value}\n"


def _rows(
    sentence: Sentence, options: WriteOptions, problems: Problems, place: str
) -> Iterator[str]:
    text = sentence.text
    if "\0" in text:
        amount = text.count("\0")
        problems.count("NUL in a text written as a space", place, amount)
        text = text.translate(_NUL)
    yield f"# text = {one_line(text, Problems(), place)}\n"
    words = words_of(sentence) or [(0, len(text))]
    placed = snap_to_tokens(sentence.spans or (), words, problems, place)
    columns = [
        tag_schemes.encode(layer, len(words), options.scheme)
        for layer in assign_layers(placed, options.layers, problems, place)
    ]
    rows = zip(divide_by_misc(text, words), *columns, strict=True)
    for number, (word, *tags) in enumerate(rows, start=1):
        yield "\t".join((str(number), *word, *tags)) + "\n"
    yield "\n"


def recognises(source: conll.Source, options: ReadOptions) -> bool:
    """Returns whether a file names its columns or has those of CoNLL-U."""
    lines = source.head_lines
    if names := column_names(lines):
        return "FORM" in names or is_columns(lines, options)
    first = next(
        (one for one in lines if one and not one.startswith(COMMENT)), ""
    )
    if len(split_row(first)) != CONLLU_WIDTH:
        return False
    return is_conllu(sample_rows(lines))


FORMAT = Format(
    "conllu",
    full_name="CoNLL-U",
    suffix=".conllup",
    recognises=recognises,
    read=conll.read,
    write=write,
    describe=conll.describe,
    layers=True,
    unlabelled=False,
)
