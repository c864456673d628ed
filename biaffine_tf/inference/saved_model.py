"""Predictor of SavedModels, whose graphs do all except reading ahead."""

from __future__ import annotations

import concurrent.futures
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  (operations of the tokenizer)

from biaffine_tf.config import LongText
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.inference.device_lock import device_lock
from biaffine_tf.inference.read_ahead import read_ahead
from biaffine_tf.inference.tensorflow_process import (
    acquire_process,
    free_graphs,
)
from biaffine_tf.model_directory.description import read_subword_tokenizer
from biaffine_tf.model_directory.manifest import Manifest
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import NO_CONTEXT, Tokenizer

# Maximum number of characters in a request, which bounds memory.
_CHARACTERS_PER_REQUEST = 1 << 17
_IN_FLIGHT = 2  # requests
_MAX_TOKENS = 3  # per character: a lowercased Hangul syllable
# Characters that a Python string can hold, but UTF-8 cannot.
_SURROGATES = re.compile("[\ud800-\udfff]")


class SavedModelPredictor(BasePredictor):
    """Finds the entities of texts with a SavedModel from `--export_dir`.

    Decoding is fixed in the graph. The graph gets only texts: if entities begin
    and end at words, the exported rule finds the words, also in sentences that
    come with words.

    Args:
        directory: Folder of the export.
        manifest: Manifest of the export.
        batch_size: Maximum number of sentences per request. The graph sorts
            them by tokens, which are not known here, and batches them.
        tokenizer: Tokenizer for a graph that takes tokens; None for one that
            tokenizes.

    Raises:
        ConfigError: If the batch size is not positive, or the directory is
            damaged.
    """

    def __init__(
        self,
        directory: str,
        manifest: Manifest,
        *,
        batch_size: int,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        acquire_process()
        super().__init__()
        if batch_size < 1:
            raise ConfigError(f"batch_size must be positive, got {batch_size}")
        self.manifest = manifest
        self.decoding = manifest.decoding
        self._batch_size = batch_size
        self._tokenizer = tokenizer
        try:
            self._model = tf.saved_model.load(directory)
        except (OSError, tf.errors.OpError) as error:
            raise ConfigError(
                f"{directory}: cannot be loaded ({str(error).splitlines()[0]})",
                remedy="export the model again (--export_dir)",
            ) from error
        self._serve = self._model.signatures["serving_default"]

    @classmethod
    def from_directory(
        cls,
        directory: str | os.PathLike[str],
        *,
        batch_size: int = 512,
        **decoding: Any,
    ) -> SavedModelPredictor:
        """Loads an export.

        Args:
            directory: Written by `run_predict.py --export_dir`.
            batch_size: Maximum number of sentences per request to the graph,
                which batches them.
            **decoding: Fields of `DecodingConfig`, which must equal those of
                the export.

        Raises:
            ConfigError: If the export is incomplete, or a setting differs.
        """
        directory = os.fspath(directory)
        manifest = Manifest.read(directory)
        manifest.check_decoding(decoding)
        return cls(
            directory,
            manifest,
            batch_size=batch_size,
            tokenizer=read_subword_tokenizer(directory),
        )

    def predict(
        self, sentences: Iterable[Sentence], **decoding: Any
    ) -> Iterator[Sentence]:
        """Replaces the spans of sentences by predictions; see `BasePredictor`.

        Raises:
            ConfigError: If a setting differs from the export.
            DataError: If a sentence is too long and long texts are an error.
        """
        self._check_open()
        self.manifest.check_decoding(decoding)
        return self._predict(sentences)

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError if a sentence is too long for the model."""
        max_tokens = (
            _MAX_TOKENS * len(sentence.text)
            if self._tokenizer is None
            else len(self._tokenizer.encode(sentence.text))
        )
        if (
            self.manifest.long_text is LongText.ERROR
            and max_tokens > self.manifest.max_tokens
        ):
            with self._in_use():
                self._answer([sentence])  # only the graph counts tokens

    def _check_open(self) -> None:
        acquire_process()
        super()._check_open()

    def _release(self) -> None:
        del self._model, self._serve
        free_graphs()

    def _predict(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        for pairs in read_ahead((one, NO_CONTEXT) for one in sentences):
            ahead = [sentence for sentence, _ in pairs]
            with self._in_use():
                predicted = self._answer_all(ahead)
            for sentence, spans in zip(ahead, predicted, strict=True):
                yield sentence.replace_spans(spans)

    def _answer_all(self, ahead: list[Sentence]) -> list[list[Span]]:
        requests = list(self._requests(ahead))
        texts = [[ahead[index] for index in request] for request in requests]
        spans_of: dict[int, list[Span]] = {}
        # Two requests at a time keep all cores busy.
        with concurrent.futures.ThreadPoolExecutor(_IN_FLIGHT) as pool:
            answers = pool.map(self._answer, texts)
            for request, spans in zip(requests, answers, strict=True):
                spans_of.update(zip(request, spans, strict=True))
        return [spans_of[index] for index in range(len(ahead))]

    def _requests(self, sentences: Sequence[Sentence]) -> Iterator[list[int]]:
        """Yields indices of sentences of similar length."""
        order = sorted(
            range(len(sentences)),
            key=lambda index: len(sentences[index].text),
            reverse=True,
        )
        while order:
            longest = max(1, len(sentences[order[0]].text))
            size = max(1, _CHARACTERS_PER_REQUEST // longest)
            size = min(size, self._batch_size)
            yield order[:size]
            del order[:size]

    def _answer(self, batch: Sequence[Sentence]) -> list[list[Span]]:
        texts = [
            _SURROGATES.sub("\ufffd", sentence.text).encode()
            for sentence in batch
        ]
        tokens = self._tokens(batch)
        try:
            with device_lock():
                tensors = self._serve(
                    texts=tf.constant(texts, tf.string), **tokens
                )
                answer = {name: t.numpy() for name, t in tensors.items()}
        except tf.errors.InvalidArgumentError as error:
            raise _too_long(batch, error, self.manifest.max_tokens) from error
        columns = (
            answer["starts"].tolist(),
            answer["ends"].tolist(),
            [label.decode() for label in answer["labels"].tolist()],
            answer["scores"].tolist(),
        )
        spans = [Span(*row) for row in zip(*columns, strict=True)]
        bounds = np.cumsum(answer["row_lengths"]).tolist()
        return [
            spans[begin:end]
            for begin, end in zip([0, *bounds], bounds, strict=False)
        ]

    def _tokens(self, batch: Sequence[Sentence]) -> dict[str, tf.Tensor]:
        """Tokens of texts, for a graph that takes them."""
        if self._tokenizer is None:
            return {}
        encoded = self._tokenizer.encode_batch([one.text for one in batch])
        rows = {
            "ids": [one.ids for one in encoded],
            "starts": [[start for start, _ in one.offsets] for one in encoded],
            "ends": [[end for _, end in one.offsets] for one in encoded],
        }
        return {
            name: tf.ragged.constant(some, tf.int32, ragged_rank=1).to_tensor(
                -1
            )
            for name, some in rows.items()
        }


def _too_long(
    batch: Sequence[Sentence], error: Exception, max_tokens: int
) -> DataError:
    """Returns the error of the longest text, since the graph names none."""
    longest = max(batch, key=lambda one: len(one.text))
    if "model reads at once" not in str(error):
        raise error
    return DataError(
        f"the text has more tokens than {max_tokens}, which is what the model "
        "reads at once",
        file=longest.file,
        line=longest.line,
        remedy="divide it, or export the model with --long_text=window",
    )
