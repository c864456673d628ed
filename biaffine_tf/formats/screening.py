"""Filters sentences, renames labels, trims spans, warns of doubtful ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from biaffine_tf.formats.lines import shorten
from biaffine_tf.formats.offsets import (
    OffsetError,
    beyond_bmp,
    to_characters,
)
from biaffine_tf.formats.options import Offsets, ReadOptions, Unlabelled
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence, Span

UNLABELLED = "unlabelled sentence left out"
WHITE_EDGE = "span begins or ends in white space (--trim_spans cuts it off)"
TRIMMED = "white space at an end of a span cut off"
UNNAMED = "span left out: --label_map gives its label no new name"
BLANK = "span of nothing but white space dropped"
WHITE_LABEL = "label that begins or ends in white space"
UTF16 = (
    "span of a text with characters beyond U+FFFF that fits words better in "
    "UTF-16 units (--offsets=utf16 reads them, or utf16_inclusive if ends are "
    "inclusive)"
)
_CHARACTER_UNITS = (Offsets.AUTO, Offsets.CHARACTERS, Offsets.INCLUSIVE)


def screen(
    sentences: Iterable[Sentence], options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Drops unlabelled sentences, renames labels and trims spans, as asked.

    Args:
        sentences: Sentences of a reader.
        options: Options that ask for it.
        problems: Counts what is dropped, white space that is not trimmed, and
            offsets that seem to be UTF-16 units.

    Yields:
        The remaining sentences.
    """
    labels: set[str] = set()
    checks_units = options.offsets in _CHARACTER_UNITS
    names = dict(options.label_map or ())
    for sentence in sentences:
        if sentence.spans is None and options.unlabelled is Unlabelled.SKIP:
            problems.count(UNLABELLED, f"{sentence.file}:{sentence.line}")
            continue
        if names and sentence.spans:
            sentence = sentence.replace_spans(
                _rename(sentence, names, problems)
            )
        if sentence.spans:
            text, is_white = sentence.text, False
            for start, end, label, _ in sentence.spans:
                if label not in labels:
                    labels.add(label)
                    _check_label(label, sentence, problems)
                if text[start].isspace() or text[end - 1].isspace():
                    is_white = True
            if checks_units and sentence.words is None and beyond_bmp(text):
                _check_units(sentence, problems)
            if is_white:
                sentence = sentence.replace_spans(
                    _screen_spans(sentence, problems, trim=options.trim_spans)
                )
        yield sentence


def _check_label(label: str, sentence: Sentence, problems: Problems) -> None:
    """Counts a label with white space at its ends."""
    if label != label.strip():
        where = f"{sentence.file}:{sentence.line}: {shorten(label)}"
        problems.count(WHITE_LABEL, where)


def _check_units(sentence: Sentence, problems: Problems) -> None:
    """Counts spans that cut fewer words in UTF-16 units than in characters."""
    text = sentence.text
    for span in sentence.spans or ():
        try:
            start, end = to_characters(
                text, span.start, span.end, Offsets.UTF16
            )
        except OffsetError:
            continue
        if (start, end) == (span.start, span.end) or start >= end:
            continue
        given = _doubt(text, span.start, span.end)
        if given > _doubt(text, start, end):
            problems.count(
                UTF16,
                f"{sentence.file}:{sentence.line}: "
                f"{shorten(text[span.start : span.end])}, in UTF-16 units "
                f"{shorten(text[start:end])}",
            )


def _doubt(text: str, start: int, end: int) -> int:
    """Returns the number of ends of a span that are unlikely ones."""
    doubt = 0
    for at, inner in ((start, start), (end, end - 1)):
        cuts = 0 < at < len(text) and _joined(text[at - 1], text[at])
        doubt += cuts or unicodedata.category(text[inner])[0] in "ZCPS"
    return doubt


def _joined(left: str, right: str) -> bool:
    """Returns whether a word seems to go on between two characters."""
    if not (left.isalnum() and right.isalnum()):
        return False
    # Scripts without spaces have no such words.
    return not (_is_unspaced(left) or _is_unspaced(right))


def _is_unspaced(character: str) -> bool:
    return unicodedata.category(character) == "Lo"


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
