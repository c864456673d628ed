"""Taggers on sentences whose source does not label every type."""

import numpy as np
import pytest
import tensorflow as tf
from test_tagger_chain import COUNTS, drawn, entities, sequences

from biaffine_tf.config import Tags, TrainingConfig
from biaffine_tf.heads.tagger.chain import Chain, log_partition
from biaffine_tf.heads.tagger.gold import gold_tags
from biaffine_tf.heads.tagger.head import SoftmaxTagger
from biaffine_tf.heads.tagger.initialization import tag_log_priors
from biaffine_tf.heads.tagger.partial import labelled_tags, log_sum_of_labelled
from biaffine_tf.heads.tagger.tags import TagSet

each_scheme = pytest.mark.parametrize("scheme", Tags)
# Sentences label the first type, both, none, and nothing at all is in the last.
LABELLED = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0], [1, 0, 1]], bool)
CELLS = np.int32(
    [[[1, 2, 1]], [[0, 0, 2]], [[0, 0, 0]], [[0, 0, 0]]],
)


def _gold(tags, length):
    return gold_tags(tf.constant(CELLS), tags, tf.constant(length))


def _spans(sentence):
    return {tuple(map(int, one)) for one in CELLS[sentence] if one[2]}


@each_scheme
def test_likelihood_is_that_of_all_sequences_that_agree(scheme):
    tags, emissions, chain = drawn(scheme, padding=1)
    known = labelled_tags(tf.constant(LABELLED), tags)
    graph = Chain(*map(tf.constant, chain))
    gold = _gold(tags, emissions.shape[1])
    inputs = tf.constant(emissions)

    def likelihoods(x):
        agreeing = log_sum_of_labelled(x, gold, known, COUNTS, graph)
        return agreeing - log_partition(x, COUNTS, graph)

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        got = likelihoods(inputs)
        total = tf.reduce_sum(got[:3])
    slopes = tape.gradient(total, inputs)
    assert tf.reduce_all(tf.math.is_finite(slopes))
    for sentence, count in enumerate(COUNTS[:3]):
        own = emissions[sentence, :count]
        weights, agree, want = [], [], np.zeros(own.shape)
        for one, score in sequences(tags, own, chain):
            labelled = {
                span
                for span in entities(tags, one)
                if LABELLED[sentence, span[2]]
            }
            weights.append(score)
            agree.append(labelled == _spans(sentence))
        share = np.exp(weights - np.logaddexp.reduce(weights))
        right = share @ agree
        np.testing.assert_allclose(got[sentence], np.log(right), atol=1e-12)
        rows = sequences(tags, own, chain)
        for (one, _), p, is_right in zip(rows, share, agree, strict=True):
            want[np.arange(count), one] += p * (is_right / right - 1)
        np.testing.assert_allclose(slopes[sentence, :count], want, atol=1e-12)
    assert not slopes[3].numpy().any()


@each_scheme
def test_softmax_adds_up_what_may_be(scheme):
    tags, emissions, _ = drawn(scheme, dtype=np.float32)
    head = SoftmaxTagger(3, scheme=scheme)
    gold = _gold(tags, 4).numpy()
    known = labelled_tags(tf.constant(LABELLED), tags)
    got = head.losses_of(
        tf.constant(emissions), gold, COUNTS, TrainingConfig(), known
    )
    for sentence, count in enumerate(COUNTS):
        want = 0.0
        for place in range(count):
            odds = np.exp(emissions[sentence, place].astype(float))
            may_be = [gold[sentence, place]]
            if not may_be[0]:
                may_be += [
                    t for t in range(len(tags)) if not known[sentence, t]
                ]
            want -= np.log(odds[may_be].sum() / odds.sum())
        np.testing.assert_allclose(got[sentence], want, rtol=1e-5, atol=1e-6)


def test_a_prior_is_the_frequency_where_the_label_is_labelled():
    # Ten windows of 6 tokens; label 2 is labelled in four of them.
    tags = TagSet.of(Tags.BIO, 2)
    priors = tag_log_priors(
        tags, {(1, 2): 15, (2, 1): 12}, {6: 10}, hidden={(2, 6): 6}
    )
    outside = 60 - 30 - 12 * 60 / 24
    outside = max(outside, 10)
    want = [outside, 15, 30, 15, 10]
    np.testing.assert_allclose(priors, np.log(np.array(want) / outside))
