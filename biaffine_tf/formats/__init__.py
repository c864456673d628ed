"""Reads and writes annotation formats, streaming; no TensorFlow.

Example:
    >>> from biaffine_tf import formats
    >>> sentences = formats.read("train.json")
    >>> formats.write("train.conll", sentences, formats.Format.CONLL)
"""

from __future__ import annotations

from biaffine_tf.formats.api import read, write
from biaffine_tf.formats.detect import detect_format
from biaffine_tf.formats.options import (
    Format,
    Join,
    OnBadData,
    ReadOptions,
    SegmentationDigit,
    TagScheme,
    Unlabelled,
    parse_columns,
)
from biaffine_tf.formats.problems import Problems

__all__ = [
    "Format",
    "Join",
    "OnBadData",
    "Problems",
    "ReadOptions",
    "SegmentationDigit",
    "TagScheme",
    "Unlabelled",
    "detect_format",
    "parse_columns",
    "read",
    "write",
]
