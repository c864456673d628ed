"""A training step against the logits of the model, and what it holds."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny
from tensorflow.python.framework import op_callbacks

from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.pairs import blocks
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.losses import cross_entropy
from biaffine_tf.training.span_objective import SpanObjective
from biaffine_tf.training.update import Updater

ARGUMENTS = tf.constant([0, 0]), tf.constant(1.0)  # seed, share
CALM = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def _batch(counts, *, length, num_classes, seed=0):
    rng = np.random.default_rng(seed)
    input_ids = np.zeros([len(counts), length + 2], np.int32)
    cells = np.zeros([len(counts), 3, 3], np.int32)
    for row, count in enumerate(counts):
        ids = rng.integers(5, 25, size=count)
        input_ids[row, : count + 2] = [2, *ids, 3]
        for slot, first in enumerate(rng.permutation(count)[:3]):
            last = rng.integers(first, count)
            cells[row, slot] = [first, last, rng.integers(1, num_classes)]
    return {"input_ids": tf.constant(input_ids), "cells": tf.constant(cells)}


def _updater(model, *, learning_rate=0.1, **changes):
    config = TrainingConfig(**changes)
    return Updater(
        SpanObjective(model, config),
        config,
        tf_keras.optimizers.SGD(learning_rate),
        strategy=tf.distribute.get_strategy(),
        batch_spec={
            "input_ids": tf.TensorSpec([None, None], tf.int32),
            "cells": tf.TensorSpec([None, None, 3], tf.int32),
        },
    )


def _figures(logits, batch, counts, *, width):
    """Loss, pairs and right ones, of negatives and positives, by loops."""
    gold = {
        (row, first, last): label
        for row, slots in enumerate(batch["cells"].numpy().tolist())
        for first, last, label in slots
        if label
    }
    loss, number, right = 0.0, [0, 0], [0, 0]
    for row, count in enumerate(counts):
        for first in range(count):
            for last in range(first, min(count, first + (width or count))):
                column = last if width is None else last - first
                classes = logits[row, first, column]
                label = gold.get((row, first, last), 0)
                loss += float(cross_entropy(classes[None], [label])[0])
                number[label > 0] += 1
                right[label > 0] += int(classes.argmax() == label)
    return loss, number, right


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, 1, 3])
@pytest.mark.parametrize("max_floats", [1, blocks.MAX_FLOATS])
def test_metrics_are_those_of_the_logits(width, max_floats, monkeypatch):
    monkeypatch.setattr(blocks, "MAX_FLOATS", max_floats)
    model = tiny.model(max_span_width=width, dropout=0.0, encoder=CALM)
    counts = [6, 2, 9]
    batch = _batch(counts, length=9, num_classes=4)
    logits = model(batch["input_ids"]).numpy()  # [B, L, L or W, C]
    loss, number, right = _figures(logits, batch, counts, width=width)
    assert all(number)
    updater = _updater(model)
    updater.step([batch], 0)
    metrics = updater.sums.read()
    assert metrics.count == len(counts)
    assert metrics.means() == pytest.approx(
        {
            "loss": loss / len(counts),
            "negative_accuracy": right[0] / number[0],
            "positive_accuracy": right[1] / number[1],
        },
        rel=1e-4,
    )


def _largest_tensor(updater, batch) -> int:
    """Elements of the largest output of any operation of a step."""
    sizes = []

    def look(op_type, inputs, attributes, outputs, op_name=None, graph=None):
        sizes.extend(math.prod(x.shape) for x in outputs)

    op_callbacks.add_op_callback(look)
    try:
        updater._process(batch, *ARGUMENTS, updater.weights)
    finally:
        op_callbacks.remove_op_callback(look)
    assert len(sizes) > 1000
    return max(sizes)


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, 8])
@pytest.mark.parametrize("keep", [1.0, 0.5])
def test_no_operation_makes_the_tensor(width, keep, monkeypatch):
    length, num_classes = 64, 24
    config = tiny.model_config(
        max_span_width=width,
        max_seq_length=length + 2,
        encoder={"max_position_embeddings": length + 2},
    )
    model = SpanModel(config, num_classes=num_classes)
    model.build_weights()
    updater = _updater(model, neg_sample=keep)
    batch = _batch([length, 50], length=length, num_classes=num_classes)
    tensor = 2 * length * length * num_classes
    monkeypatch.setattr(blocks, "MAX_FLOATS", tensor // 8)
    assert _largest_tensor(updater, batch) <= tensor // 8
    if width is None:  # else the check could not fail
        monkeypatch.setattr(blocks, "MAX_FLOATS", 2 * tensor)
        assert _largest_tensor(updater, batch) == tensor


@pytest.mark.slow
def test_steps_draw_different_negatives():
    model = tiny.model(dropout=0.0, encoder=CALM)
    updater = _updater(model, neg_sample=0.5, learning_rate=0.0)
    batch = _batch([9, 9], length=9, num_classes=4)
    losses = []
    for number in range(4):
        updater.sums.reset()
        updater.step([batch], number)
        losses.append(updater.sums.read().means()["loss"])
    assert len(set(losses)) == 4
