"""Sharded TFRecords of a corpus, cached by fingerprint.

A records directory is named after the fingerprint of all it depends on (bytes
of the source, how and by which version of the readers they are read, tokenizer,
labels, windows, schema). The same corpus and settings find their records again;
any change makes new ones.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import glob
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

from biaffine_tf import formats
from biaffine_tf.config import LongText
from biaffine_tf.corpora.checks import unlabelled_error
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.pseudo_labels import sentence_weight
from biaffine_tf.errors import BiaffineError, DataError
from biaffine_tf.files import temporary_folder, umask, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.records.features import Counts, SoftCounts, collect_labels
from biaffine_tf.records.span_schema import SCHEMA_VERSION
from biaffine_tf.records.span_shards import (
    RecordOptions,
    Shard,
    write_shards,
)
from biaffine_tf.records.teacher_scores import TeacherScores
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import Tokenizer

_META = "records.json"
_SHAPE = {
    "fingerprint": str,
    "made_of?": str,
    "shards": {str: int},
    "compression": str,
    "labels": [str],
    "found_labels?": [str],
    "counts": {str: int},
    "lengths": {str: int},
    "widths": {str: int},
    "scored_lengths": {str: int},
    "cells": [[int]],
    "max_cells": int,
    "hidden?": [[int]],
    "problems": object,
    "soft?": {
        **dict.fromkeys(("spans", "unaligned", "split", "max_cells"), int),
        "widths": {str: int},
    },
    "unlabelled?": {str: int},
    "pseudo?": {str: int},
}


@dataclasses.dataclass(frozen=True)
class Records:
    """A records directory, ready to train from.

    Attributes:
        directory: Path of the directory.
        shards: File names of the shards, in order.
        compression: "" or "GZIP".
        labels: Labels of the span matrices.
        found_labels: Labels that occur in the source.
        counts: Counts of sentences and spans, including losses.
        lengths: Number of windows by number of tokens.
        widths: Number of spans by width in tokens.
        scored_lengths: Number of windows by number of scored tokens.
        cells: Number of cells by (label id, width in tokens).
        max_cells: Maximum number of cells in a window.
        hidden: Number of windows by (id of a label that their source does not
            label, number of scored tokens); empty if every file labels all.
        soft: Counts of the spans of teachers; None if there are no teachers.
        unlabelled: Counts of the sentences that only have these.
        pseudo: Counts of the sentences with pseudo labels; None if there are
            none.
        problems: Problems that the reader skipped or repaired, by kind.
        fingerprint: SHA-256 of all that the records depend on.
        built: Whether they were written now, not found.
        outdated: Name of the directory of the same files and settings as an
            earlier version read them, if these take its place.
    """

    directory: str
    shards: tuple[str, ...]
    compression: str
    labels: LabelMap
    found_labels: tuple[str, ...]
    counts: Counts
    lengths: dict[int, int]
    widths: dict[int, int]
    scored_lengths: dict[int, int]
    cells: dict[tuple[int, int], int]
    max_cells: int
    problems: dict[str, Any]
    fingerprint: str
    built: bool = True
    hidden: dict[tuple[int, int], int] = dataclasses.field(default_factory=dict)
    soft: SoftCounts | None = None
    unlabelled: Counts = dataclasses.field(default_factory=Counts)
    pseudo: Counts | None = None
    outdated: str | None = None

    @property
    def paths(self) -> list[str]:
        """Paths of the shards."""
        return [os.path.join(self.directory, name) for name in self.shards]


def prepare_records(
    source: Corpus,
    directory: str,
    tokenizer: Tokenizer,
    options: RecordOptions,
    *,
    known_labels: LabelMap | None = None,
    teachers: TeacherScores | None = None,
    pseudo: Corpus | None = None,
    progress: bool = True,
) -> Records:
    """Finds the records of labelled files, or writes them.

    Args:
        source: Labelled files in any format of `formats`.
        directory: Parent of records directories.
        tokenizer: Tokenizer of the model.
        options: Options for writing.
        known_labels: Labels that come first, in this order, even if the source
            lacks them.
        teachers: Scores of teachers for the sentences of the source and
            further ones, which follow them; None if there are no teachers.
        pseudo: Sentences with pseudo labels, which follow those of the source;
            None if there are none. Not with teachers.
        progress: Whether to show a progress bar.

    Returns:
        Complete records of this source and these settings.

    Raises:
        DataError: If the source cannot be read, has an unlabelled sentence or
            no span, or a sentence that is too long where long sentences are an
            error.
    """
    made_of = _made_of(
        source, tokenizer, options, known_labels, teachers, pseudo
    )
    fingerprint = _digest(f"{made_of} {formats.READER_VERSION}")
    target = os.path.join(directory, f"records-{fingerprint[:16]}")
    existing = _load(target, fingerprint)
    if existing is not None:
        return existing
    # Surveys first: an unreadable source leaves no files.
    problems = formats.Problems()
    survey = _survey(source, problems)
    labels = _merge_labels(known_labels, survey.labels)
    os.makedirs(directory, exist_ok=True)
    with temporary_folder(directory, os.path.basename(target)) as temporary:
        sentences = tqdm(
            teachers.sentences(source)
            if teachers
            else _with_pseudo(source, pseudo),
            desc="records",
            total=None if teachers or pseudo else survey.sentences,
            unit=" sentences",
            disable=not progress,
        )
        shards = write_shards(
            sentences,
            temporary,
            tokenizer,
            labels,
            options,
            num_sentences=survey.sentences,
            soft=teachers.read() if teachers else None,
            pseudo=_weights(survey.sentences, pseudo) if pseudo else None,
        )
        _save(
            temporary,
            shards,
            labels,
            options,
            problems,
            {"fingerprint": fingerprint, "made_of": made_of},
            found_labels=survey.labels,
            is_soft=teachers is not None,
            is_pseudo=pseudo is not None,
        )
        _publish(temporary, target, fingerprint)
    written = _load(target, fingerprint)
    assert written is not None
    return dataclasses.replace(
        written, built=True, outdated=_find_outdated(target, made_of)
    )


def _with_pseudo(source: Corpus, pseudo: Corpus | None) -> Iterator[Sentence]:
    yield from source.read()
    if pseudo is not None:
        yield from pseudo.read()


def _weights(count: int, pseudo: Corpus) -> Iterator[float]:
    """Yields 0 for so many sentences, then the weights of the others."""
    yield from itertools.repeat(0.0, count)
    yield from map(sentence_weight, pseudo.read())


def _publish(temporary: str, target: str, fingerprint: str) -> None:
    """Renames the folder, unless another process has written the records."""
    if _load(target, fingerprint) is not None:
        return
    shutil.rmtree(target, ignore_errors=True)
    os.chmod(temporary, 0o777 & ~umask())
    os.rename(temporary, target)


def _find_outdated(target: str, made_of: str) -> str | None:
    """Returns the name of records of the same as an earlier version read it."""
    folder = glob.escape(os.path.dirname(target))
    for other in sorted(glob.glob(os.path.join(folder, "records-*"))):
        if os.path.basename(other) == os.path.basename(target):
            continue
        with contextlib.suppress(OSError, BiaffineError):
            path = os.path.join(other, _META)
            meta = read_json(path, _SHAPE, what="of records", remedy="")
            # Before there were versions, the fingerprint was of this alone.
            if meta.get("made_of", meta["fingerprint"]) == made_of:
                return os.path.basename(other)
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _made_of(
    source: Corpus,
    tokenizer: Tokenizer,
    options: RecordOptions,
    known_labels: LabelMap | None,
    teachers: TeacherScores | None,
    pseudo: Corpus | None,
) -> str:
    windowing = options.windowing
    is_windowed = windowing.long_text in (LongText.WINDOW, LongText.LINE)
    parts = {
        "schema": SCHEMA_VERSION,
        "source": source.fingerprint(),
        "reading": {k: str(v) for k, v in source.options.identity.items()},
        "tokenizer": tokenizer.fingerprint,
        "max_pieces": options.max_tokens,
        "long_text": str(windowing.long_text),
        "overlap": windowing.overlap if is_windowed else None,
        "context": options.context_tokens,
        "gzip": options.gzip,
        "sentences_per_shard": options.sentences_per_shard,
        "labels": None,  # as ever
    }
    if known_labels is not None:
        parts["known_labels"] = list(known_labels)
    if teachers is not None:
        parts["teachers"] = teachers.fingerprint
    if options.several_labels:
        parts["several_labels"] = True
    if pseudo is not None:
        parts["pseudo"] = pseudo.fingerprint()
    return _digest(json.dumps(parts, sort_keys=True))


@dataclasses.dataclass
class _Survey:
    sentences: int
    labels: LabelMap


def _merge_labels(known: LabelMap | None, others: LabelMap) -> LabelMap:
    """Appends labels that are not yet known."""
    if known is None:
        return others
    return LabelMap([*known, *(name for name in others if name not in known)])


def _survey(source: Corpus, problems: formats.Problems) -> _Survey:
    """Reads the source once for its labels, before records are written."""
    seen: dict[str, Span] = {}
    sentences = unlabelled = 0
    first: Sentence | None = None
    for sentence in source.read(problems):
        sentences += 1
        if sentence.spans is None:
            unlabelled += 1
            first = first or sentence
        for span in sentence.spans or ():
            seen.setdefault(span.label, span)
    if first is not None:
        raise unlabelled_error(unlabelled, sentences, first)
    if not seen:
        raise DataError(
            f"its {sentences} sentences hold no entity",
            file=source.name,
            remedy="training needs labelled spans",
        )
    return _Survey(sentences, collect_labels(seen.values()))


def _save(
    directory: str,
    shards: list[Shard],
    labels: LabelMap,
    options: RecordOptions,
    problems: formats.Problems,
    identity: dict[str, str],
    *,
    found_labels: LabelMap,
    is_soft: bool,
    is_pseudo: bool,
) -> None:
    counts, unlabelled, soft = Counts(), Counts(), SoftCounts()
    pseudo = Counts()
    lengths, widths = collections.Counter[int](), collections.Counter[int]()
    scored_lengths = collections.Counter[int]()
    cells = collections.Counter[tuple[int, int]]()
    hidden = collections.Counter[tuple[int, int]]()
    for shard in shards:
        counts.add(shard.counts)
        unlabelled.add(shard.unlabelled)
        pseudo.add(shard.pseudo)
        soft.add(shard.soft)
        lengths.update(shard.lengths)
        widths.update(shard.widths)
        scored_lengths.update(shard.scored_lengths)
        cells.update(shard.cells)
        hidden.update(shard.hidden)
    write_json(
        os.path.join(directory, _META),
        {
            "schema_version": SCHEMA_VERSION,
            **identity,
            "labels": list(labels),
            "found_labels": list(found_labels),
            "max_pieces": options.max_tokens,
            "compression": "GZIP" if options.gzip else "",
            "shards": {
                shard.name: os.path.getsize(os.path.join(directory, shard.name))
                for shard in shards
            },
            "counts": dataclasses.asdict(counts),
            "lengths": {str(k): v for k, v in sorted(lengths.items())},
            "widths": {str(k): v for k, v in sorted(widths.items())},
            "scored_lengths": {
                str(k): v for k, v in sorted(scored_lengths.items())
            },
            "cells": [[*key, n] for key, n in sorted(cells.items())],
            "max_cells": max((shard.max_cells for shard in shards), default=0),
            "problems": problems.to_json(),
        }
        | (
            {"hidden": [[*key, n] for key, n in sorted(hidden.items())]}
            if hidden
            else {}
        )
        | (
            {
                "soft": soft.to_json(),
                "unlabelled": dataclasses.asdict(unlabelled),
            }
            if is_soft
            else {}
        )
        | ({"pseudo": dataclasses.asdict(pseudo)} if is_pseudo else {}),
    )


def _load(directory: str, fingerprint: str) -> Records | None:
    path = os.path.join(directory, _META)
    try:
        meta = read_json(path, _SHAPE, what="of records", remedy="")
        if meta["fingerprint"] != fingerprint:
            return None
        records = _from_meta(directory, meta)
        sizes = meta["shards"].values()
        whole = all(
            os.path.getsize(path) == size
            for path, size in zip(records.paths, sizes, strict=True)
        )
    except (FileNotFoundError, BiaffineError, TypeError, ValueError):
        return None
    return records if whole else None


def _from_meta(directory: str, meta: dict[str, Any]) -> Records:
    return Records(
        directory=directory,
        shards=tuple(meta["shards"]),
        compression=meta["compression"],
        labels=LabelMap(meta["labels"]),
        # Earlier versions stored only the labels of the source.
        found_labels=tuple(meta.get("found_labels", meta["labels"])),
        counts=Counts(**meta["counts"]),
        lengths={int(k): v for k, v in meta["lengths"].items()},
        widths={int(k): v for k, v in meta["widths"].items()},
        scored_lengths={int(k): v for k, v in meta["scored_lengths"].items()},
        cells={(label, width): n for label, width, n in meta["cells"]},
        max_cells=meta["max_cells"],
        hidden={
            (label, length): n for label, length, n in meta.get("hidden", ())
        },
        problems=meta["problems"],
        fingerprint=meta["fingerprint"],
        built=False,
        soft=_soft_counts(meta["soft"]) if "soft" in meta else None,
        unlabelled=Counts(**meta.get("unlabelled", {})),
        pseudo=Counts(**meta["pseudo"]) if "pseudo" in meta else None,
    )


def _soft_counts(values: dict[str, Any]) -> SoftCounts:
    widths = {int(k): v for k, v in values["widths"].items()}
    return SoftCounts(**values | {"widths": collections.Counter(widths)})
