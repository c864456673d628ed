"""Prediction around a model that reads windows of pieces; no TensorFlow."""

from __future__ import annotations

import abc
import concurrent.futures
import dataclasses
import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import DecodingConfig, LongText
from biaffine_tf.decoding import Candidate
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.inference.batches import make_batches, pad, read_ahead
from biaffine_tf.inference.deciding import Decision
from biaffine_tf.inference.strongest import Strongest
from biaffine_tf.inference.windows import (
    Part,
    Proposals,
    Wanted,
    WindowedText,
)
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import (
    NO_CONTEXT,
    Context,
    Pieces,
    Tokenizer,
    Windowing,
    Windows,
    WordRule,
    find_edges,
    surround,
    with_context,
)

_IN_FLIGHT = 3  # batches


class Pairs(NamedTuple):
    """Pairs that a model finds in a batch, one entry for each.

    Attributes:
        where: Row of the batch, in ascending order, first and last piece, int
            `[N, 3]`.
        labels: The best label, int `[N]`.
        logits: Its logit, float `[N]`.
        margins: Its logit less that of "none", float `[N]`.
        scores: Its probability, float64 `[N]`.
    """

    where: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    margins: np.ndarray
    scores: np.ndarray


class WindowedPredictor(BasePredictor):
    """Finds the entities of texts of any length with some model.

    What is longer than the model reads at once is read in windows.

    Args:
        tokenizer: The tokenizer the model was trained with.
        labels: Its labels.
        windowing: What becomes of long texts.
        decoding: How candidates become entities.
        confidence: Calibration of scores, and thresholds.
        context_pieces: Pieces of context on each side that it was trained
            with.
        batch_size: Most sentences, or windows, in a batch.

    Raises:
        ConfigError: If the batch size is not positive.
    """

    windowing: Windowing

    def __init__(
        self,
        tokenizer: Tokenizer,
        labels: LabelMap,
        windowing: Windowing,
        *,
        decoding: DecodingConfig | None = None,
        confidence: Confidence | None = None,
        context_pieces: int = 0,
        batch_size: int = 64,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ConfigError(f"batch_size must be positive, got {batch_size}")
        self.tokenizer = tokenizer
        self.labels = labels
        self.decoding = decoding or DecodingConfig()
        self.confidence = confidence or Confidence()
        self.windowing = windowing
        self._context_pieces = context_pieces
        self._batch_size = batch_size
        self._counting = threading.Lock()

    def predict(
        self, sentences: Iterable[Sentence], **decoding: Any
    ) -> Iterator[Sentence]:
        """Replaces the spans of sentences by predicted ones.

        Streams: reads a few thousand sentences ahead, fewer of long ones, and
        keeps their order. A model that reads context takes sentences of the
        same `document` (all, if they have none) for neighbours.

        Args:
            sentences: Their own spans are ignored.
            **decoding: Fields of `DecodingConfig` that are to differ in this
                call, such as `nested=True`.

        Yields:
            Each sentence with predicted spans, which carry scores.

        Raises:
            ConfigError: If a setting is unknown or out of range.
            DataError: If a sentence is too long and that is an error.
        """
        self._check_open()
        settings = self.decoding.replace_given(**decoding)
        if settings.force_one_entity != self.decoding.force_one_entity:
            raise ConfigError(
                "force_one_entity is another than the model was loaded with",
                remedy="load it with this setting",
            )
        return self._decide(sentences, settings)

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError if a text is too long and that is an error."""
        if self.windowing.long_text is LongText.ERROR:
            pieces = self.tokenizer.encode(sentence.text)
            self.windowing.divide(sentence, pieces)

    def _decide(
        self, sentences: Iterable[Sentence], settings: DecodingConfig
    ) -> Iterator[Sentence]:
        decision = Decision(settings, self.confidence)
        wanted = Wanted(
            self.confidence.lowest_margin, rule=WordRule.of(settings)
        )
        for sentence, text in self._search_texts(sentences, wanted):
            entities = decision.entities(
                text.candidates, text.best_other, sentence.text
            )
            yield sentence.replace_spans(map(_span, entities))

    def candidates(
        self,
        sentences: Iterable[Sentence],
        *,
        least_score: float = 0.01,
        strongest: Strongest | None = None,
    ) -> Iterator[list[Candidate]]:
        """What the model holds for possible, before anything is decided.

        Args:
            sentences: Their spans are ignored.
            least_score: Candidates have at least this score.
            strongest: Takes note of all candidates; those that cannot be among
                the strongest of all sentences are left out.

        Yields:
            Candidates of each sentence in no particular order: one for each
            pair of pieces and its best label, with the scores of the model as
            they are. Where entities begin and end at words, candidates do.

        Raises:
            DataError: If a sentence is too long and that is an error.
        """
        bound = Confidence(thresholds={}, default_threshold=least_score)
        wanted = Wanted(
            bound.lowest_margin, strongest, WordRule.of(self.decoding)
        )
        for _, text in self._search_texts(sentences, wanted):
            yield [
                one
                for one in text.candidates
                if one.score is not None and one.score >= least_score
            ]

    @abc.abstractmethod
    def _find_pairs(self, input_ids: np.ndarray, least_margin: float) -> Pairs:
        """What the model finds in a batch; several threads call it at once.

        Args:
            input_ids: `[CLS] pieces [SEP]` and padding, int32 `[B, L + 2]`.
            least_margin: Pairs with a margin above it are wanted.
        """

    def _search_texts(
        self, sentences: Iterable[Sentence], wanted: Wanted
    ) -> Iterator[tuple[Sentence, WindowedText]]:
        """Sentences, in order, and what was found in them."""
        surrounded = with_context(
            sentences, self.tokenizer, pieces=self._context_pieces
        )
        for some in read_ahead(surrounded):
            # No name for the texts: it would keep them while others are read.
            yield from zip(
                (sentence for sentence, _ in some),
                self._search_in_use(some, wanted),
                strict=True,
            )

    def _search_in_use(
        self, sentences: list[tuple[Sentence, Context]], wanted: Wanted
    ) -> list[WindowedText]:
        with self._in_use():
            return self._search_some(sentences, wanted)

    def _search_some(
        self, sentences: list[tuple[Sentence, Context]], wanted: Wanted
    ) -> list[WindowedText]:
        """What is found in each of the sentences read ahead."""
        texts = self._divide(sentences, wanted)
        batches = make_batches(
            [part for text in texts for part in text.parts],
            most_parts=self._batch_size,
        )

        def search(batch: list[Part]) -> list[Proposals]:
            return self._search_batch(batch, wanted.least_margin)

        # What one batch leaves idle of the cores, the next one takes.
        with concurrent.futures.ThreadPoolExecutor(_IN_FLIGHT) as pool:
            for batch, found in zip(
                batches, pool.map(search, batches), strict=True
            ):
                for part, proposals in zip(batch, found, strict=True):
                    part.text.add(part.index, proposals)
        return texts

    def _divide(
        self, sentences: list[tuple[Sentence, Context]], wanted: Wanted
    ) -> list[WindowedText]:
        """Cuts sentences into pieces and these into windows."""
        encoded = self.tokenizer.encode_batch([s.text for s, _ in sentences])
        texts = []
        windowed = cut = 0
        for (sentence, context), pieces in zip(sentences, encoded, strict=True):
            windows = self.windowing.divide(sentence, pieces)
            windowed += len(windows) > 1
            cut += self.windowing.is_cut(pieces)
            texts.append(
                WindowedText(
                    pieces,
                    windows,
                    self.labels,
                    wanted=wanted,
                    surrounded=self._surround(pieces, windows, context),
                    edges=find_edges(sentence, pieces, wanted.rule),
                )
            )
        with self._counting:
            self.windowed_sentences += windowed
            self.cut_sentences += cut
        return texts

    def _surround(
        self, pieces: Pieces, windows: Windows, context: Context
    ) -> list[int] | None:
        if context == NO_CONTEXT or len(windows) != 1:
            return None
        start, end = windows[0]
        return surround(
            pieces.ids[start:end],
            context,
            max_pieces=self.windowing.max_pieces,
        )

    def _search_batch(
        self, batch: list[Part], least_margin: float
    ) -> list[Proposals]:
        """What the model finds in each window of a batch."""
        found = self._find_pairs(pad(batch, self.tokenizer), least_margin)
        row, first, last = found.where.T
        bounds = np.searchsorted(row, np.arange(1, len(batch)))
        columns = [np.split(x, bounds) for x in (first, last, *found[1:])]
        return [Proposals(*own) for own in zip(*columns, strict=True)]


def confidence_of(
    directory: str, *, calibrated: bool, thresholds: bool
) -> Confidence:
    """What a model directory says of scores, as far as it is wanted.

    Args:
        directory: A model directory.
        calibrated: Whether scores are to be calibrated.
        thresholds: Whether candidates must pass thresholds.

    Raises:
        ConfigError: If the directory is damaged.
    """
    if not calibrated:
        return Confidence()
    confidence = model_directory.read_confidence(directory)
    if thresholds:
        return confidence
    return dataclasses.replace(confidence, thresholds=None)


def _span(entity: Candidate) -> Span:
    return Span(entity.start, entity.end, entity.label, entity.score)
