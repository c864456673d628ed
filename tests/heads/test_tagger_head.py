"""Taggers as heads: training, prediction, exports, and what they refuse."""

import dataclasses
import random

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny

from biaffine_tf import model_directory
from biaffine_tf.config import (
    ExperimentConfig,
    ExportFormat,
    LongText,
    Tags,
    TrainingConfig,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.export.export import export
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.loading import load
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.records.span_batches import make_buckets, training_batches
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.training.fine_tuning import make_updater

SKY = "ab天地 人天地。cd,"
KINDS = [("softmax", Tags.BIO), ("crf", Tags.BIOES)]


def config_of(name, tags=Tags.BIOES, **changes):
    model = tiny.model_config(**changes)
    head = dataclasses.replace(model.head, name=name, tags=tags)
    return ExperimentConfig(
        model=dataclasses.replace(model, head=head, long_text=LongText.WINDOW),
        training=TrainingConfig(
            learning_rate=1e-2, train_batch_size=8, num_train_epochs=10
        ),
    )


def made(count):
    """Sentences whose entities are a word and a character, side by side."""
    rng = random.Random(0)
    sentences = []
    for _ in range(count):
        text, spans = "", []
        for word in rng.choices(["天地", "人", *"abcd ,。"], k=9):
            if word in ("天地", "人"):
                spans.append(Span(len(text), len(text) + len(word), "sky"))
            text += word
        sentences.append(Sentence(text, tuple(spans)))
    return sentences


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind[0])
def model_dir(request, tmp_path_factory):
    """A tagger of sky words, trained for a few steps."""
    folder = tmp_path_factory.mktemp("tagger")
    config = config_of(*request.param)
    records = tiny.records(folder, made(80))
    buckets = make_buckets(records.lengths, num_buckets=1, batch_size=8)
    tf_keras.utils.set_random_seed(1)
    model = SpanModel(config.model, num_classes=records.labels.num_classes)
    model.build_weights()
    model.head.initialize(records, config.model, config.training)
    batches = training_batches(
        records, buckets, seed=1, epochs=range(config.training.num_train_epochs)
    )
    updater = make_updater(
        config.training,
        model,
        strategy=tf.distribute.get_strategy(),
        batch_spec=batches.element_spec,
        total_steps=len(batches),
    )
    for number, batch in enumerate(batches):
        updater.step([batch], number)
    means = updater.sums.read().means()
    assert np.isfinite(means["loss"])
    assert means["positive_accuracy"] > 0.5
    path = str(folder / "model")
    model_directory.write_description(
        path, config, records.labels, tiny.VOCABULARY
    )
    model_directory.save_weights(path, model)
    model_directory.seal(path)
    return path


@pytest.mark.slow
def test_it_learns_and_reads_long_texts(model_dir):
    ner = Predictor.from_directory(model_dir)
    assert [one.text for one in ner(SKY)] == ["天地", "人", "天地"]
    assert all(0.5 < one.score < 1 for one in ner(SKY))
    assert len(ner(SKY * 20)) == 60  # in windows


@pytest.mark.slow
@pytest.mark.parametrize("kind", ExportFormat)
@pytest.mark.parametrize("model_dir", KINDS[1:], indirect=True, ids=["crf"])
def test_it_is_exported_through_the_gate(
    model_dir, tmp_path, kind, answered_in_copies
):
    export(model_dir, str(tmp_path / "e"), format=kind)
    own = Predictor.from_directory(model_dir)(SKY * 5)
    others = load(tmp_path / "e", {})(SKY * 5)
    assert [one[:4] for one in others] == [one[:4] for one in own]
    np.testing.assert_allclose(
        [one.score for one in others], [one.score for one in own], atol=1e-4
    )


@pytest.mark.slow
def test_nested_decoding_is_refused(model_dir):
    with pytest.raises(ConfigError, match="gives each token one tag") as found:
        Predictor.from_directory(model_dir, nested=True)
    assert "\n" not in str(found.value)
    ner = Predictor.from_directory(model_dir)
    with pytest.raises(ConfigError, match="gives each token one tag"):
        ner(SKY, nested=True)
