"""Filters sentences, renames labels and trims spans, for all formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from biaffine_tf.formats.lines import shorten
from biaffine_tf.formats.options import ReadOptions, Unlabelled
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence, Span

UNLABELLED = "unlabelled sentence left out"
WHITE_EDGE = "span begins or ends in white space (--trim_spans cuts it off)"
TRIMMED = "white space at an end of a span cut off"
UNNAMED = "span left out: --label_map gives its label no new name"
BLANK = "span of nothing but white space dropped"


def screen(
    sentences: Iterable[Sentence], options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Drops unlabelled sentences, renames labels and trims spans, as asked.

    Args:
        sentences: Sentences of a reader.
        options: Options that ask for it.
        problems: Counts what is dropped, and white space at ends of spans.

    Yields:
        The remaining sentences.
    """
    names = dict(options.label_map or ())
    for sentence in sentences:
        if sentence.spans is None and options.unlabelled is Unlabelled.SKIP:
            problems.count(UNLABELLED, f"{sentence.file}:{sentence.line}")
            continue
        if names and sentence.spans:
            sentence = sentence.replace_spans(
                _rename(sentence, names, problems)
            )
        if any(_has_white_edge(sentence, one) for one in sentence.spans or ()):
            sentence = sentence.replace_spans(
                _screen_spans(sentence, problems, trim=options.trim_spans)
            )
        yield sentence


def _rename(
    sentence: Sentence, names: Mapping[str, str], problems: Problems
) -> Iterator[Span]:
    for span in sentence.spans or ():
        name = names.get(span.label, span.label)
        if name:
            yield span._replace(label=name)
        else:
            where = f"{sentence.file}:{sentence.line}"
            problems.count(UNNAMED, f"{where}: {span.label}")


def _has_white_edge(sentence: Sentence, span: Span) -> bool:
    text = sentence.text
    return text[span.start].isspace() or text[span.end - 1].isspace()


def _screen_spans(
    sentence: Sentence, problems: Problems, *, trim: bool
) -> Iterator[Span]:
    for span in sentence.spans or ():
        if not _has_white_edge(sentence, span):
            yield span
            continue
        surface = sentence.surface(span)
        where = (
            f"{sentence.file}:{sentence.line}: [{span.start}, {span.end}) "
            f"{shorten(surface)}"
        )
        if not trim:
            problems.count(WHITE_EDGE, where)
            yield span
        elif surface.isspace():
            problems.count(BLANK, where)
        else:
            problems.count(TRIMMED, where)
            yield span._replace(
                start=span.end - len(surface.lstrip()),
                end=span.start + len(surface.rstrip()),
            )
