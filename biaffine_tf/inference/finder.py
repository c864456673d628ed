"""The model as a function from piece ids to candidates, in the graph."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.biaffine.search import Found, find_candidates
from biaffine_tf.heads.span_model import SpanModel, piece_counts


class Finder:
    """Finds the candidates of batches of any shape; traced once.

    Args:
        model: The model, with its weights.
        force_one_entity: Whether a sentence without candidates gets its best
            pair.
    """

    def __init__(self, model: SpanModel, *, force_one_entity: bool) -> None:
        self._model = model
        self._force_one_entity = force_one_entity
        # Two functions: XLA, if at all, compiles the first alone. Traced here,
        # because threads that come at once would each trace them.
        self._encode = tf.function(
            self._vectors, autograph=False
        ).get_concrete_function(tf.TensorSpec([None, None], tf.int32))
        self._search = tf.function(
            self._candidates, autograph=False
        ).get_concrete_function(
            tf.TensorSpec([None, None, model.vector_size], tf.float32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([], tf.float32),
        )

    def __call__(self, input_ids: tf.Tensor, least_margin: float) -> Found:
        """Pairs with a margin above the least.

        Args:
            input_ids: `[CLS] pieces [SEP]` and padding, int32 `[B, L + 2]`.
            least_margin: As for `find_candidates`.
        """
        counts = piece_counts(input_ids, pad_id=self._model.pad_id)
        least = tf.constant(least_margin, tf.float32)
        return self._search(self._encode(input_ids), counts, least)

    def _vectors(self, input_ids: tf.Tensor) -> tf.Tensor:
        """The encoder's part: float32 `[B, L, H]` of int32 `[B, L + 2]`."""
        vectors = self._model.encode(input_ids, training=False)
        return tf.cast(vectors, tf.float32)

    def _candidates(
        self, vectors: tf.Tensor, counts: tf.Tensor, least_margin: tf.Tensor
    ) -> Found:
        """The head's part: candidates of vectors and numbers of pieces."""
        biaffine = self._model.biaffine
        starts, ends = biaffine.project(vectors, training=False)
        return find_candidates(
            starts,
            ends,
            tf.convert_to_tensor(biaffine.bilinear),
            counts,
            max_span_width=biaffine.max_span_width,
            force_one_entity=self._force_one_entity,
            least_margin=least_margin,
        )
