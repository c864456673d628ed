"""The predictor: texts in, entities out."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
from collections.abc import Iterable, Iterator
from typing import Any, overload

import numpy as np
import tensorflow as tf

from biaffine_tf import model_directory
from biaffine_tf.config import DecodingConfig, LongText, Precision
from biaffine_tf.decoding import Candidate, Confidence
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.batches import make_batches, pad, read_ahead
from biaffine_tf.inference.deciding import Decision
from biaffine_tf.inference.finder import Finder
from biaffine_tf.inference.windows import Part, Proposals, WindowedText
from biaffine_tf.modeling.fused_encoder import policy_scope
from biaffine_tf.modeling.span_model import SpanModel
from biaffine_tf.spans import Entity, LabelMap, Sentence, Span
from biaffine_tf.tokenization import (
    NO_CONTEXT,
    Context,
    Pieces,
    Tokenizer,
    Windowing,
    Windows,
    surround,
    with_context,
)

_IN_FLIGHT = 3  # batches


class Predictor:
    """Finds the entities of texts with a trained model.

    Texts may have any length: the model reads those that are longer than its
    `max_seq_length` in overlapping windows.

    Example:
        >>> predictor = Predictor.from_directory("model_dir")
        >>> predictor("小明在北京上学")
        [Entity(start=0, end=2, label='name', text='小明', score=0.98), ...]
        >>> predictor(["one text", "another"])
        [[...], [...]]

    Args:
        model: The model, with its weights.
        tokenizer: The tokenizer it was trained with.
        labels: Its labels.
        decoding: How candidates become entities.
        confidence: Calibration of scores, and thresholds.
        windowing: What becomes of long texts; None as the model's config says.
        batch_size: Most sentences, or windows, in a batch.

    Raises:
        ConfigError: If the batch size is not positive.

    Attributes:
        windowed_sentences: Texts read in several windows so far.
        cut_sentences: Texts cut so far, if this is what becomes of long ones.
    """

    def __init__(
        self,
        model: SpanModel,
        tokenizer: Tokenizer,
        labels: LabelMap,
        *,
        decoding: DecodingConfig | None = None,
        confidence: Confidence | None = None,
        windowing: Windowing | None = None,
        batch_size: int = 64,
    ) -> None:
        if batch_size < 1:
            raise ConfigError(
                f"batch_size is {batch_size}", remedy="it must be positive"
            )
        self.model = model
        self.tokenizer = tokenizer
        self.labels = labels
        self.decoding = decoding or DecodingConfig()
        self.confidence = confidence or Confidence()
        self.windowing = windowing or Windowing.of(model.config)
        self.windowed_sentences = 0
        self.cut_sentences = 0
        self._batch_size = batch_size
        self._find_candidates = Finder(
            model, force_one_entity=self.decoding.force_one_entity
        )

    @classmethod
    def from_directory(
        cls,
        directory: str | os.PathLike[str],
        *,
        calibrated: bool = True,
        thresholds: bool = True,
        long_text: LongText | None = None,
        window_overlap: int | None = None,
        batch_size: int = 64,
        precision: Precision = Precision.FLOAT32,
        xla: bool = False,
        **decoding: Any,
    ) -> Predictor:
        """Loads a model directory.

        Args:
            directory: Written by `run_classifier.py`.
            calibrated: Whether scores are calibrated, if the directory says
                how.
            thresholds: Whether candidates must pass the thresholds of the
                directory, if it has any.
            long_text: What becomes of texts longer than the model reads at
                once; None as in training.
            window_overlap: Pieces that neighbouring windows share at least;
                None as in training.
            batch_size: Most sentences, or windows, in a batch.
            precision: Of matrix products, whatever it was in training.
            xla: Whether XLA compiles the encoder, once for each shape.
            **decoding: Fields of `DecodingConfig`, such as `nested=True`; None
                and those not given as in training.

        Raises:
            ConfigError: If the directory is not a complete model directory, or
                a setting is unknown or out of range.
        """
        directory = os.fspath(directory)
        config, labels, tokenizer = model_directory.read_description(directory)
        windowing = Windowing.of(
            config.model, long_text=long_text, window_overlap=window_overlap
        )
        settings = config.decoding.replace_given(**decoding)
        confidence = _confidence(
            directory, calibrated=calibrated, thresholds=thresholds
        )
        model_directory.check_weights(directory)
        with policy_scope(str(precision)):
            model = SpanModel(
                config.model,
                num_classes=labels.num_classes,
                pad_id=tokenizer.pad_id,
            )
            model.build_weights()
        model.encoder.xla = xla
        model_directory.load_weights(directory, model)
        return cls(
            model,
            tokenizer,
            labels,
            decoding=settings,
            confidence=confidence,
            windowing=windowing,
            batch_size=batch_size,
        )

    @overload
    def __call__(self, texts: str) -> list[Entity]: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(self, texts: Iterable[str]) -> list[list[Entity]]: ...

    def __call__(
        self, texts: str | Iterable[str]
    ) -> list[Entity] | list[list[Entity]]:
        """Entities of one text, or of each of several, sorted by position."""
        if isinstance(texts, str):
            return self([texts])[0]
        return [
            [_entity(sentence, span) for span in sentence.spans or ()]
            for sentence in self.predict(Sentence(text) for text in texts)
        ]

    def predict(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Replaces the spans of sentences by predicted ones.

        Streams: reads a few thousand sentences ahead, fewer of long ones, and
        keeps their order. A model that reads context takes sentences of the
        same `document` (all, if they have none) for neighbours.

        Args:
            sentences: Their own spans are ignored.

        Yields:
            Each sentence with predicted spans, which carry scores.

        Raises:
            DataError: If a sentence is too long and that is an error.
        """
        decision = Decision(self.decoding, self.confidence)
        least = self.confidence.lowest_margin
        for sentence, text in self._search_texts(sentences, least):
            entities = decision.entities(
                text.candidates, text.best_other, sentence.text
            )
            yield sentence.replace_spans(map(_span, entities))

    def candidates(
        self, sentences: Iterable[Sentence], *, least_score: float = 0.01
    ) -> Iterator[list[Candidate]]:
        """What the model holds for possible, before anything is decided.

        Args:
            sentences: Their spans are ignored.
            least_score: Candidates have at least this score.

        Yields:
            Candidates of each sentence in no particular order: one for each
            pair of pieces and its best label, with the scores of the model as
            they are.

        Raises:
            DataError: If a sentence is too long and that is an error.
        """
        bound = Confidence(thresholds={}, default_threshold=least_score)
        for _, text in self._search_texts(sentences, bound.lowest_margin):
            yield [
                one
                for one in text.candidates
                if one.score is not None and one.score >= least_score
            ]

    def _search_texts(
        self, sentences: Iterable[Sentence], least_margin: float
    ) -> Iterator[tuple[Sentence, WindowedText]]:
        """Sentences, in order, and what was found in them."""
        surrounded = with_context(
            sentences,
            self.tokenizer,
            pieces=self.model.config.context_pieces,
        )
        for some in read_ahead(surrounded):
            # No name for the texts: it would keep them while others are read.
            yield from zip(
                (sentence for sentence, _ in some),
                self._search_some(some, least_margin),
                strict=True,
            )

    def _search_some(
        self, sentences: list[tuple[Sentence, Context]], least_margin: float
    ) -> list[WindowedText]:
        """What is found in each of the sentences read ahead."""
        texts = self._divide(sentences, least_margin)
        batches = make_batches(
            [part for text in texts for part in text.parts],
            most_parts=self._batch_size,
        )

        def search(batch: list[Part]) -> list[Proposals]:
            return self._search_batch(batch, least_margin)

        # What one batch leaves idle of the cores, the next one takes.
        with concurrent.futures.ThreadPoolExecutor(_IN_FLIGHT) as pool:
            for batch, found in zip(
                batches, pool.map(search, batches), strict=True
            ):
                for part, proposals in zip(batch, found, strict=True):
                    part.text.add(part.index, proposals)
        return texts

    def _divide(
        self, sentences: list[tuple[Sentence, Context]], least_margin: float
    ) -> list[WindowedText]:
        """Cuts sentences into pieces and these into windows."""
        encoded = self.tokenizer.encode_batch([s.text for s, _ in sentences])
        texts = []
        for (sentence, context), pieces in zip(sentences, encoded, strict=True):
            windows = self.windowing.divide(sentence, pieces)
            self.windowed_sentences += len(windows) > 1
            self.cut_sentences += self.windowing.is_cut(pieces)
            texts.append(
                WindowedText(
                    pieces,
                    windows,
                    self.labels,
                    least_margin=least_margin,
                    surrounded=self._surround(pieces, windows, context),
                )
            )
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
        found = self._find_candidates(
            tf.constant(pad(batch, self.tokenizer)), least_margin
        )
        where, *opinions = (column.numpy() for column in found)
        row, first, last = where.T
        bounds = np.searchsorted(row, np.arange(1, len(batch)))
        columns = [np.split(x, bounds) for x in (first, last, *opinions)]
        return [Proposals(*own) for own in zip(*columns, strict=True)]


def _confidence(
    directory: str, *, calibrated: bool, thresholds: bool
) -> Confidence:
    """What a model directory says of scores, as far as it is wanted."""
    if not calibrated:
        return Confidence()
    confidence = model_directory.read_confidence(directory)
    if thresholds:
        return confidence
    return dataclasses.replace(confidence, thresholds=None)


def _span(entity: Candidate) -> Span:
    return Span(entity.start, entity.end, entity.label, entity.score)


def _entity(sentence: Sentence, span: Span) -> Entity:
    assert span.score is not None
    return Entity(
        span.start, span.end, span.label, sentence.surface(span), span.score
    )
