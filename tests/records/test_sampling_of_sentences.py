"""Repeat factors of sentences with rare labels."""

import collections

import numpy as np
import pytest
import tiny

from biaffine_tf.records import span_batches
from biaffine_tf.records.sampling import (
    UNIT,
    copies,
    repeat_weights,
    weight_of,
)
from biaffine_tf.records.span_batches import make_buckets, training_batches
from biaffine_tf.records.span_sampling import balance_labels
from biaffine_tf.spans import Sentence, Span


def test_weights_are_the_square_roots_of_what_labels_lack():
    # Label 1 in 80 of 100 sentences, 2 in 25, 3 in 4 of the 40 that label it.
    sentences = {
        (3, frozenset([1])): 70,
        (5, frozenset([1, 2])): 10,
        (9, frozenset([2])): 15,
        (9, frozenset([3])): 4,
        (2, frozenset()): 1,
    }
    weights = repeat_weights(
        sentences, [4, 9], threshold=0.4, num_classes=5, hidden={3: 60}
    )
    factors = [1, 1, (0.4 / 0.25) ** 0.5, 2, 1]
    np.testing.assert_allclose(
        weights.labels, np.multiply(factors, UNIT), atol=0.5
    )
    assert weights.buckets == (
        71 * UNIT,
        25 * weights.labels[2] + 4 * weights.labels[3],
    )
    assert weight_of([1, 2], weights.labels) == weights.labels[2]
    assert weight_of([], weights.labels) == UNIT


@pytest.mark.parametrize("seed", range(5))
def test_copies_add_up_and_are_unbiased(seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(UNIT, 5 * UNIT, 17).tolist()
    total, sums = sum(weights), np.zeros(17)
    offsets = range(0, total, 101)
    for offset in offsets:
        before = offset
        taken = []
        for weight in weights:
            taken.append(copies(before, weight, total=total, size=17))
            before += weight
        assert sum(taken) == 17
        sums += taken
    np.testing.assert_allclose(
        sums / len(offsets), np.multiply(weights, 17 / total), atol=0.01
    )


def _rare(count):
    """Few sentences have the label "sky"."""
    made = []
    for number in range(count):
        if number % 10:
            made.append(Sentence("ab" * (1 + number % 3), (Span(0, 1, "a"),)))
        else:
            made.append(Sentence("天地", (Span(0, 1, "sky"),)))
    return made


@pytest.mark.slow
def test_epochs_keep_their_sizes_and_have_more_of_the_rare_label(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(span_batches, "_BATCHES_OF_BUCKET", 1)
    records = tiny.records(tmp_path, _rare(60))
    buckets = make_buckets(records.lengths, num_buckets=2, batch_size=4)
    weights = balance_labels(records, buckets.lengths, threshold=0.9)

    def epochs(seed, weights, numbers):
        found = []
        for batch in training_batches(
            records, buckets, seed=seed, epochs=numbers, weights=weights
        ):
            labels = batch["cells"][:, 0, 2].numpy().tolist()
            found.append((batch["input_ids"].shape.as_list(), labels))
        return found

    plain = epochs(1, None, range(4))
    sampled = epochs(1, weights, range(4))
    steps = buckets.steps_per_epoch
    assert len(sampled) == len(plain) == 4 * steps
    for epoch in range(4):
        part = slice(epoch * steps, (epoch + 1) * steps)
        assert collections.Counter(
            tuple(shape) for shape, _ in sampled[part]
        ) == collections.Counter(tuple(shape) for shape, _ in plain[part])
    assert sampled == epochs(1, weights, range(4))
    assert sampled[steps:] == epochs(1, weights, range(1, 4))
    assert sampled != epochs(2, weights, range(4))
    share, expected = (
        np.mean([label == 2 for _, labels in one for label in labels])
        for one in (sampled, plain)
    )
    # A third of the short sentences weigh sqrt(0.9 / 0.1) = 3.
    assert expected == 0.1 and share > 0.15
