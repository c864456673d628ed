"""Settings of taggers: what is refused and warned of, and initial weights."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf import heads
from biaffine_tf.config import (
    ClassWeights,
    HeadConfig,
    HeadStart,
    Loss,
    Tags,
    TrainingConfig,
)
from biaffine_tf.corpora import checks
from biaffine_tf.errors import ConfigError
from biaffine_tf.heads.tagger.gold import gold_tags
from biaffine_tf.heads.tagger.head import CrfTagger, SoftmaxTagger
from biaffine_tf.heads.tagger.initialization import tag_log_priors
from biaffine_tf.heads.tagger.tags import TagSet
from biaffine_tf.losses import focal
from biaffine_tf.spans import Sentence, Span

VECTORS = np.random.default_rng(0).normal(size=[2, 5, 8]).astype(np.float32)
COUNTS = tf.constant([5, 3])
GOLD = tf.constant([[[0, 2, 1], [4, 4, 2]], [[1, 1, 1], [0, 0, 0]]])


def _check_loss(name, **settings):
    heads.check_loss(name, TrainingConfig(**settings))


@pytest.mark.parametrize(
    ("refuse", "match"),
    [
        (lambda: heads.check_nested("crf", True), "--nested is given, but"),
        (
            lambda: _check_loss("crf", loss=Loss.FOCAL),
            "--loss=focal is none of the losses of --head=crf: cross_entropy",
        ),
        (
            lambda: _check_loss("softmax", loss=Loss.BINARY),
            "--loss=binary is none of the losses of --head=softmax",
        ),
        (
            lambda: _check_loss("softmax", neg_sample=0.3),
            r"--neg_sample=0\.3 is of pairs",
        ),
        (
            lambda: _check_loss("crf", boundary_smoothing=0.1),
            r"--boundary_smoothing=0\.1 is of pairs",
        ),
        (
            lambda: _check_loss("crf", class_weights=ClassWeights.INVERSE),
            "--class_weights=inverse is of pairs",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(refuse, match):
    with pytest.raises(ConfigError, match=match) as found:
        refuse()
    assert "\n" not in str(found.value)


def test_the_rest_is_not():
    for name in heads.HEADS:
        heads.check_nested(name, None)
        _check_loss(name)
    heads.check_nested("biaffine", True)
    _check_loss("biaffine", loss=Loss.DICE, neg_sample=0.3)
    _check_loss("softmax", loss=Loss.FOCAL)


def test_data_that_a_tagger_cannot_learn_are_counted():
    train = [
        Sentence("abcdef", (Span(0, 4, "X"), Span(1, 3, "Y"), Span(2, 6, "X"))),
        Sentence("abc", (Span(0, 1, "X"),)),
    ]
    found = checks.examine(train, train, settings=checks.Settings(tagger="crf"))
    assert [str(one) for one in found.choices if one.flag == "nested"] == [
        "--nonested (--head=crf gives each token one tag)"
    ]
    about = [one for one in found.warnings if "--head=crf" in one]
    nested, crossing, dev, _ = about
    assert nested.startswith(
        "training data: 1 of 4 spans lie within others and cannot be learnt by "
        "--head=crf"
    )
    assert "2 pairs cross" in crossing
    assert dev.startswith("eval data: 1 of 4 spans") and "found by" in dev


@pytest.mark.parametrize("loss", [Loss.CROSS_ENTROPY, Loss.FOCAL])
def test_the_loss_of_softmax_is_that_of_its_tokens(loss):
    head = SoftmaxTagger(3)
    config = TrainingConfig(loss=loss, focal_gamma=2.0)
    got = head.batch_metrics(
        VECTORS, GOLD, COUNTS, config, seed=None, training=False
    )
    emissions = head(VECTORS)
    tags = gold_tags(GOLD, head.tags, tf.constant(5))
    gamma = 2.0 if loss is Loss.FOCAL else 0.0
    losses = focal(emissions, tags, gamma=gamma).numpy()
    want = losses[0].sum() + losses[1, :3].sum()
    np.testing.assert_allclose(got["loss"][0], want, rtol=1e-5)
    assert got["loss"][1] == 2
    assert got["positive_accuracy"][1] == 5  # 3 + 1 + 1 tokens
    assert got["negative_accuracy"][1] == 3


@pytest.mark.parametrize("kind", [SoftmaxTagger, CrfTagger])
@pytest.mark.parametrize("scheme", Tags)
def test_padding_changes_neither_loss_nor_gradient(kind, scheme):
    head = kind(3, scheme=scheme)
    head(VECTORS)
    rng = np.random.default_rng(1)
    for weight in head.trainable_weights:
        weight.assign(0.01 * rng.normal(size=weight.shape))

    def gradients(padding):
        wider = np.pad(VECTORS, [[0, 0], [0, padding], [0, 0]], mode="edge")
        with tf.GradientTape() as tape:
            metrics = head.batch_metrics(
                wider, GOLD, COUNTS, TrainingConfig(), seed=None, training=False
            )
        weights = head.trainable_weights
        return metrics, tape.gradient(metrics["loss"][0], weights)

    plain, wide = gradients(0), gradients(3)
    for one, other in zip(*map(tf.nest.flatten, (plain, wide)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert all(np.abs(one).max() > 0 for one in plain[1])


@pytest.mark.parametrize("kind", [SoftmaxTagger, CrfTagger])
@pytest.mark.parametrize("start", HeadStart)
def test_new_labels_come_behind_the_known_ones(kind, start):
    """A trained tagger scores the old tags as before."""
    old, new = kind(3, name="tagger"), kind(5, name="tagger")
    for head in (old, new):
        head(VECTORS)
        rng = np.random.default_rng(head.num_classes)
        for weight in head.weights:
            weight.assign(0.01 * rng.normal(size=weight.shape))
    stored = {k: v.numpy() for k, v in old._own_weights().items()}
    config = TrainingConfig(head_start=start)
    initial = new._emissions.bias.numpy()
    extended = new.with_new_labels(stored, config)
    for name, weight in new._own_weights().items():
        weight.assign(extended[name])
    where = np.flatnonzero(new.tags.labels < 3)
    np.testing.assert_array_equal(
        new(VECTORS).numpy()[..., where], old(VECTORS)
    )
    for mine, theirs in zip(new.chain(), old.chain(), strict=True):
        mine = mine.numpy()
        mine = mine[np.ix_(where, where)] if mine.ndim == 2 else mine[where]
        np.testing.assert_array_equal(mine, theirs)
    others = new.tags.labels > 2
    moved = old._emissions.bias[0] if start is HeadStart.PRIOR else 0
    np.testing.assert_allclose(
        new._emissions.bias.numpy()[others], initial[others] + moved
    )
    assert stored["tagger/emissions/bias"].shape == (9,)  # is not changed
    assert kind(2).with_new_labels(stored, config) is stored


@pytest.mark.parametrize("scheme", Tags)
def test_initial_biases_are_the_log_odds_of_the_tags(scheme):
    tags = TagSet.of(scheme, 2)
    cells = [(1, 1, 30), (1, 4, 20), (2, 2, 50)]
    counts = np.zeros(len(tags))
    for label, width, number in cells:
        gold = tf.constant([[[0, width - 1, label]]])
        (made,) = gold_tags(gold, tags, tf.constant(width)).numpy()
        np.add.at(counts, made, number)
    lengths = {10: 40, 5: 20}
    counts[0] = 500 - counts.sum()
    priors = tag_log_priors(
        tags, {(label, width): n for label, width, n in cells}, lengths
    )
    want = np.maximum(counts, 10)
    np.testing.assert_allclose(priors, np.log(want / want[0]))


def test_score_pieces_is_described():
    head = HeadConfig(name="crf", tags=Tags.BIO)
    page = CrfTagger.describe_scores(head, 3)
    assert "`[B, L, 5]`" in page and "begin of each line" in page
    model = dataclasses.replace(tiny.model_config(), head=head)
    assert type(model).from_dict(model.to_dict()) == model
