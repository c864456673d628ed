"""Sharded TFRecords of a corpus, written once and never stale.

A records directory is named after the fingerprint of all it depends on (the
source's bytes and how they are read, tokenizer, labels, `max_seq_length`,
schema). The same corpus finds its records again; any change makes others.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import hashlib
import itertools
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf
from tqdm import tqdm

from biaffine_tf import readers
from biaffine_tf.data.features import Counts, collect_labels, featurize
from biaffine_tf.data.schema import SCHEMA_VERSION, serialize
from biaffine_tf.errors import DataError
from biaffine_tf.files import fingerprint as source_fingerprint
from biaffine_tf.files import write_json
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import Tokenizer

_META = "records.json"
# Below this a second process costs more to start than it saves.
_SENTENCES_WORTH_PROCESSES = 200_000


@dataclasses.dataclass(frozen=True)
class Records:
    """A records directory, ready to train from.

    Attributes:
        directory: Where the shards are.
        shards: File names of the shards, in order.
        compression: "" or "GZIP".
        labels: Labels of the span matrices.
        counts: What was written, cut, or could not be aligned.
        lengths: Number of sentences for each number of pieces.
        max_cells: Most non-zero cells in one sentence.
        problems: What the reader skipped or repaired, by kind.
        fingerprint: SHA-256 of all that the records depend on.
        built: False if they were found, not written.
    """

    directory: str
    shards: tuple[str, ...]
    compression: str
    labels: LabelMap
    counts: Counts
    lengths: dict[int, int]
    max_cells: int
    problems: dict[str, Any]
    fingerprint: str
    built: bool = True

    @property
    def paths(self) -> list[str]:
        """Paths of the shards."""
        return [os.path.join(self.directory, name) for name in self.shards]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """How records are written.

    Attributes:
        max_pieces: Sentences are cut to this many pieces.
        gzip: Whether shards are compressed.
        sentences_per_shard: Sentences in each shard but the last.
        processes: Processes that write; 0 decides by the corpus size.
    """

    max_pieces: int
    gzip: bool = False
    sentences_per_shard: int = 8192
    processes: int = 0


def prepare_records(
    source: str,
    directory: str,
    tokenizer: Tokenizer,
    options: RecordOptions,
    *,
    read_options: readers.ReadOptions | None = None,
    labels: LabelMap | None = None,
    progress: bool = True,
) -> Records:
    """Finds the records of a labelled file, or writes them.

    Args:
        source: Labelled file in any format of `readers`.
        directory: Parent of records directories.
        tokenizer: Text to pieces.
        options: How to write.
        read_options: How to read the source.
        labels: Labels of the matrices; None takes those of the source.
        progress: Whether to show a progress bar.

    Returns:
        Complete records of exactly this source and these settings.

    Raises:
        DataError: If the source cannot be read, has no labelled sentence, or
            has a label that `labels` lacks.
    """
    read_options = read_options or readers.ReadOptions()
    fingerprint = _fingerprint(source, tokenizer, options, read_options, labels)
    target = os.path.join(directory, f"records-{fingerprint[:16]}")
    found = _load(target, fingerprint)
    if found is not None:
        return found
    # Before anything is written: a source that cannot be read leaves nothing.
    problems = readers.Problems()
    survey = _survey(source, read_options, problems)
    if labels is None:
        labels = survey.labels
    temporary = f"{target}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    try:
        sentences = tqdm(
            readers.read(source, read_options, readers.Problems()),
            desc="records",
            total=survey.sentences,
            unit=" sentences",
            disable=not progress,
        )
        processes = options.processes or _default_processes(survey.sentences)
        shards = _write_shards(
            sentences, temporary, tokenizer, labels, options, processes
        )
        _save(temporary, shards, labels, options, problems, fingerprint)
        _publish(temporary, target, fingerprint)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    written = _load(target, fingerprint)
    assert written is not None
    return dataclasses.replace(written, built=True)


def _publish(temporary: str, target: str, fingerprint: str) -> None:
    """Renames, unless another process was faster and maybe reads its own."""
    if _load(target, fingerprint) is not None:
        shutil.rmtree(temporary)
        return
    shutil.rmtree(target, ignore_errors=True)
    os.rename(temporary, target)


def _fingerprint(
    source: str,
    tokenizer: Tokenizer,
    options: RecordOptions,
    read_options: readers.ReadOptions,
    labels: LabelMap | None,
) -> str:
    parts = {
        "schema": SCHEMA_VERSION,
        "source": source_fingerprint(source),
        "reading": {
            k: str(v) for k, v in dataclasses.asdict(read_options).items()
        },
        "tokenizer": tokenizer.fingerprint,
        "max_pieces": options.max_pieces,
        "gzip": options.gzip,
        "sentences_per_shard": options.sentences_per_shard,
        "labels": None if labels is None else list(labels),
    }
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclasses.dataclass
class _Survey:
    sentences: int
    labels: LabelMap


def _survey(
    source: str,
    read_options: readers.ReadOptions,
    problems: readers.Problems,
) -> _Survey:
    """One pass to learn the labels, before any record can be written."""
    seen: dict[str, Span] = {}
    sentences = labelled = 0
    for sentence in readers.read(source, read_options, problems):
        sentences += 1
        labelled += sentence.spans is not None
        for span in sentence.spans or ():
            seen.setdefault(span.label, span)
    if not labelled:
        raise DataError(
            f"none of its {sentences} sentences is labelled",
            file=source,
            remedy="training needs a labelled file",
        )
    if not seen:
        raise DataError(
            f"its {sentences} sentences hold no entity",
            file=source,
            remedy="training needs labelled spans",
        )
    return _Survey(sentences, collect_labels(seen.values()))


def _default_processes(sentences: int) -> int:
    if sentences < _SENTENCES_WORTH_PROCESSES:
        return 1
    return min(os.cpu_count() or 1, 8)


@dataclasses.dataclass
class _Shard:
    name: str
    counts: Counts
    lengths: collections.Counter[int]
    max_cells: int


def _write_shards(
    sentences: Iterable[Sentence],
    directory: str,
    tokenizer: Tokenizer,
    labels: LabelMap,
    options: RecordOptions,
    processes: int,
) -> list[_Shard]:
    tasks = (
        (chunk, directory, number, tokenizer, labels, options)
        for number, chunk in enumerate(
            _chunks(sentences, options.sentences_per_shard)
        )
    )
    if processes == 1:
        return [_write_shard(*task) for task in tasks]
    # Forking a process that has loaded TensorFlow is not safe.
    context = multiprocessing.get_context("spawn")
    shards: list[_Shard] = []
    with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
        pending: collections.deque[concurrent.futures.Future[_Shard]]
        pending = collections.deque()
        for task in tasks:
            pending.append(pool.submit(_write_shard, *task))
            if len(pending) > 2 * processes:  # bounds the memory
                shards.append(pending.popleft().result())
        shards.extend(future.result() for future in pending)
    return shards


def _chunks(
    sentences: Iterable[Sentence], size: int
) -> Iterator[list[Sentence]]:
    iterator = iter(sentences)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def _write_shard(
    sentences: list[Sentence],
    directory: str,
    number: int,
    tokenizer: Tokenizer,
    labels: LabelMap,
    options: RecordOptions,
) -> _Shard:
    name = f"{number:05d}.tfrecord" + (".gz" if options.gzip else "")
    shard = _Shard(name, Counts(), collections.Counter(), 0)
    compression = "GZIP" if options.gzip else ""
    path = os.path.join(directory, name)
    with tf.io.TFRecordWriter(path, compression) as writer:
        for sentence in sentences:
            features = featurize(
                sentence,
                tokenizer,
                labels,
                max_pieces=options.max_pieces,
                counts=shard.counts,
            )
            if features is not None:
                writer.write(serialize(features))
                shard.lengths[features.num_pieces] += 1
                shard.max_cells = max(shard.max_cells, len(features.cells))
    return shard


def _save(
    directory: str,
    shards: list[_Shard],
    labels: LabelMap,
    options: RecordOptions,
    problems: readers.Problems,
    fingerprint: str,
) -> None:
    counts, lengths = Counts(), collections.Counter[int]()
    for shard in shards:
        counts.add(shard.counts)
        lengths.update(shard.lengths)
    write_json(
        os.path.join(directory, _META),
        {
            "schema_version": SCHEMA_VERSION,
            "fingerprint": fingerprint,
            "labels": list(labels),
            "max_pieces": options.max_pieces,
            "compression": "GZIP" if options.gzip else "",
            "shards": [shard.name for shard in shards],
            "counts": dataclasses.asdict(counts),
            "lengths": {str(k): v for k, v in sorted(lengths.items())},
            "max_cells": max((shard.max_cells for shard in shards), default=0),
            "problems": problems.to_json(),
        },
    )


def _load(directory: str, fingerprint: str) -> Records | None:
    """The records in a directory, or None if they are not these."""
    try:
        with open(os.path.join(directory, _META), encoding="utf-8") as file:
            meta = json.load(file)
    except (OSError, ValueError):
        return None
    if meta.get("fingerprint") != fingerprint:
        return None
    records = Records(
        directory=directory,
        shards=tuple(meta["shards"]),
        compression=meta["compression"],
        labels=LabelMap(meta["labels"]),
        counts=Counts(**meta["counts"]),
        lengths={int(k): v for k, v in meta["lengths"].items()},
        max_cells=meta["max_cells"],
        problems=meta["problems"],
        fingerprint=fingerprint,
        built=False,
    )
    complete = all(os.path.exists(path) for path in records.paths)
    return records if complete else None
