"""A model as a graph function from token ids to candidates."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.span_model import SpanModel, token_counts


class Network:
    """Finds the candidates of batches of any shape; traced once.

    Args:
        model: Model with its weights.
        force_one_entity: Whether a sentence without candidates gets its best
            span.
        every_label: Whether every label of a span is a candidate, not only the
            best; for heads that can be distilled.
    """

    def __init__(
        self,
        model: SpanModel,
        *,
        force_one_entity: bool,
        every_label: bool = False,
    ) -> None:
        self._model = model
        self._options = {"force_one_entity": force_one_entity}
        if every_label:
            self._options["every_label"] = True
        # Two functions, since XLA, if enabled, compiles only the first. Traced
        # here, since concurrent threads would each trace them.
        ids = tf.TensorSpec([None, None], tf.int32)
        context = tf.TensorSpec([None, None], tf.bool)
        self._encode = tf.function(
            self._vectors, autograph=False
        ).get_concrete_function(ids, context)
        self._search = tf.function(
            self._candidates, autograph=False
        ).get_concrete_function(
            tf.TensorSpec([None, None, model.vector_size], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([], tf.float32),
        )

    def __call__(
        self, input_ids: tf.Tensor, context: tf.Tensor, min_margin: float
    ) -> Candidates:
        """Finds the candidates of a batch, in tokens.

        Args:
            input_ids: Padded `[CLS] tokens [SEP]`, int32 `[B, N + 2]`.
            context: Mask of the context tokens, bool `[B, N + 2]`.
            min_margin: Candidates have a margin above it.
        """
        counts = token_counts(input_ids, context, pad_id=self._model.pad_id)
        vectors = self._encode(input_ids, context)
        return self._search(
            vectors, counts, tf.constant(min_margin, tf.float32)
        )

    def _vectors(self, input_ids: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        vectors = self._model.encode(input_ids, context, training=False)
        return tf.cast(vectors, tf.float32)

    def _candidates(
        self, vectors: tf.Tensor, counts: tf.Tensor, min_margin: tf.Tensor
    ) -> Candidates:
        return self._model.head.candidates(
            vectors,
            counts,
            min_margin=min_margin,
            **self._options,
        )
