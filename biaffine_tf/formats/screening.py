"""Filters unlabelled sentences and trims spans, for all formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from biaffine_tf.formats.lines import shorten
from biaffine_tf.formats.options import ReadOptions, Unlabelled
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence, Span

UNLABELLED = "unlabelled sentence left out"
WHITE_EDGE = "span begins or ends in white space (--trim_spans cuts it off)"
TRIMMED = "white space at an end of a span cut off"
BLANK = "span of nothing but white space dropped"


def screen(
    sentences: Iterable[Sentence], options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Drops unlabelled sentences and trims spans, as options ask.

    Args:
        sentences: Sentences of a reader.
        options: Options that ask for it.
        problems: Counts both, and white space that is not trimmed.

    Yields:
        The remaining sentences.
    """
    for sentence in sentences:
        if sentence.spans is None and options.unlabelled is Unlabelled.SKIP:
            problems.count(UNLABELLED, f"{sentence.file}:{sentence.line}")
            continue
        if any(_has_white_edge(sentence, one) for one in sentence.spans or ()):
            sentence = sentence.replace_spans(
                _screen_spans(sentence, problems, trim=options.trim_spans)
            )
        yield sentence


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
