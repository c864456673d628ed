"""Prediction with models that read windows of tokens; no TensorFlow."""

from __future__ import annotations

import abc
import concurrent.futures
import contextlib
import dataclasses
import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence, to_log_odds
from biaffine_tf.config import DecodingConfig, LongText
from biaffine_tf.decoding import Candidate, Candidates
from biaffine_tf.decoding.greedy import greedy_order
from biaffine_tf.errors import ConfigError
from biaffine_tf.heads import check_nested
from biaffine_tf.inference.base import MIN_SCORE, BasePredictor, Judgement
from biaffine_tf.inference.batches import make_batches, pad
from biaffine_tf.inference.postprocessing import Postprocessor
from biaffine_tf.inference.read_ahead import read_texts
from biaffine_tf.inference.strongest import Strongest
from biaffine_tf.inference.windowed_text import (
    TextWindow,
    Wanted,
    WindowedText,
)
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import (
    Context,
    Tokenizer,
    Windowing,
    WordRule,
    with_context,
)

_IN_FLIGHT = 3  # batches


class WindowedPredictor(BasePredictor):
    """Finds the entities of texts of any length.

    Texts above the model's maximum number of tokens are read in windows.

    Args:
        tokenizer: Tokenizer of the model.
        labels: Labels of the model.
        windowing: Treatment of long texts.
        decoding: Settings of decoding.
        confidence: Calibration and thresholds.
        context_tokens: Number of tokens of context on each side in training.
        batch_size: Maximum number of sentences or windows per batch.
        head: Name of the model's head.

    Raises:
        ConfigError: If the batch size is not positive, or the head cannot find
            the nested entities that are wanted.
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
        context_tokens: int = 0,
        batch_size: int = 64,
        head: str = "biaffine",
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise ConfigError(f"batch_size must be positive, got {batch_size}")
        self.tokenizer = tokenizer
        self.labels = labels
        self.decoding = decoding or DecodingConfig()
        check_nested(head, self.decoding.nested)
        self._head_name = head
        self.confidence = confidence or Confidence()
        self.windowing = windowing
        self._context_tokens = context_tokens
        self._batch_size = batch_size
        self._counting = threading.Lock()

    def predict(
        self, sentences: Iterable[Sentence], **decoding: Any
    ) -> Iterator[Sentence]:
        """Replaces the spans of sentences by predictions.

        Reads a few thousand sentences ahead, fewer if they are long, and keeps
        their order. For a model with context, sentences of the same `document`
        (all, if they have none) are neighbours.

        Args:
            sentences: Sentences, whose own spans are ignored.
            **decoding: Fields of `DecodingConfig` to change in this call, such
                as `nested=True`.

        Yields:
            Each sentence with predicted spans and their scores.

        Raises:
            ConfigError: If a setting is unknown or out of range.
            DataError: If a sentence is too long and long texts are an error.
        """
        self._check_open()
        settings = self.decoding.replace_given(**decoding)
        check_nested(self._head_name, settings.nested)
        if settings.force_one_entity != self.decoding.force_one_entity:
            raise ConfigError(
                "force_one_entity is another than the model was loaded with",
                remedy="load it with this setting",
            )
        return self._predict(sentences, settings)

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError if a text is too long and that is an error."""
        if self.windowing.long_text is LongText.ERROR:
            tokens = self.tokenizer.encode(sentence.text)
            self.windowing.divide(sentence, tokens)

    def candidates(
        self,
        sentences: Iterable[Sentence],
        *,
        min_score: float = 0.01,
        strongest: Strongest | None = None,
    ) -> Iterator[list[Candidate]]:
        """Returns the candidates of the model, before postprocessing.

        Args:
            sentences: Sentences, whose spans are ignored.
            min_score: Minimum score of candidates.
            strongest: Receives all candidates; those that cannot be among the
                strongest of all sentences are left out.

        Yields:
            Candidates of each sentence, in no particular order: one for each
            range of tokens with its best label and the model's log-odds. If
            entities begin and end at words, so do candidates.

        Raises:
            DataError: If a sentence is too long and long texts are an error.
        """
        bound = Confidence(thresholds={}, default_threshold=min_score)
        wanted = Wanted(
            bound.lowest_margin,
            to_log_odds(min_score),
            strongest,
            WordRule.of(self.decoding),
        )
        for text in self.search(self.surround(sentences), wanted):
            yield text.candidates

    def judge(
        self, sentences: Iterable[Sentence]
    ) -> Iterator[tuple[Sentence, Judgement]]:
        """Finds the entities and the candidates of sentences, in order.

        Args:
            sentences: Sentences, whose own spans are ignored.

        Yields:
            Each sentence as it was given, with its judgement; a range of
            characters has its best label alone.

        Raises:
            DataError: If a sentence is too long and long texts are an error.
        """
        own = self.confidence
        bound = dataclasses.replace(
            own, thresholds={}, default_threshold=MIN_SCORE
        )
        wanted = Wanted(
            min(bound.lowest_margin, own.lowest_margin),
            rule=WordRule.of(self.decoding),
        )
        postprocess = Postprocessor(self.decoding, own)
        for text in self.search(self.surround(sentences), wanted):
            passing: list[Candidate] = []
            others: list[Candidate] = []
            for one in text.candidates:
                is_passing = one.margin > own.lowest_margin
                (passing if is_passing else others).append(one)
            if text.best_other is not None:
                others.append(text.best_other)
            best_other = min(others, key=greedy_order, default=None)
            entities = postprocess(passing, best_other, text.sentence.text)
            spans = [
                Span(one.start, one.end, one.label, one.score)
                for one in own.rescore(text.candidates)
            ]
            candidates = [one for one in spans if (one.score or 0) >= MIN_SCORE]
            yield text.sentence, Judgement(entities, candidates)

    @abc.abstractmethod
    def _find_candidates(
        self, input_ids: np.ndarray, context: np.ndarray, min_margin: float
    ) -> Candidates:
        """Finds the candidates of a batch, in tokens; must be thread-safe.

        Args:
            input_ids: Padded `[CLS] tokens [SEP]`, int32 `[B, L + 2]`.
            context: Mask of the context tokens, bool `[B, L + 2]`.
            min_margin: Candidates have a margin above it.

        Returns:
            Rows in ascending order of sentences.
        """

    def _predict(
        self, sentences: Iterable[Sentence], settings: DecodingConfig
    ) -> Iterator[Sentence]:
        postprocess = Postprocessor(settings, self.confidence)
        wanted = Wanted(
            self.confidence.lowest_margin, rule=WordRule.of(settings)
        )
        for text in self.search(self.surround(sentences), wanted):
            yield text.sentence.replace_spans(
                postprocess(
                    text.candidates, text.best_other, text.sentence.text
                )
            )

    def surround(
        self, sentences: Iterable[Sentence]
    ) -> Iterator[tuple[Sentence, Context]]:
        """Adds the context that the model reads to each sentence."""
        return with_context(
            sentences, self.tokenizer, tokens=self._context_tokens
        )

    def search(
        self, surrounded: Iterable[tuple[Sentence, Context]], wanted: Wanted
    ) -> Iterator[WindowedText]:
        """Yields the sentences of `surround` in order, with candidates."""
        return itertools.chain.from_iterable(
            map(
                functools.partial(self._add_candidates, wanted.min_margin),
                read_texts(
                    surrounded,
                    self.tokenizer,
                    self.windowing,
                    self.labels,
                    wanted,
                ),
            )
        )

    def _add_candidates(
        self, min_margin: float, texts: list[WindowedText]
    ) -> list[WindowedText]:
        with self._counting:
            self.windowed_sentences += sum(len(t.windows) > 1 for t in texts)
            self.cut_sentences += sum(t.is_cut for t in texts)
        batches = self._batches(
            window for text in texts for window in text.windows
        )
        search = functools.partial(self._search_batch, min_margin=min_margin)
        with self._in_use(), self._mapping(len(batches)) as results_of:
            for batch, results in zip(
                batches, results_of(search, batches), strict=True
            ):
                for window, candidates in zip(batch, results, strict=True):
                    window.text.add(window.index, candidates)
        return texts

    def _batches(self, windows: Iterable[TextWindow]) -> list[list[TextWindow]]:
        """Groups windows; see `make_batches`."""
        return make_batches(windows, max_windows=self._batch_size)

    @contextlib.contextmanager
    def _mapping(self, batches: int) -> Iterator[Callable[..., Iterable[Any]]]:
        """Gives a `map` for so many batches, in threads if there are several.

        Several batches at a time keep all cores busy. Starting a thread for a
        single one takes longer than all else but the encoder.
        """
        if batches < 2:
            yield map
            return
        with concurrent.futures.ThreadPoolExecutor(_IN_FLIGHT) as pool:
            yield pool.map

    def _search_batch(
        self, batch: list[TextWindow], min_margin: float
    ) -> list[Candidates]:
        input_ids, context = pad(batch, self.tokenizer)
        candidates = self._find_candidates(input_ids, context, min_margin)
        if len(batch) == 1:
            return [candidates]
        bounds = np.searchsorted(candidates.sentences, range(len(batch) + 1))
        return [
            candidates.take(slice(*pair))
            for pair in itertools.pairwise(bounds.tolist())
        ]


def confidence_of(
    directory: str, *, calibrated: bool, thresholds: bool
) -> Confidence:
    """Reads the calibration and thresholds of a model directory.

    Args:
        directory: Model directory.
        calibrated: Whether to calibrate scores.
        thresholds: Whether to apply thresholds.

    Raises:
        ConfigError: If the directory is damaged.
    """
    if not calibrated:
        return Confidence()
    confidence = model_directory.read_confidence(directory)
    if thresholds:
        return confidence
    return dataclasses.replace(confidence, thresholds=None)
