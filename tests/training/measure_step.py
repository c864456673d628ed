"""Prints the memory that training steps took and what was estimated, as JSON.

A process of its own, because the peak of a process never falls.
"""

import json
import os
import sys

sys.path.insert(0, os.getcwd())
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

from biaffine_tf import machine
from biaffine_tf.config import (
    EncoderConfig,
    ExperimentConfig,
    ModelConfig,
    TrainingConfig,
)
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.planning import memory, plan
from biaffine_tf.records.span_batches import Buckets
from biaffine_tf.training import trainer

BATCH, LENGTH, NUM_CLASSES, VOCAB_SIZE = 32, 128, 11, 1000


def main(checkpointing: bool) -> None:
    """Measures from before the first large batch on."""
    encoder = EncoderConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
    )
    config = ExperimentConfig(
        model=ModelConfig(encoder=encoder),
        training=TrainingConfig(gradient_checkpointing=checkpointing),
    )
    strategy = trainer.set_up(
        seed=config.training.seed, precision=config.training.precision
    )
    buckets = Buckets((LENGTH - 2,), (BATCH,), (BATCH,))
    with strategy.scope():
        model = SpanModel(config.model, num_classes=NUM_CLASSES)
        model.build_weights()
        spans = trainer.make_trainer(config.training, model, buckets)
    parameters = plan.count_parameters(model)
    # Weights and moments are there before; gradients stay after tracing.
    state = memory.state_memory(parameters)
    estimate = plan.estimate_memory(
        config,
        buckets,
        parameters,
        num_classes=NUM_CLASSES,
        replicas=1,
        program=0,
    )
    train = spans.make_train_function()
    _step(train, batch=1, length=8)  # what tracing takes is not the step's
    before = machine.resident_memory()
    for _ in range(2):
        _step(train, batch=BATCH, length=LENGTH)
    print(
        json.dumps(
            {
                "estimated": estimate.total - sum(state.values()),
                "measured": machine.peak_memory() - before,
            }
        )
    )


def _step(train, *, batch: int, length: int) -> None:
    ids = np.full([batch, length], 5, np.int32)
    cells = np.zeros([batch, 1, 3], np.int32)
    dataset = tf.data.Dataset.from_generator(
        lambda: iter([{"input_ids": ids, "cells": cells}]),
        output_signature={
            "input_ids": tf.TensorSpec([None, None], tf.int32),
            "cells": tf.TensorSpec([None, 1, 3], tf.int32),
        },
    )
    train(iter(dataset))


if __name__ == "__main__":
    main(bool(int(sys.argv[1])))
