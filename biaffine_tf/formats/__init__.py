"""Streaming readers and writers of annotation formats (no TensorFlow).

Example:
    >>> from biaffine_tf import formats
    >>> sentences = formats.read("train.json")
    >>> formats.write("train.conll", sentences, "conll")
"""

from __future__ import annotations

from biaffine_tf.formats import (
    arrow,
    bioc,
    brat,
    cluener,
    conll,
    conllu,
    docbin,
    doccano,
    hf,
    inline,
    label_studio,
    prodigy,
    pubtator,
    queries,
    spacy_tuples,
    span_jsonl,
    tables,
    text,
    token_spans,
)
from biaffine_tf.formats.api import (
    READER_VERSION,
    detect_format,
    open_data,
    read,
    write,
)
from biaffine_tf.formats.options import (
    Join,
    Offsets,
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
register(inline.FORMAT)
register(tables.CSV)
register(conll.FORMAT)
register(conllu.FORMAT)
register(pubtator.FORMAT)
register(brat.FORMAT)
register(cluener.FORMAT)
register(span_jsonl.FORMAT)
# JSON that those two would take for theirs.
register(spacy_tuples.FORMAT)
register(queries.UIE)
register(queries.MRC)
register(token_spans.W2NER)
register(token_spans.GLINER)
register(hf.FORMAT)
register(bioc.FORMAT)
register(doccano.FORMAT)
register(prodigy.FORMAT)
register(label_studio.FORMAT)
# Files that are no text.
register(tables.EXCEL)
register(docbin.FORMAT)
register(arrow.PARQUET)
register(arrow.ARROW)

__all__ = [
    "READER_VERSION",
    "Format",
    "Join",
    "Offsets",
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
