"""Priors of classes against loops over all that the loss sees."""

import collections

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.config import LongText
from biaffine_tf.heads.pairs.blocks import Block, pair_mask
from biaffine_tf.heads.pairs.gold import dense_matrix
from biaffine_tf.heads.pairs.initialization import (
    MIN_CELLS,
    class_log_priors,
)
from biaffine_tf.heads.span_model import token_counts
from biaffine_tf.records.span_batches import (
    make_buckets,
    training_batches,
)


@pytest.fixture(scope="module", params=[0, 6], ids=["alone", "context"])
def records(request, tmp_path_factory):
    """Some sentences are windowed: 12 tokens at once."""
    found = tiny.records(
        tmp_path_factory.mktemp("priors"),
        tiny.sentences(400),
        max_tokens=12,
        long_text=LongText.WINDOW,
        context_tokens=request.param,
    )
    assert found.counts.windowed_sentences
    return found


@pytest.mark.parametrize("bound", [None, 2, 5])
def test_priors_are_frequencies_of_what_the_loss_sees(records, bound):
    num_classes = records.labels.num_classes
    counts = collections.Counter()
    buckets = make_buckets(records.lengths, num_buckets=1, batch_size=64)
    for batch in training_batches(records, buckets, seed=1, epochs=range(1)):
        scored = token_counts(batch["input_ids"], batch["context"])
        length = int(tf.reduce_max(scored))
        block = Block(0, length, length)
        mask = pair_mask(scored, block, bound or length).numpy()
        labels = dense_matrix(batch["cells"], **block._asdict()).numpy()
        for label in labels[mask]:
            counts[int(label)] += 1
    priors = class_log_priors(
        records.cells,
        records.scored_lengths,
        num_classes=num_classes,
        max_span_width=bound,
    )
    assert min(counts.values()) > MIN_CELLS
    expected = [counts[c] / counts[0] for c in range(num_classes)]
    np.testing.assert_allclose(np.exp(priors), expected)


def test_negative_sampling_and_rare_labels():
    cells, lengths = {(1, 2): 40, (2, 1): 3}, {4: 50}
    priors = class_log_priors(cells, lengths, num_classes=4, neg_sample=0.5)
    negatives = 0.5 * (50 * 10 - 43)
    np.testing.assert_allclose(
        np.exp(priors), [1, 40 / negatives, *[MIN_CELLS / negatives] * 2]
    )
