"""Our biaffine head, and the encoder that it is compared with."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from benchmarks.shapes import Shape
from benchmarks.workers import ours
from benchmarks.workers.measuring import peak_above_start, seconds_of

_TINY = 8  # length of what traces the graphs and loads the libraries
_CELL_EVERY = 16  # a gold span of 3 tokens for each so many


class HeadSteps:
    """The head alone on vectors of one length; a request is some calls.

    Args:
        length: L.
        num_classes: C.
        width: H of the vectors.
        max_span_width: W of the band; None for all pairs.
        batch: B.
        seed: Of the vectors.
    """

    def __init__(
        self,
        *,
        length: int,
        num_classes: int,
        width: int,
        max_span_width: int | None = None,
        batch: int = 1,
        seed: int,
    ) -> None:
        tf.random.set_seed(seed)
        self._head = ours.Head(
            num_classes=num_classes, width=width, max_span_width=max_span_width
        )
        any_length = tf.TensorSpec([None, None, width])
        any_cells = tf.TensorSpec([None, None, 3], tf.int32)
        self._logits = tf.function(
            self._head.logits, input_signature=[any_length]
        )
        self._step = tf.function(
            self._gradients, input_signature=[any_length, any_cells]
        )
        tiny = tf.random.normal([1, _TINY, width])
        self._logits(tiny)
        self._step(tiny, _cells(1, _TINY, num_classes))
        self._vectors = tf.random.normal([batch, length, width])
        self._cells = _cells(batch, length, num_classes)
        self.about: dict[str, Any] = {"peak_bytes": peak_above_start(self)}

    def __call__(
        self, *, training: bool = True, repeats: int = 1
    ) -> dict[str, Any]:
        """Logits, or loss and gradients; units are calls."""

        def call() -> Any:
            if training:
                return self._step(self._vectors, self._cells)
            return self._logits(self._vectors)

        seconds = seconds_of(call, repeats=repeats)
        return {"seconds": seconds, "units": repeats}

    def _gradients(self, vectors: tf.Tensor, cells: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            loss = self._head.loss(vectors, cells)
        return tape.gradient(loss, [vectors, *self._head.variables])


class EncoderSteps:
    """Forward and backward of an encoder; a request is one batch.

    Args:
        shape: "12x768" and the like.
        length: Tokens of each sentence, [CLS] and [SEP] apart.
        batch: Sentences.
        seed: Of the weights and tokens.
    """

    def __init__(
        self, *, shape: str, length: int, batch: int, seed: int
    ) -> None:
        self._model = ours.random_model(Shape.parse(shape), seed=seed)
        self._step = tf.function(
            encoder_step(self._model),
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
        )
        # Ids of ordinary characters.
        self._input_ids = tf.random.uniform(
            [batch, length + 2], 700, 7000, tf.int32, seed=seed
        )
        self.about: dict[str, Any] = {"first_pass_seconds": self()["seconds"]}

    def __call__(self) -> dict[str, Any]:
        """One step; units are steps."""
        seconds = seconds_of(lambda: self._step(self._input_ids))
        return {"seconds": seconds, "units": 1}


def encoder_step(model: Any) -> Any:
    """A function of ids `[B, L + 2]`: gradients of the encoder's weights."""

    def step(input_ids: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            vectors = ours.encode(model, input_ids, training=True)
        # Upstream gradients such as a head would send: not zero, and not such
        # that the last norm's would be.
        upstream = tf.random.stateless_normal(tf.shape(vectors), [1, 2])
        variables = model.encoder.trainable_variables
        return tape.gradient(vectors, variables, output_gradients=upstream)

    return step


def _cells(batch: int, length: int, num_classes: int) -> tf.Tensor:
    """A gold span now and then, int32 `[B, N, 3]`."""
    first = tf.range(0, length - 2, _CELL_EVERY)
    label = 1 + first // _CELL_EVERY % (num_classes - 1)
    cells = tf.stack([first, first + 2, label], axis=-1)
    return tf.tile(cells[None], [batch, 1, 1])
