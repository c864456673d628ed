"""Which format a file has, by its content and never by its name."""

from __future__ import annotations

import os
import re

from biaffine_tf.formats.conll_layout import (
    most_common_width,
    sample_rows,
    tag_like_columns,
)
from biaffine_tf.formats.lines import Source
from biaffine_tf.formats.options import Format, ReadOptions
from biaffine_tf.formats.problems import Problems

_JSON_START = re.compile(r'\s*(\[\s*(\{\s*["}]|\])|\{\s*["}])')
# Inside a JSON string its quotes are escaped, so a text never matches.
_CLUENER_KEY = re.compile(r'"label"\s*:\s*\{')
_SPAN_KEY = re.compile(r'"(spans|entities|entity_mentions|tokens)"\s*:')


def detect_format(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> Format:
    """Recognises the format of a file by its first 64 KiB.

    Args:
        path: The file.
        options: Where its tag columns are, if it has any.

    Returns:
        The format. JSON objects with nothing but a text are CLUENER's; columns
        whose tags nobody knows are CoNLL's, so that reading them says so.

    Raises:
        DataError: If the file cannot be opened.
    """
    with Source(path, Problems()) as source:
        return detect(source, options or ReadOptions())


def detect(source: Source, options: ReadOptions) -> Format:
    """`detect_format` for an open file and chosen tag columns."""
    lines = source.head_lines()
    text = "\n".join(lines)
    if _JSON_START.match(text):
        return _which_json(text)
    return Format.CONLL if _is_conll(lines, options) else Format.TEXT


def _which_json(text: str) -> Format:
    cluener = _CLUENER_KEY.search(text)
    spans = _SPAN_KEY.search(text)
    if spans and (not cluener or spans.start() < cluener.start()):
        return Format.SPAN_JSONL
    return Format.CLUENER


def _is_conll(lines: list[str], options: ReadOptions) -> bool:
    """Whether some column looks like tags, be it one that is not read.

    A column that was named and holds no tags, or does not exist, then is an
    error, where each row would become a text.
    """
    sentences = sample_rows(lines)
    if most_common_width(sentences) < 2:
        return False
    # "Vitamin B-12" alone on its line is a text.
    if sum(map(len, sentences)) < 2 and not any("\t" in line for line in lines):
        return False
    return bool(tag_like_columns(sentences, token_column=options.token_column))
