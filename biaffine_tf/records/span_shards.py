"""Writing of span shards, by any number of processes with equal results."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from biaffine_tf.config import LongText
from biaffine_tf.parallel import in_order
from biaffine_tf.records.features import Counts, SoftCounts, featurize
from biaffine_tf.records.span_schema import serialize
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import Context, Tokenizer, Windowing, with_context

# Fewer sentences are not worth the start of a second process.
_SENTENCES_WORTH_PROCESSES = 200_000


# A sentence, its context, the spans of teachers if there are any, and the
# weight of its labels if there are pseudo labels.
_Task = tuple[Sentence, Context, Sequence[Span] | None, float | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordOptions:
    """Options for writing records.

    Attributes:
        max_tokens: Maximum number of tokens per window.
        window_overlap: Minimum number of tokens shared by neighbouring windows;
            None for a quarter of `max_tokens`.
        long_text: Treatment of sentences of more than `max_tokens`.
        context_tokens: Number of tokens of neighbouring sentences on each side.
        several_labels: Whether a range keeps all of its labels, not only the
            first.
        gzip: Whether to compress shards.
        sentences_per_shard: Number of sentences in each shard but the last.
        processes: Number of processes; 0 to choose by the corpus size.
    """

    max_tokens: int
    window_overlap: int | None = None
    long_text: LongText = LongText.WINDOW
    context_tokens: int = 0
    several_labels: bool = False
    gzip: bool = False
    sentences_per_shard: int = 8192
    processes: int = 0

    @property
    def windowing(self) -> Windowing:
        """Windowing of the sentences."""
        return Windowing(
            max_tokens=self.max_tokens,
            window_overlap=self.window_overlap,
            long_text=self.long_text,
        )


@dataclasses.dataclass
class Shard:
    """Contents of a file of records.

    Attributes:
        name: File name.
        counts: Counts of sentences and spans, including losses.
        lengths: Number of windows by number of tokens.
        widths: Number of spans by width in tokens.
        scored_lengths: Number of windows by number of tokens without context.
        cells: Number of cells by (label id, width in tokens); a span in two
            windows counts twice.
        max_cells: Maximum number of cells in a window.
        hidden: Number of windows by (id of a label that the source of the
            window does not label, number of tokens without context).
        soft: Counts of the spans of teachers.
        unlabelled: Counts of the sentences that have no others; `lengths` are
            of all sentences, what else is here of labelled ones.
        pseudo: Counts of the sentences with pseudo labels, whose cells are
            among the others but not their widths.
    """

    name: str
    counts: Counts = dataclasses.field(default_factory=Counts)
    lengths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    widths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    scored_lengths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    cells: collections.Counter[tuple[int, int]] = dataclasses.field(
        default_factory=collections.Counter
    )
    max_cells: int = 0
    hidden: collections.Counter[tuple[int, int]] = dataclasses.field(
        default_factory=collections.Counter
    )
    soft: SoftCounts = dataclasses.field(default_factory=SoftCounts)
    unlabelled: Counts = dataclasses.field(default_factory=Counts)
    pseudo: Counts = dataclasses.field(default_factory=Counts)


def write_shards(
    sentences: Iterable[Sentence],
    directory: str,
    tokenizer: Tokenizer,
    labels: LabelMap,
    options: RecordOptions,
    *,
    num_sentences: int,
    soft: Iterable[Sequence[Span]] | None = None,
    pseudo: Iterable[float] | None = None,
) -> list[Shard]:
    """Writes all shards of a corpus.

    Args:
        sentences: Sentences of the corpus; read once, in constant memory.
        directory: Existing folder for the files.
        tokenizer: Tokenizer of the model.
        labels: Labels of the span matrices.
        options: Options for writing.
        num_sentences: Number of sentences.
        soft: Spans of teachers for each sentence; None if there are none.
        pseudo: Weight of each sentence, 0 for gold labels; None if there are
            no pseudo labels.

    Returns:
        The shards, in order.
    """
    processes = options.processes or _default_processes(num_sentences)
    surrounded = with_context(
        sentences, tokenizer, tokens=options.context_tokens
    )
    work = functools.partial(
        _write_shard,
        directory=directory,
        tokenizer=tokenizer,
        labels=labels,
        options=options,
    )
    tasks = enumerate(
        _chunks(_tasks(surrounded, soft, pseudo), options.sentences_per_shard)
    )
    return list(in_order(work, tasks, processes, flag="--records_processes"))


def _tasks(
    surrounded: Iterable[tuple[Sentence, Context]],
    soft: Iterable[Sequence[Span]] | None,
    pseudo: Iterable[float] | None,
) -> Iterator[_Task]:
    """Joins the sentences and what belongs to them; all are as many."""
    given: list[Iterable[Any]] = [
        one for one in (soft, pseudo) if one is not None
    ]
    for (sentence, context), *values in zip(surrounded, *given, strict=True):
        weight = values.pop() if pseudo is not None else None
        yield sentence, context, (values.pop() if values else None), weight


def _default_processes(num_sentences: int) -> int:
    if num_sentences < _SENTENCES_WORTH_PROCESSES:
        return 1
    return min(os.cpu_count() or 1, 8)


def _chunks(sentences: Iterable[_Task], size: int) -> Iterator[list[_Task]]:
    iterator = iter(sentences)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def _write_shard(
    task: tuple[int, list[_Task]],
    *,
    directory: str,
    tokenizer: Tokenizer,
    labels: LabelMap,
    options: RecordOptions,
) -> Shard:
    number, sentences = task
    name = f"{number:05d}.tfrecord" + (".gz" if options.gzip else "")
    shard = Shard(name)
    compression = "GZIP" if options.gzip else ""
    path = os.path.join(directory, name)
    with tf.io.TFRecordWriter(path, compression) as writer:
        for sentence, context, soft, pseudo in sentences:
            is_labelled = sentence.spans is not None
            counts = shard.counts if is_labelled else shard.unlabelled
            windows, widths = featurize(
                sentence,
                tokenizer,
                labels,
                windowing=options.windowing,
                counts=shard.pseudo if pseudo else counts,
                context=context,
                soft=soft,
                soft_counts=shard.soft,
                several_labels=options.several_labels,
                pseudo=pseudo,
            )
            if not pseudo:
                shard.widths.update(widths)
            for features in windows:
                writer.write(serialize(features))
                shard.lengths[features.num_tokens] += 1
                if not is_labelled:
                    continue
                shard.scored_lengths[features.num_scored] += 1
                shard.cells.update(
                    (label, last - first + 1)
                    for first, last, label in features.cells
                )
                shard.hidden.update(
                    (label, features.num_scored) for label in features.hidden
                )
                shard.max_cells = max(shard.max_cells, len(features.cells))
    return shard
