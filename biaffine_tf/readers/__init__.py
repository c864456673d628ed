"""Alias of `biaffine_tf.formats`."""

from __future__ import annotations

from biaffine_tf.formats import (
    Format,
    Join,
    OnBadData,
    Problems,
    ReadOptions,
    SegmentationDigit,
    TagScheme,
    Unlabelled,
    detect_format,
    parse_columns,
    read,
    write,
)

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
