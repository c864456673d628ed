"""Streaming readers and writers of annotation formats (no TensorFlow).

Example:
    >>> from biaffine_tf import formats
    >>> sentences = formats.read("train.json")
    >>> formats.write("train.conll", sentences, "conll")
"""

from __future__ import annotations

from biaffine_tf.formats import cluener, conll, span_jsonl, text
from biaffine_tf.formats.api import detect_format, open_data, read, write
from biaffine_tf.formats.options import (
    Join,
    OnBadData,
    ReadOptions,
    SegmentationDigit,
    TagScheme,
    Unlabelled,
    WriteOptions,
    parse_columns,
    parse_label_map,
)
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import (
    Format,
    all_formats,
    find_format,
    register,
)

# Formats registered later are tried first: JSON before columns, and plain text,
# which accepts anything, last.
register(text.FORMAT)
register(conll.FORMAT)
register(cluener.FORMAT)
register(span_jsonl.FORMAT)

__all__ = [
    "Format",
    "Join",
    "OnBadData",
    "Problems",
    "ReadOptions",
    "SegmentationDigit",
    "TagScheme",
    "Unlabelled",
    "WriteOptions",
    "all_formats",
    "detect_format",
    "find_format",
    "open_data",
    "parse_columns",
    "parse_label_map",
    "read",
    "register",
    "write",
]
