"""Copies from a GPU to the host within a training step; no GPU needed."""

import dataclasses

import pytest
import tensorflow as tf
import tiny

from benchmarks.workers import placement
from biaffine_tf.config import (
    Freeze,
    PretrainingConfig,
    TrainingConfig,
)
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.pretraining.objectives import make_objective
from biaffine_tf.pretraining.run import make_updater as pretraining_updater
from biaffine_tf.records.span_batches import make_buckets, training_batches
from biaffine_tf.training.fine_tuning import make_updater


def _fine_tuning(folder, head="biaffine", **settings):
    records = tiny.records(folder, tiny.sentences(20))
    config = tiny.model_config()
    config = dataclasses.replace(
        config, head=dataclasses.replace(config.head, name=head)
    )
    model = SpanModel(config, num_classes=records.labels.num_classes)
    model.build_weights()
    buckets = make_buckets(records.lengths, num_buckets=1, batch_size=8)
    batches = training_batches(records, buckets, seed=1, epochs=range(1))
    return make_updater(
        TrainingConfig(**settings),
        model,
        strategy=tf.distribute.get_strategy(),
        batch_spec=batches.element_spec,
        total_steps=10,
    )


def _pretraining():
    config = PretrainingConfig(encoder=tiny.encoder_config())
    integers = ("input_ids", "original_ids", "positions", "labels")
    spec = {name: tf.TensorSpec([None, None], tf.int32) for name in integers}
    return pretraining_updater(
        config,
        make_objective(config, pad_id=0),
        strategy=tf.distribute.get_strategy(),
        batch_spec=spec | {"weights": tf.TensorSpec([None, None])},
    )


def _assert_nothing_is_copied(updater):
    """Each copy has the host wait for the GPU, within the step.

    The one scalar that is found is a constant, which TensorFlow folds.
    """
    function = updater._batch_function(Freeze.NONE).get_concrete_function()
    assert not placement.without_gpu_kernel(function.graph)
    assert not [
        str(one)
        for one in placement.copies_to_host(function.graph)
        if one.tensor.shape.rank != 0
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "focal", "neg_sample": 0.5},
        {"loss": "dice"},
        {"boundary_smoothing": 0.1},
        {"loss": "binary"},
        {"loss": "multi_label"},
        {"gradient_accumulation": 2},
        {"head": "global_pointer"},
        {"head": "efficient_global_pointer"},
        {"head": "cnn"},
    ],
    ids=str,
)
def test_fine_tuning_copies_nothing(tmp_path, settings):
    _assert_nothing_is_copied(_fine_tuning(tmp_path, **settings))


@pytest.mark.slow
def test_pretraining_copies_nothing():
    _assert_nothing_is_copied(_pretraining())


def test_copies_are_found_in_functions_too():
    @tf.function(autograph=False)
    def copying(x):
        mask = tf.ensure_shape(x > 0, [None, 3])  # its kernel is the host's

        return tf.while_loop(
            lambda number, _: number < 3,
            lambda number, total: (
                number + 1,
                total | tf.gather_nd(mask, [[0, 0]]),
            ),
            (0, tf.constant([False])),
        )

    graph = copying.get_concrete_function(tf.TensorSpec([None, 3])).graph
    assert [op.type for op in placement.without_gpu_kernel(graph)] == [
        "GatherNd"
    ]
    found = placement.copies_to_host(graph)
    assert {(c.tensor.op.type, c.consumer.type) for c in found} == {
        ("Greater", "EnsureShape"),
        ("Placeholder", "GatherNd"),
    }


def test_what_stays_on_the_gpu_is_no_copy():
    @tf.function(autograph=False)
    def staying(x):
        return tf.reshape(tf.where(x > 0, x, 0), [-1, tf.shape(x)[1]])

    graph = staying.get_concrete_function(tf.TensorSpec([None, None])).graph
    assert not placement.without_gpu_kernel(graph)
    assert not placement.copies_to_host(graph)
