"""Training steps of an encoder with a table of word embeddings of some size."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from benchmarks.workers.measuring import peak_memory, seconds_of
from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.training import optimizer as training_optimizer
from biaffine_tf.training.optimizer import AdamW

_BATCH, _LENGTH = 16, 50  # about CLUENER's


class TableSteps:
    """Training of an encoder of E5's shape; a request is some steps.

    Args:
        rows: Number of word embeddings.
        dense: Whether to update all rows in every step.
        seed: Seed of weights and tokens.
    """

    def __init__(self, *, rows: int, dense: bool, seed: int) -> None:
        tf.random.set_seed(seed)
        if dense:
            training_optimizer.MAX_DENSE_ROWS = rows
        self._encoder = build_encoder(
            EncoderConfig(
                vocab_size=rows,
                hidden_size=384,
                num_hidden_layers=12,
                num_attention_heads=12,
                intermediate_size=1536,
            )
        )
        self._ids = tf.random.uniform(
            [_BATCH, _LENGTH], 0, rows, tf.int32, seed=seed
        )
        self._optimizer = AdamW(1e-4, decay=0.01)
        self._run = tf.function(self._update, autograph=False)
        self._forward()  # makes the weights
        self._variables = self._encoder.trainable_variables
        self._optimizer.build(self._variables)
        self._run()
        self.about: dict[str, Any] = {}

    def __call__(self, *, steps: int) -> dict[str, Any]:
        """Trains; units are steps."""
        seconds = seconds_of(self._run, repeats=steps)
        return {
            "seconds": seconds,
            "units": steps,
            "peak_bytes": peak_memory(),
        }

    def _forward(self) -> tf.Tensor:
        ones = tf.ones_like(self._ids)
        inputs = {
            "input_word_ids": self._ids,
            "input_mask": ones,
            "input_type_ids": ones * 0,
        }
        return self._encoder(inputs, training=True)["sequence_output"]

    def _update(self) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._forward() ** 2)
        gradients = tape.gradient(loss, self._variables)
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(
                gradients, self._variables, strict=True
            )
            if gradient is not None
        ]
        self._optimizer.apply_gradients(pairs)
