"""Tag sequences of taggers against sums over all of them."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.config import Tags
from biaffine_tf.heads.tagger import reading, search
from biaffine_tf.heads.tagger.chain import (
    Chain,
    log_partition,
    sequence_score,
)
from biaffine_tf.heads.tagger.gold import gold_tags
from biaffine_tf.heads.tagger.tags import NEVER, Role, TagSet

COUNTS = np.int32([4, 1, 3, 0])
each_scheme = pytest.mark.parametrize("scheme", Tags)


def drawn(scheme, *, dtype=np.float64, scale=1.5, seed=0, padding=0):
    """Tags, emissions and a chain with random scores."""
    rng = np.random.default_rng(seed)
    tags = TagSet.of(scheme, 2)
    size = len(tags)
    emissions = scale * rng.normal(size=[len(COUNTS), 4 + padding, size])
    own = (rng.normal(size=one.shape) for one in tags.rules)
    chain = (a + b for a, b in zip(own, tags.rules, strict=True))
    return (
        tags,
        emissions.astype(dtype),
        Chain(*(one.astype(dtype) for one in chain)),
    )


def sequences(tags, emissions, chain):
    """All sequences that the scheme allows, with their scores."""
    for one in itertools.product(range(len(tags)), repeat=len(emissions)):
        score = chain.starts[one[0]] + chain.ends[one[-1]]
        score += sum(e[tag] for e, tag in zip(emissions, one, strict=True))
        score += sum(
            chain.transitions[pair] for pair in itertools.pairwise(one)
        )
        if score > NEVER / 2:
            yield one, score


def entities(tags, one):
    """First token, last token and label of each entity, by a loop."""
    found = set()
    for start, tag in enumerate(one):
        if tags.roles[tag] not in (Role.BEGIN, Role.SINGLE):
            continue
        last = start
        while last + 1 < len(one) and tags.roles[one[last + 1]] in (
            Role.INSIDE,
            Role.END,
        ):
            last += 1
        found.add((start, last, int(tags.labels[tag])))
    return found


def truth(tags, emissions, chain, sentence):
    """Log-partition, and probability of each span, by enumeration."""
    rows = [
        (entities(tags, one), score)
        for one, score in sequences(
            tags, emissions[sentence, : COUNTS[sentence]], chain
        )
    ]
    total = np.logaddexp.reduce([score for _, score in rows])
    spans = {}
    for found, score in rows:
        for span in found:
            spans[span] = spans.get(span, 0.0) + np.exp(score - total)
    return total, spans


@each_scheme
def test_every_set_of_disjoint_spans_is_one_sequence(scheme):
    tags = TagSet.of(scheme, 2)
    zeros = np.zeros([4, len(tags)])
    found = [
        frozenset(entities(tags, one))
        for one, _ in sequences(tags, zeros, Chain(*tags.rules))
    ]
    assert len(set(found)) == len(found)

    def sets(position):
        """Number of sets of labelled spans from a token on."""
        if position >= 4:
            return 1
        ends = range(position + 1, 5)
        return sets(position + 1) + 2 * sum(map(sets, ends))

    assert len(found) == sets(0)


@each_scheme
def test_partition_and_score_equal_enumeration(scheme):
    tags, emissions, chain = drawn(scheme, padding=2)
    total = log_partition(emissions, COUNTS, Chain(*map(tf.constant, chain)))
    for sentence, count in enumerate(COUNTS[:3]):
        rows = dict(sequences(tags, emissions[sentence, :count], chain))
        want = np.logaddexp.reduce([*rows.values()])
        np.testing.assert_allclose(total[sentence], want)
        for one in itertools.islice(rows, 0, None, 7):
            padded = np.int32([[*one, *[0] * (6 - count)]])
            score = sequence_score(
                emissions[sentence : sentence + 1],
                tf.constant(padded),
                tf.constant([count]),
                Chain(*map(tf.constant, chain)),
            )
            np.testing.assert_allclose(score[0], rows[one])


@each_scheme
def test_gradient_is_that_of_finite_differences(scheme):
    _, emissions, chain = drawn(scheme, padding=1)
    weights = np.float64([1.0, -0.5, 2.0, 0.0])  # none for the empty one
    inputs = [tf.constant(one) for one in (emissions, *chain)]

    def value(*inputs):
        total = log_partition(inputs[0], COUNTS, Chain(*inputs[1:]))
        return tf.reduce_sum(weights * total)

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = value(*inputs)
    gradients = tape.gradient(total, inputs)
    # Probabilities of the tags of a token.
    for sentence, count in enumerate(COUNTS):
        sums = tf.reduce_sum(gradients[0][sentence], axis=1)
        want = weights[sentence] * (np.arange(5) < count)
        np.testing.assert_allclose(sums, want, atol=1e-12)
    rng = np.random.default_rng(1)
    for number, gradient in enumerate(gradients):
        direction = rng.normal(size=gradient.shape)
        values = [
            value(
                *inputs[:number],
                inputs[number] + step * direction,
                *inputs[number + 1 :],
            )
            for step in (1e-5, -1e-5)
        ]
        np.testing.assert_allclose(
            tf.reduce_sum(gradient * direction),
            (values[0] - values[1]) / 2e-5,
            rtol=1e-6,
        )


@each_scheme
@pytest.mark.parametrize("scale", [1e4, 1e-4])
def test_extreme_scores_stay_finite(scheme, scale):
    tags, emissions, chain = drawn(scheme, dtype=np.float32, scale=scale)
    gold = np.zeros([4, 4], np.int32)
    inputs = [tf.constant(one) for one in (emissions, *chain)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        chain = Chain(*inputs[1:])
        loss = log_partition(inputs[0], COUNTS, chain) - sequence_score(
            inputs[0], gold, tf.constant(COUNTS), chain
        )
    assert np.isfinite(loss).all()
    assert (loss.numpy() > -1e-3 * scale).all()
    for gradient in tape.gradient(loss, inputs):
        assert np.isfinite(gradient).all()
    found = search.find_candidates(inputs[0], COUNTS, chain, tags)
    assert np.isfinite(found.log_odds).all()


@each_scheme
def test_candidates_have_the_odds_of_enumeration(scheme):
    tags, emissions, chain = drawn(scheme)
    found = reading.find_candidates(
        emissions, COUNTS, chain, tags, min_margin=-30.0
    )
    for sentence, count in enumerate(COUNTS):
        own = found.take(found.sentences == sentence)
        got = {
            (start, end - 1, label): odds
            for start, end, label, odds in zip(
                *map(np.ndarray.tolist, own[1:4]),
                own.log_odds.tolist(),
                strict=True,
            )
        }
        if not count:
            assert not got
            continue
        _, want = truth(tags, emissions, chain, sentence)
        assert got.keys() == want.keys()
        for span, probability in want.items():
            odds = np.log(probability) - np.log1p(-probability)
            np.testing.assert_allclose(got[span], odds, rtol=1e-4)


@each_scheme
@pytest.mark.parametrize("seed", range(3))
def test_spans_of_the_best_sequence_have_a_margin(scheme, seed):
    """Others have one if their odds are even or better."""
    tags, emissions, chain = drawn(scheme, padding=1, scale=0.5, seed=seed)
    found = reading.find_candidates(emissions, COUNTS, chain, tags)
    got = set(rows(found))
    path = reading.best_sequences(emissions, COUNTS, chain)
    unlikely = 0
    for sentence, count in enumerate(COUNTS[:3]):
        scores = dict(sequences(tags, emissions[sentence, :count], chain))
        best = max(scores, key=scores.get)
        assert (*path[sentence],) == (*best, *[0] * (5 - count))
        _, spans = truth(tags, emissions, chain, sentence)
        likely = {span for span, p in spans.items() if p > 0.5}
        unlikely += len(entities(tags, best) - likely)
        assert {
            (a, b - 1, label) for s, a, b, label in got if s == sentence
        } == (likely | entities(tags, best))
    assert unlikely  # else this shows nothing
    is_likely = found.log_odds > 0.001
    np.testing.assert_array_equal(
        found.margins, np.where(is_likely, found.log_odds, np.float32(1e-3))
    )


@each_scheme
@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("padding", [0, 3])
def test_graph_and_numpy_find_the_same(scheme, force, padding):
    tags, emissions, chain = drawn(scheme, padding=padding)
    plain = reading.find_candidates(
        emissions[:, :4], COUNTS, chain, tags, min_margin=-30.0
    )
    for min_margin, width in itertools.product(
        [-np.inf, 0.0, 9.0], [None, 1, 2]
    ):
        options = {
            "min_margin": min_margin,
            "max_span_width": width,
            "force_one_entity": force,
        }
        ours = reading.find_candidates(
            emissions, COUNTS, chain, tags, **options
        )
        graph = search.find_candidates(
            tf.constant(emissions),
            tf.constant(COUNTS),
            Chain(*map(tf.constant, chain)),
            tags,
            **options,
        )
        for left, right in zip(ours, graph, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-6)
        is_wanted = plain.margins > min_margin
        is_narrow = plain.ends - plain.starts <= (width or 9)
        wanted = is_wanted & is_narrow
        if force:
            for sentence in range(3):
                own = is_narrow & (plain.sentences == sentence)
                if not (wanted & own).any():
                    wanted |= own & (
                        plain.log_odds == plain.log_odds[own].max()
                    )
        assert rows(ours) == rows(plain.take(wanted))


def rows(candidates):
    keys = map(np.ndarray.tolist, candidates[:4])
    return sorted(zip(*keys, strict=True))


@each_scheme
def test_gold_spans_become_tags_the_longest_first(scheme):
    tags = TagSet.of(scheme, 3)
    rng = np.random.default_rng(0)
    cells = np.zeros([40, 6, 3], np.int32)
    want = []
    for one in cells:
        spans = {}
        for _ in range(rng.integers(0, 7)):
            first, last = np.sort(rng.integers(0, 9, 2)).tolist()
            spans.setdefault((first, last), int(rng.integers(1, 4)))
        listed = [(*place, label) for place, label in spans.items()]
        one[: len(listed)] = np.array(listed).reshape(-1, 3)
        kept = []
        for span in sorted(listed, key=lambda s: (s[0] - s[1], s[0])):
            if all(span[1] < a or b < span[0] for a, b, _ in kept):
                kept.append(span)
        want.append(set(kept))
    found = gold_tags(tf.constant(cells), tags, tf.constant(9)).numpy()
    assert [entities(tags, one) for one in found] == want
    listed = zip(*(one.tolist() for one in tags.spans(found)), strict=True)
    assert list(listed) == [
        (sentence, *span)
        for sentence, spans in enumerate(want)
        for span in sorted(spans)
    ]
