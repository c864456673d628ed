"""The predictor: texts in, entities out."""

from __future__ import annotations

import concurrent.futures
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
import tensorflow as tf

from biaffine_tf import model_directory
from biaffine_tf.config import DecodingConfig, Precision
from biaffine_tf.decoding import Candidate, decode
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.search import Found, find_candidates
from biaffine_tf.modeling.fused_encoder import policy_scope
from biaffine_tf.modeling.span_model import SpanModel, piece_counts
from biaffine_tf.spans import Entity, LabelMap, Sentence, Span
from biaffine_tf.tokenization import Pieces, Tokenizer, to_characters

# Sentences sorted by length at a time: the price of order is this much memory.
_WINDOW = 4096
# Bounds the encoder positions of a batch, and with them its memory.
_TOKENS_PER_BATCH = 1 << 13
_IN_FLIGHT = 3  # batches


class Predictor:
    """Finds the entities of texts with a trained model.

    Texts longer than the model's `max_seq_length` are cut; `cut_sentences`
    counts them.

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
        batch_size: Most sentences in a batch.

    Raises:
        ConfigError: If the batch size is not positive.

    Attributes:
        cut_sentences: Texts cut so far.
    """

    def __init__(
        self,
        model: SpanModel,
        tokenizer: Tokenizer,
        labels: LabelMap,
        *,
        decoding: DecodingConfig | None = None,
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
        self.cut_sentences = 0
        self._batch_size = batch_size
        self._max_pieces = model.config.max_pieces
        self._encode = tf.function(
            self._vectors,
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
        )
        self._search = tf.function(
            self._candidates,
            input_signature=[
                tf.TensorSpec([None, None, model.vector_size], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ],
        )

    @classmethod
    def from_directory(
        cls,
        directory: str | os.PathLike[str],
        *,
        nested: bool | None = None,
        force_one_entity: bool | None = None,
        batch_size: int = 64,
        precision: Precision = Precision.FLOAT32,
        xla: bool = False,
    ) -> Predictor:
        """Loads a model directory.

        Args:
            directory: Written by `run_classifier.py`.
            nested: Whether entities may nest; None as in training.
            force_one_entity: Whether each text gets at least one entity; None
                as in training.
            batch_size: Most sentences in a batch.
            precision: Of matrix products, whatever it was in training.
            xla: Whether XLA compiles the encoder, once for each shape.

        Raises:
            ConfigError: If the directory is not a complete model directory.
        """
        directory = os.fspath(directory)
        config, labels, tokenizer = model_directory.read_description(directory)
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
        trained = config.decoding
        decoding = DecodingConfig(
            nested=trained.nested if nested is None else nested,
            force_one_entity=trained.force_one_entity
            if force_one_entity is None
            else force_one_entity,
        )
        return cls(
            model,
            tokenizer,
            labels,
            decoding=decoding,
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

        Streams: reads a few thousand sentences ahead and keeps their order.

        Args:
            sentences: Their own spans are ignored.

        Yields:
            Each sentence with predicted spans, which carry scores.
        """
        iterator = iter(sentences)
        while window := list(itertools.islice(iterator, _WINDOW)):
            yield from self._predict_window(window)

    def _predict_window(self, sentences: list[Sentence]) -> Iterator[Sentence]:
        pieces = self.tokenizer.encode_batch([s.text for s in sentences])
        spans: list[list[Span]] = [[] for _ in sentences]
        lengths = [min(len(p), self._max_pieces) for p in pieces]
        self.cut_sentences += sum(len(p) > self._max_pieces for p in pieces)
        batches = list(self._batches(lengths))
        # What one batch leaves idle of the cores, the next one takes.
        with concurrent.futures.ThreadPoolExecutor(_IN_FLIGHT) as pool:
            results = pool.map(
                self._decode_batch, ([pieces[i] for i in b] for b in batches)
            )
            for batch, found in zip(batches, results, strict=True):
                for index, entities in zip(batch, found, strict=True):
                    spans[index] = list(map(_span, entities))
        for sentence, found_spans in zip(sentences, spans, strict=True):
            yield sentence.replace_spans(found_spans)

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices of sentences of similar length; empty ones left out."""
        order = sorted(
            (i for i, length in enumerate(lengths) if length),
            key=lengths.__getitem__,
            reverse=True,
        )
        while order:
            longest = lengths[order[0]] + 2  # [CLS] and [SEP]
            size = max(1, _TOKENS_PER_BATCH // longest)
            size = min(size, self._batch_size)
            yield order[:size]
            order = order[size:]

    def _decode_batch(self, batch: list[Pieces]) -> list[list[Candidate]]:
        """Decoded candidates, in characters, of each sentence of a batch.

        Decoded in characters, because pieces may share one: entities that do
        not overlap in pieces could overlap in the text.
        """
        cuts = [p.ids[: self._max_pieces] for p in batch]
        width = max(map(len, cuts)) + 2
        input_ids = np.full(
            [len(batch), width], self.tokenizer.pad_id, np.int32
        )
        for row, ids in zip(input_ids, cuts, strict=True):
            row[0] = self.tokenizer.cls_id
            row[1 : len(ids) + 1] = ids
            row[len(ids) + 1] = self.tokenizer.sep_id
        outputs = self._find_candidates(tf.constant(input_ids))
        columns = [column.numpy().tolist() for column in outputs]
        candidates: list[list[Candidate]] = [[] for _ in batch]
        for (row, first, last), label, logit, margin, score in zip(
            *columns, strict=True
        ):
            start, end = to_characters(first, last, batch[row].offsets)
            candidates[row].append(
                Candidate(
                    start,
                    end,
                    self.labels.name(label),
                    margin=margin,
                    logit=logit,
                    score=score,
                )
            )
        return [
            decode(found, nested=self.decoding.nested) for found in candidates
        ]

    def _find_candidates(self, input_ids: tf.Tensor) -> Found:
        """Pairs whose best class is a label, of int32 `[B, L + 2]`."""
        counts = piece_counts(input_ids, pad_id=self.model.pad_id)
        return self._search(self._encode(input_ids), counts)

    def _vectors(self, input_ids: tf.Tensor) -> tf.Tensor:
        """The encoder's part: float32 vectors of int32 `[B, L + 2]`."""
        return tf.cast(self.model.encode(input_ids, training=False), tf.float32)

    def _candidates(self, vectors: tf.Tensor, counts: tf.Tensor) -> Found:
        """The head's part: candidates of vectors and numbers of pieces."""
        biaffine = self.model.biaffine
        starts, ends = biaffine.project(vectors, training=False)
        return find_candidates(
            starts,
            ends,
            tf.convert_to_tensor(biaffine.bilinear),
            counts,
            max_span_width=biaffine.max_span_width,
            force_one_entity=self.decoding.force_one_entity,
        )


def _span(entity: Candidate) -> Span:
    return Span(entity.start, entity.end, entity.label, entity.score)


def _entity(sentence: Sentence, span: Span) -> Entity:
    assert span.score is not None
    return Entity(
        span.start, span.end, span.label, sentence.surface(span), span.score
    )
