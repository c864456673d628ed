"""Our step of masked language modelling."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from benchmarks.shapes import Shape
from benchmarks.workers import masked_batches, ours
from biaffine_tf.config import PretrainingConfig
from biaffine_tf.pretraining.objectives import make_objective
from biaffine_tf.pretraining.run import make_updater
from biaffine_tf.training.setup import set_up


class MaskedSteps(masked_batches.Steps):
    """Pretraining of one shape of encoder.

    Args:
        shape: "4x256" and the like.
        batches: How many.
        **settings: Of `ours.experiment`.
    """

    def __init__(self, *, shape: str, batches: int, **settings: Any) -> None:
        experiment = ours.experiment(Shape.parse(shape), **settings)
        encoder, training = experiment.model.encoder, experiment.training
        config = PretrainingConfig(
            encoder=encoder,
            seed=training.seed,
            precision=training.precision,
            xla=training.xla,
        )
        strategy = set_up(seed=config.seed, precision=config.precision)
        inputs = [
            {
                "input_ids": tf.constant(batch.input_ids),
                "original_ids": tf.constant(batch.original_ids),
                "positions": tf.constant(batch.positions),
                "labels": tf.gather(
                    batch.original_ids, batch.positions, batch_dims=1
                ),
                "weights": tf.ones(batch.positions.shape),
            }
            for batch in masked_batches.make(
                batches, vocab_size=encoder.vocab_size, seed=config.seed
            )
        ]
        self._updater = make_updater(
            config,
            make_objective(config, pad_id=0),
            strategy=strategy,
            batch_spec={
                name: tf.TensorSpec([None, None], tensor.dtype)
                for name, tensor in inputs[0].items()
            },
        )
        super().__init__(inputs)

    def train(self, batches: list[dict]) -> None:
        """One step on each batch, clipped by the norm, with AdamW."""
        for batch in batches:
            self._updater.step([batch], 0)
        self._updater.sums.read()  # waits for all of them
