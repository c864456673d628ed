"""Scores a corpus with trained models, the teachers of another model.

The sentences are scored in parts, each a file of its own until all are done: a
run that continues scores only the parts that are missing. A part has the same
batches, and so the same scores, whenever it is scored.
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from biaffine_tf import heads, model_directory
from biaffine_tf.calibration.confidence import Confidence, to_log_odds
from biaffine_tf.config import LongText
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.decoding.candidates import Candidate, to_probability
from biaffine_tf.files import remove
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.inference.windowed_text import Wanted
from biaffine_tf.locks import locked
from biaffine_tf.records.teacher_scores import (
    MIN_PROBABILITY,
    TeacherScores,
    join_scores,
    write_scores,
)
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import Context

# Sentences of a part; some seconds to minutes of work.
_PART = 1024

_Surrounded = Iterator[tuple[Sentence, Context]]
_Key = tuple[int, int, str]  # start, end, label


class _Teacher(Predictor):
    """Predictor that proposes every label of a span, not only the best."""

    _every_label = True


def score(
    directories: Sequence[str],
    scores: TeacherScores,
    train: Corpus,
    *,
    progress: bool = True,
) -> None:
    """Writes the teachers' scores of a corpus, unless they are there.

    Args:
        directories: Model directories of the teachers.
        scores: File to write, and further sentences.
        train: Training data.
        progress: Whether to show a progress bar.

    Raises:
        ConfigError: If a model is damaged.
        DataError: If a sentence cannot be read.
    """
    if scores.is_complete():
        return
    # Beside the scores, so that a run that shares them does not interfere.
    folder = f"{scores.path}.parts"
    with locked(folder), contextlib.ExitStack() as open_teachers:
        if scores.is_complete():  # another process has just written them
            return
        teachers = [
            open_teachers.enter_context(_load(directory))
            for directory in directories
        ]
        streams = [
            teacher.surround(scores.sentences(train)) for teacher in teachers
        ]
        paths: list[str] = []
        sentences = 0
        with tqdm(
            desc="teachers", unit=" sentences", disable=not progress
        ) as bar:
            while parts := _next_parts(streams):
                path = os.path.join(folder, f"{len(paths):06d}.jsonl")
                if not os.path.exists(path):
                    write_scores(path, _average(teachers, parts))
                paths.append(path)
                sentences += len(parts[0])
                bar.update(len(parts[0]))
        join_scores(scores, paths, sentences=sentences)
        remove(folder)


def _load(directory: str) -> Predictor:
    """Loads a teacher; long texts are scored to their end."""
    model = model_directory.read_config(directory).model
    is_partial = model.long_text in (LongText.TRUNCATE, LongText.ERROR)
    if is_partial:
        print(
            f"{directory}: long texts are read in windows, not treated as "
            f"--long_text={model.long_text}, so that all of them is scored"
        )
    return predictor_of_every_label(
        directory,
        calibrated=False,
        long_text=LongText.WINDOW if is_partial else None,
        force_one_entity=False,
    )


def predictor_of_every_label(directory: str, **options: Any) -> Predictor:
    """Loads a predictor that proposes every label of a span if its head can.

    Args:
        directory: Model directory.
        **options: See `Predictor.from_directory`.
    """
    model = model_directory.read_config(directory).model
    kind = _Teacher if heads.distils(model.head.name) else Predictor
    return kind.from_directory(directory, **options)


def _next_parts(
    streams: Sequence[_Surrounded],
) -> list[list[tuple[Sentence, Context]]]:
    """Reads the next part of each stream; empty at their end."""
    parts = [list(itertools.islice(stream, _PART)) for stream in streams]
    return parts if parts[0] else []


def _average(
    teachers: Sequence[Predictor],
    parts: Sequence[Iterable[tuple[Sentence, Context]]],
) -> Iterator[list[Span]]:
    """Yields the averaged spans of each sentence of a part."""
    bound = Confidence(thresholds={}, default_threshold=MIN_PROBABILITY)
    wanted = Wanted(bound.lowest_margin, to_log_odds(MIN_PROBABILITY))
    found = (
        teacher.search(part, wanted)
        for teacher, part in zip(teachers, parts, strict=True)
    )
    for texts in zip(*found, strict=True):
        yield average([_spans(text.candidates) for text in texts])


def _spans(candidates: Iterable[Candidate]) -> dict[_Key, float]:
    """Returns probabilities by range and label.

    Ranges of tokens that share characters can be the same in characters: the
    most probable counts.
    """
    spans: dict[_Key, float] = collections.defaultdict(float)
    for one in candidates:
        assert one.log_odds is not None
        key = one.start, one.end, one.label
        spans[key] = max(spans[key], to_probability(one.log_odds))
    return spans


def average(opinions: Sequence[Mapping[_Key, float]]) -> list[Span]:
    """Averages the spans of several teachers for a sentence.

    Args:
        opinions: Probabilities by start, end and label; 0 for others.

    Returns:
        Sorted spans with the mean probability as score.
    """
    keys = sorted(set(itertools.chain.from_iterable(opinions)))
    return [
        Span(*key, sum(one.get(key, 0.0) for one in opinions) / len(opinions))
        for key in keys
    ]
