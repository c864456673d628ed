"""Resampled scores are the scores of resampled data."""

import collections
import itertools
import random

import numpy as np
import pytest
from evaluation_pairs import nested_pairs, predict, random_gold
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation import resampling, score
from biaffine_tf.evaluation.resampling import (
    draw_metrics,
    mean_of_drawn_runs,
    metrics,
    tabulate,
)
from biaffine_tf.spans import Sentence, Span


def rows_of(pairs, labels):
    """The metrics of `score`; zeros for labels that it does not have."""
    scores = score(pairs)
    named = [scores.micro, scores.macro, scores.cluener]
    named += [scores.labels.get(label) for label in labels]
    return [
        (row.precision, row.recall, row.f1) if row else (0, 0, 0)
        for row in named
    ]


@pytest.mark.slow
@given(st.lists(nested_pairs(), min_size=1, max_size=6), st.randoms())
def test_figures_of_sums_are_the_scores(pairs, shuffler):
    golds = [gold for gold, _ in pairs]
    other = [
        gold.replace_spans(shuffler.choices(gold.spans, k=2))
        if gold.spans
        else gold
        for gold in golds
    ]
    runs = [pairs, list(zip(golds, other, strict=True))]
    table = tabulate(*map(iter, runs))
    assert table.repeats.sum() == len(pairs)
    spans = [span for run in runs for p in run for s in p for span in s.spans]
    assert table.labels == tuple(sorted({span.label for span in spans}))
    expected = [rows_of(run, table.labels) for run in runs]
    np.testing.assert_allclose(metrics(table.sums), expected, rtol=1e-12)


@given(st.lists(nested_pairs(), min_size=2, max_size=2))
def test_draws_are_data_sets_of_drawn_sentences(pairs):
    table = tabulate(pairs)
    draws = draw_metrics(table, resamples=400, random=np.random.default_rng(0))[
        :, 0
    ]
    # Two sentences are drawn as 00, 01, 10 or 11, all as often.
    frequencies = collections.Counter()
    for chosen in itertools.product(pairs, repeat=2):
        rows = np.round(rows_of(chosen, table.labels), 9)
        frequencies[rows.tobytes()] += 100
    found = collections.Counter(np.round(d, 9).tobytes() for d in draws)
    assert found.keys() == frequencies.keys()
    for drawn, expected in frequencies.items():
        assert abs(found[drawn] - expected) < 50  # 5 standard deviations


def test_draws_in_batches_are_the_draws_at_once(monkeypatch):
    source = random.Random(0)
    table = tabulate(predict(random_gold(50, source), source))
    whole = draw_metrics(table, resamples=30, random=np.random.default_rng(1))
    monkeypatch.setattr(resampling, "_MAX_NUMBERS", 7 * len(table.rows))
    assert list(resampling.batches(table, 30)) == [7, 7, 7, 7, 2]
    parts = draw_metrics(table, resamples=30, random=np.random.default_rng(1))
    np.testing.assert_array_equal(parts, whole)
    other = draw_metrics(table, resamples=30, random=np.random.default_rng(2))
    assert (other != whole).any()


@pytest.mark.parametrize("runs", [1, 2, 3, 5])
def test_the_mean_of_drawn_runs_varies_as_the_mean_of_runs(runs):
    source = np.random.default_rng(0)
    figures_of_runs = source.normal(size=(runs, 4, 3))
    draws = np.broadcast_to(figures_of_runs, (100_000, runs, 4, 3))
    means = mean_of_drawn_runs(draws, source)
    if runs == 1:
        np.testing.assert_array_equal(means, draws[:, 0])
        return
    # The unbiased estimate of the variance of a mean of so many.
    expected = figures_of_runs.var(axis=0, ddof=1) / runs
    np.testing.assert_allclose(means.var(axis=0), expected, rtol=0.03)
    np.testing.assert_allclose(
        means.mean(axis=0), figures_of_runs.mean(axis=0), atol=0.02
    )


def test_data_without_a_span_can_be_drawn():
    empty = Sentence("ab", ())
    draws = draw_metrics(
        tabulate([(empty, empty)] * 3),
        resamples=5,
        random=np.random.default_rng(0),
    )
    np.testing.assert_array_equal(draws, np.zeros((5, 1, 3, 3)))


def test_nothing_cannot_be_drawn_from():
    for runs in ([], [[]], [[], []]):
        with pytest.raises(DataError, match=r"no sentences.*not empty"):
            tabulate(*runs)


def test_runs_of_other_gold_are_refused():
    def run(*sentences):
        return [(sentence, sentence) for sentence in sentences]

    first = Sentence("天地", (Span(0, 1, "x"),), file="gold.json", line=1)
    scored = Sentence("天地", (Span(0, 1, "x", 0.5),), file="other", line=9)
    relabelled = Sentence("天地", (Span(0, 1, "y"),), file="other", line=2)
    longer = Sentence("天地玄", (Span(0, 1, "x"),), file="other", line=3)
    tabulate(run(first), run(scored))
    for other in (relabelled, longer):
        with pytest.raises(DataError, match=r"^other:\d: gold sentence '天地"):
            tabulate(run(first), run(other))
    with pytest.raises(DataError, match="1 sentences in one run and 2 in"):
        tabulate(run(first), run(first, first))
    unlabelled = Sentence("天地", None, file="text.txt", line=4)
    with pytest.raises(DataError, match=r"^text.txt:4: the predicted"):
        tabulate([(first, unlabelled)])
