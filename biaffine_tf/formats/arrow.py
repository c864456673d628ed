"""Hugging Face data sets of tokens and tags, as Arrow and Parquet files.

Columns "tokens", "ner_tags" and, if present, "id" and "text", as in JSON lines
(`hf`); names of numbered tags are those of the file's features. Needs pyarrow.
A folder that `save_to_disk` wrote is read as its Arrow files.

Reference: https://huggingface.co/docs/datasets/about_arrow
"""

from __future__ import annotations

import dataclasses
import functools
import glob
import io
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from biaffine_tf.errors import DataError
from biaffine_tf.formats.hf import (
    TAGS,
    TOKENS,
    TokenReader,
    own_keys,
    token_record,
)
from biaffine_tf.formats.lines import Source, shorten
from biaffine_tf.formats.optional import binary_file, require
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.tag_names import names_in_features
from biaffine_tf.spans import Sentence

_ROWS = 1000  # written or read at a time
_STREAM = b"\xff\xff\xff\xff"
_FILE = b"ARROW1"
_PARQUET = b"PAR1"
_SAMPLE = 200  # rows that decide how tokens are joined

Batches = tuple[Any, Iterable[Any]]  # schema, record batches


def _open_arrow(source: Source) -> Batches:
    pa = require("pyarrow", "pyarrow", "an Arrow file")
    opened = binary_file(source)
    stream = pa.memory_map(opened) if isinstance(opened, str) else opened
    if source.head.startswith(_FILE):
        ipc = pa.ipc.open_file(stream)
        numbers = range(ipc.num_record_batches)
        return ipc.schema, map(ipc.get_batch, numbers)
    ipc = pa.ipc.open_stream(stream)
    return ipc.schema, ipc


def _open_parquet(source: Source) -> Batches:
    parquet = require("pyarrow", "pyarrow.parquet", "a Parquet file")
    opened = parquet.ParquetFile(binary_file(source))
    return opened.schema_arrow, opened.iter_batches(_ROWS)


def _read(
    what: str,
    open_batches: Callable[[Source], Batches],
    source: Source,
    options: ReadOptions,
    problems: Problems,
) -> Iterator[Sentence]:
    """Reads the rows of a file as sentences."""
    try:
        schema, batches = open_batches(source)
    except (OSError, ValueError) as error:
        raise _unreadable(source, what, error) from None
    rows = _rows(batches, source, what)
    sample = list(itertools.islice(rows, _SAMPLE))
    if not set(TOKENS) & set(schema.names):
        raise source.place().error(
            f"is {what} without the column {TOKENS[0]!r}; it has "
            f"{', '.join(map(repr, schema.names))}",
            "rename the column of the tokens, or write its text to CSV",
        )
    make = TokenReader(sample, options, problems, _names(schema))

    def parse(unit: tuple[int, dict[str, Any]]) -> Sentence:
        index, row = unit
        sentence = make(row, source.place(index + 1))
        extra = dict(_other_columns(row, sentence, problems))
        return dataclasses.replace(sentence, index=index, extra=extra or None)

    return parse_each(
        enumerate(itertools.chain(sample, rows)),
        parse,
        options.on_bad_data,
        problems,
        lambda unit: repr(unit[1]).encode("utf-8", "backslashreplace"),
    )


def _other_columns(
    row: dict[str, Any], sentence: Sentence, problems: Problems
) -> Iterator[tuple[str, Any]]:
    """Yields the columns to keep with a sentence; counts the others."""
    own = ("id", "document", *own_keys(row))
    for key, value in row.items():
        if key in own:
            continue
        if _is_json(value):
            yield key, value
        else:
            problems.count(
                f"column {key!r} not kept: JSON has no values of its type",
                f"{sentence.file}:{sentence.line}: {shorten(value)}",
            )


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (str, int, float, bool))


def _rows(
    batches: Iterable[Any], source: Source, what: str
) -> Iterator[dict[str, Any]]:
    try:
        for batch in batches:
            for row in batch.to_pylist():
                yield {k: v for k, v in row.items() if v is not None}
    except (OSError, ValueError) as error:  # pyarrow's errors are of both
        raise _unreadable(source, what, error) from None


def _unreadable(source: Source, what: str, error: Exception) -> DataError:
    return source.place().error(
        f"is {what} that cannot be read ({error})",
        "write it again, or give another file",
    )


def _names(schema: Any) -> list[str] | None:
    """Returns the names of the tags in the features of a data set."""
    stored = (schema.metadata or {}).get(b"huggingface")
    if stored is None:
        return None
    try:
        features = json.loads(stored)["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return None
    key = next((key for key in TAGS if key in features), None)
    return names_in_features({"features": features[key]}) if key else None


def _batches(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[Any]:
    """Yields record batches of sentences; the first one is empty."""
    pa = require("pyarrow", "pyarrow", "an Arrow or Parquet file")
    texts = pa.list_(pa.string())
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("document", pa.string()),
            ("tokens", texts),
            ("ner_tags", texts),
            ("text", pa.string()),
        ]
    )
    yield pa.RecordBatch.from_pylist([], schema)
    numbered = enumerate(sentences)
    while some := list(itertools.islice(numbered, _ROWS)):
        rows = []
        for number, sentence in some:
            row = token_record(sentence, number, options.scheme, problems)
            rows.append(row | {"id": sentence.id})
        yield pa.RecordBatch.from_pylist(rows, schema)


def _write(
    open_writer: Callable[[io.BytesIO, Any], Any],
    sentences: Iterable[Sentence],
    options: WriteOptions,
    problems: Problems,
) -> Iterator[bytes]:
    """Writes rows of tokens, tags by name, and texts."""
    batches = _batches(sentences, options, problems)
    buffer = io.BytesIO()
    with open_writer(buffer, next(batches).schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _arrow_writer(buffer: io.BytesIO, schema: Any) -> Any:
    pa = require("pyarrow", "pyarrow", "an Arrow file")
    return pa.ipc.new_stream(buffer, schema)


def _parquet_writer(buffer: io.BytesIO, schema: Any) -> Any:
    parquet = require("pyarrow", "pyarrow.parquet", "a Parquet file")
    return parquet.ParquetWriter(buffer, schema)


def _arrow_files(folder: str) -> list[str]:
    """Returns the files of a data set that `save_to_disk` wrote."""
    if not os.path.isfile(os.path.join(folder, "dataset_info.json")):
        return []
    return sorted(glob.glob(os.path.join(glob.escape(folder), "*.arrow")))


ARROW = Format(
    "arrow",
    full_name="Arrow",
    suffix=".arrow",
    recognises=lambda source, options: source.head.startswith((_STREAM, _FILE)),
    read=functools.partial(_read, "an Arrow file", _open_arrow),
    write=functools.partial(_write, _arrow_writer),
    binary=True,
    package="pyarrow",
    files_in=_arrow_files,
)
PARQUET = Format(
    "parquet",
    full_name="Parquet",
    suffix=".parquet",
    recognises=lambda source, options: source.head.startswith(_PARQUET),
    read=functools.partial(_read, "a Parquet file", _open_parquet),
    write=functools.partial(_write, _parquet_writer),
    binary=True,
    package="pyarrow",
)
