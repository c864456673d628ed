"""A second head, defined here alone: it trains, predicts, loads and exports."""

import contextlib
import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny

from biaffine_tf import formats, heads, model_directory
from biaffine_tf.commands.label_sets import check_label_sets
from biaffine_tf.config import (
    ExperimentConfig,
    ExportFormat,
    HeadConfig,
    LongText,
    TrainingConfig,
)
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.label_sets import LabelSets
from biaffine_tf.decoding import Candidates
from biaffine_tf.errors import ConfigError
from biaffine_tf.export.export import export
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference import teachers
from biaffine_tf.inference.loading import load
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.records.span_batches import make_buckets, training_batches
from biaffine_tf.records.teacher_scores import TeacherScores
from biaffine_tf.spans import Sentence
from biaffine_tf.training.fine_tuning import make_updater

SKY = "ab天地 地天。cd,"


class Tagger(tf_keras.layers.Layer):
    """A class for each token; a span is a run of tokens of one label."""

    metric_names = ("loss", "positive_accuracy", "negative_accuracy")

    def __init__(self, num_classes, initializer):
        super().__init__(name="tagger")
        self.num_classes = num_classes
        self.classify = tf_keras.layers.Dense(
            num_classes, kernel_initializer=initializer, name="classify"
        )

    @classmethod
    def of(cls, config, *, num_classes, initializer=None):
        return cls(num_classes, initializer or "glorot_uniform")

    def call(self, vectors, training=None):
        return self.classify(vectors)

    def computing_in(self, policy):
        return contextlib.nullcontext()

    def initialize(self, records, model, training):
        self.classify.bias.assign([1.0] + [0.0] * (self.num_classes - 1))

    def with_new_labels(self, stored, training):
        return stored

    def batch_metrics(
        self, vectors, gold, counts, config, *, seed, training=True
    ):
        logits = self(vectors, training=training)  # [B, L, C]
        place = tf.range(tf.shape(logits)[1])
        first, last, label = tf.unstack(gold[..., None], axis=2)  # [B, N, 1]
        inside = (first <= place) & (place <= last)
        tags = tf.reduce_max(tf.where(inside, label, 0), axis=1)  # [B, L]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tags, logits)
        best = tf.argmax(logits, axis=-1, output_type=tf.int32)
        real = place < counts[:, None]

        def total(mask):
            return tf.reduce_sum(tf.cast(mask, tf.float32))

        right, positive = real & (best == tags), real & (tags > 0)
        return {
            "loss": (
                tf.reduce_sum(tf.where(real, losses, 0)),
                tf.cast(tf.size(counts), tf.float32),
            ),
            "positive_accuracy": (total(right & positive), total(positive)),
            "negative_accuracy": (
                total(right & ~positive),
                total(real & ~positive),
            ),
        }

    def candidates(
        self, vectors, counts, *, min_margin, force_one_entity=False
    ):
        logits = self(vectors)
        best = tf.argmax(logits, axis=-1, output_type=tf.int32)
        length = tf.shape(logits)[1]
        best = tf.where(tf.range(length) < counts[:, None], best, 0)
        before = tf.pad(best, [[0, 0], [1, 0]])[:, :-1]
        behind = tf.pad(best, [[0, 0], [0, 1]])[:, 1:]
        begins = tf.where((best > 0) & (best != before))
        ends = tf.where((best > 0) & (best != behind))
        sentences, starts = tf.unstack(tf.cast(begins, tf.int32), axis=1)
        # As sure as of the first token.
        classes = tf.gather_nd(logits, begins)
        own = tf.reduce_max(classes, axis=1)
        probability = tf.reduce_max(tf.nn.softmax(classes), axis=1)
        return Candidates(
            sentences,
            starts,
            tf.cast(ends[:, 1], tf.int32) + 1,
            tf.gather_nd(best, begins),
            own - classes[:, 0],
            own,
            tf.math.log(probability / (1 - probability)),
        )

    @staticmethod
    def describe_scores(config, num_classes):
        return f"`[B, L, {num_classes}]`: token, class"


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    source = heads.HeadSource(f"{__name__}:Tagger")
    monkeypatch.setitem(heads.HEADS, "tagger", source)


def _config():
    model = tiny.model_config()
    head = dataclasses.replace(model.head, name="tagger")
    return ExperimentConfig(
        model=dataclasses.replace(model, head=head, long_text=LongText.WINDOW),
        training=TrainingConfig(
            learning_rate=1e-2, train_batch_size=8, num_train_epochs=12
        ),
    )


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    """A tagger of sky words, trained for a few steps."""
    with pytest.MonkeyPatch.context() as patch:
        source = heads.HeadSource(f"{__name__}:Tagger")
        patch.setitem(heads.HEADS, "tagger", source)
        return _train(tmp_path_factory.mktemp("tagger"))


def _train(folder):
    sentences = [
        one.replace_spans(s for s in one.spans if s.label == "sky")
        for one in tiny.sentences(80)
    ]
    config = _config()
    records = tiny.records(folder, sentences)
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
    assert np.isfinite(updater.sums.read().means()["loss"])
    path = str(folder / "model")
    model_directory.write_description(
        path, config, records.labels, tiny.VOCABULARY
    )
    model_directory.save_weights(path, model)
    model_directory.seal(path)
    return path


@pytest.mark.slow
def test_it_learns_decodes_and_is_loaded(model_dir):
    ner = Predictor.from_directory(model_dir)
    assert {one.text for one in ner(SKY)} == {"天地", "地天"}
    assert {one.label for one in ner(SKY)} == {"sky"}
    assert all(0.5 < one.score < 1 for one in ner(SKY))
    long = SKY * 20  # in windows
    assert len(ner(long)) == 40
    config = pathlib.Path(model_dir, "config.json").read_text(encoding="utf-8")
    assert json.loads(config)["model"]["head"]["name"] == "tagger"


@pytest.mark.slow
def test_it_is_exported_through_the_gate(
    model_dir, tmp_path, answered_in_copies
):
    export(model_dir, str(tmp_path / "saved"))
    page = (tmp_path / "saved" / "SERVING.md").read_text(encoding="utf-8")
    assert "`[B, L, 2]`: token, class" in page
    assert [one.text for one in load(tmp_path / "saved", {})(SKY)] == [
        one.text for one in Predictor.from_directory(model_dir)(SKY)
    ]


@pytest.mark.slow
def test_it_refuses_onnx_in_one_line(model_dir, tmp_path):
    with pytest.raises(ConfigError, match="'tagger' has no ONNX form") as found:
        export(model_dir, str(tmp_path / "onnx"), format=ExportFormat.ONNX)
    assert "\n" not in str(found.value)
    assert not (tmp_path / "onnx").exists()


@pytest.mark.slow
def test_it_teaches_the_best_label_of_its_spans(model_dir, tmp_path):
    """It is no student, for its loss knows nothing of teachers."""
    path = tmp_path / "text.jsonl"
    formats.write(path, [Sentence(SKY)], "span_jsonl")
    scores = TeacherScores(path=str(tmp_path / "scores"), fingerprint="")
    teachers.score([model_dir], scores, Corpus((str(path),)), progress=False)
    (spans,) = scores.read()
    assert [SKY[one.start : one.end] for one in spans] == ["天地", "地天"]
    assert all(one.score > 0.5 for one in spans)
    assert not heads.distils("tagger")
    assert heads.distils("biaffine")


def test_it_refuses_files_that_label_different_things():
    files = LabelSets((("a.json", ("sky",)),))
    corpus = Corpus(("a.json",), label_sets=files)
    with pytest.raises(ConfigError, match="--head=tagger cannot") as found:
        check_label_sets(corpus, ["sky"], "tagger")
    assert "give --head=biaffine" in str(found.value)


def test_an_unknown_head_is_named():
    config = dataclasses.replace(
        tiny.model_config(), head=HeadConfig(name="unheard_of")
    )
    with pytest.raises(ConfigError, match="--head=unheard_of") as found:
        SpanModel(config, num_classes=3)
    assert "biaffine" in str(found.value)


def test_a_model_of_before_has_the_biaffine_head():
    values = tiny.model_config().to_dict()
    del values["head"]["name"]
    assert type(tiny.model_config()).from_dict(values).head.name == "biaffine"


def test_the_registered_heads_fit_the_protocols():
    for name, source in heads.HEADS.items():
        layer = heads.head_class(name)
        for method in vars(heads.head.Head):
            if not method.startswith("_"):
                assert callable(getattr(layer, method)), (name, method)
        if source.onnx is not None:
            form = heads.onnx_form(name)
            assert form.OUTPUTS and form.write and form.find and form.floats
