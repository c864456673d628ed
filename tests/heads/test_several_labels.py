"""Spans of several labels: kept in records, learnt, and all found."""

import collections
import dataclasses

import pytest
import tensorflow as tf
import tf_keras
import tiny

from biaffine_tf.config import (
    DecodingConfig,
    ExperimentConfig,
    HeadConfig,
    TrainingConfig,
)
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.records.span_batches import make_buckets, training_batches
from biaffine_tf.spans import Span
from biaffine_tf.training.fine_tuning import make_updater

_CONFIG = ExperimentConfig(
    model=dataclasses.replace(
        tiny.model_config(
            encoder={"hidden_size": 32, "hidden_dropout_prob": 0.0}
        ),
        head=HeadConfig(projection_size=8, dropout=0.0, multi_label=True),
    ),
    training=TrainingConfig(loss="multi_label", learning_rate=5e-3),
)


def _sentences():
    """Every run of letters has two labels."""
    return [
        one.replace_spans(
            Span(s.start, s.end, label)
            for s in one.spans
            if s.label == "letter"
            for label in ("letter", "both")
        )
        for one in tiny.sentences(40)
    ]


def test_records_keep_every_label_if_asked(tmp_path):
    sentences = _sentences()
    records = tiny.records(tmp_path, sentences, several_labels=True)
    spans = sum(len(one.spans) for one in sentences)
    assert records.counts.cells == spans
    assert records.counts.conflicting_spans == 0
    (folder := tmp_path / "first").mkdir()
    first = tiny.records(folder, sentences)
    assert first.counts.conflicting_spans == spans // 2
    assert first.fingerprint != records.fingerprint


@pytest.mark.slow
def test_a_span_of_two_labels_is_learnt_and_found(tmp_path):
    sentences = _sentences()
    records = tiny.records(tmp_path, sentences, several_labels=True)
    config = _CONFIG
    model = SpanModel(config.model, num_classes=records.labels.num_classes)
    tf_keras.utils.set_random_seed(1)
    model.build_weights()
    model.head.initialize(records, config.model, config.training)
    buckets = make_buckets(records.lengths, num_buckets=1, batch_size=8)
    batches = training_batches(records, buckets, seed=1, epochs=range(75))
    updater = make_updater(
        config.training,
        model,
        strategy=tf.distribute.get_strategy(),
        batch_spec=batches.element_spec,
        total_steps=len(batches),
    )
    for number, batch in enumerate(batches):
        updater.step([batch], number)
    ner = Predictor(
        model,
        tiny.tokenizer(tmp_path),
        records.labels,
        decoding=DecodingConfig(nested=True),
    )
    num_found = num_gold = 0
    answers = ner.predict(sentences)
    for given, answer in zip(sentences, answers, strict=True):
        labels = collections.defaultdict(set)
        for one in answer.spans:
            labels[one.start, one.end].add(one.label)
            # Softmax would give both labels half of it.
            assert one.score > 0.5
        assert all(own == {"letter", "both"} for own in labels.values())
        gold = {(one.start, one.end) for one in given.spans}
        num_found += len(labels.keys() & gold)
        num_gold += len(gold)
    assert num_found >= 0.9 * num_gold
