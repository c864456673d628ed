"""Uncertainty, near-duplicates, the order, and the choice, on slow truth."""

import math
import random

import numpy as np
import pytest

from biaffine_tf.inference.base import Judgement
from biaffine_tf.selection.choosing import choose
from biaffine_tf.selection.near_duplicates import NearDuplicates
from biaffine_tf.selection.ordering import Strategy, length_edges, order
from biaffine_tf.selection.report import describe, write_plot
from biaffine_tf.selection.survey import CERTAIN, Survey
from biaffine_tf.selection.uncertainty import entropy, measure
from biaffine_tf.spans import Sentence, Span

LABELS = "rare", "usual"


def judged(rng, number):
    """A sentence with random candidates, one label of ten being rare."""
    text = "".join(rng.choices("甲乙丙丁戊己庚辛", k=rng.randint(2, 60)))
    spans = [
        Span(0, 1, LABELS[rng.random() < 0.9], rng.random())
        for _ in range(rng.randint(0, 4))
    ]
    entities = [span for span in spans if span.score > 0.5]
    return Sentence(text, id=str(number)), Judgement(entities, spans)


@pytest.fixture(scope="module")
def pool():
    rng = random.Random(0)
    return [judged(rng, number) for number in range(400)]


@pytest.fixture(scope="module")
def survey(pool):
    made = Survey()
    for pair in pool:
        made.add(*pair)
    return made


def test_entropy_is_that_of_a_decision():
    assert entropy(0.5) == 1
    assert entropy(0.0) == entropy(1.0) == 0
    for p in (0.01, 0.2, 0.7):
        expected = -sum(q * math.log2(q) for q in (p, 1 - p))
        assert entropy(p) == pytest.approx(expected)
        assert entropy(p) == pytest.approx(entropy(1 - p))


def test_candidates_below_the_threshold_count():
    spans = [Span(0, 1, "a", 0.4), Span(2, 3, "b", 0.5), Span(4, 5, "a", 0.1)]
    found = measure(spans)
    assert found.bits == pytest.approx(entropy(0.4) + 1 + entropy(0.1))
    assert found.label == "a"
    assert measure([]) == (0, None)
    assert measure([Span(0, 1, "a", 1.0)]).label is None


def test_a_survey_gives_back_what_it_was_given(pool, survey):
    assert len(survey) == len(pool)
    for number, (sentence, judgement) in enumerate(pool):
        found = measure(judgement.candidates)
        assert survey.entities(number) == tuple(judgement.entities)
        assert survey.uncertainty[number] == pytest.approx(
            found.bits / len(sentence.text)
        )
        assert survey.reason(number)["label"] == found.label
    for numbers in (None, range(50)):
        counted = survey.count_labels(numbers)
        shown = pool if numbers is None else pool[:50]
        for label in LABELS:
            assert counted[label] == sum(
                span.label == label for _, one in shown for span in one.entities
            )


def jaccard(one, other):
    def pieces(text):
        text = "".join(text.split()).casefold()
        return {text[i : i + 3] for i in range(max(len(text) - 2, 1))}

    return len(pieces(one) & pieces(other)) / len(pieces(one) | pieces(other))


def test_near_duplicates_are_those_of_all_pairs():
    rng = random.Random(1)
    texts = ["", "a", "ab", " A B"]
    for _ in range(60):
        text = "".join(rng.choices("abcdefgh ", k=rng.randint(1, 40)))
        texts.append(text)
        for _ in range(2):  # a few characters changed
            place = rng.randrange(len(text))
            text = text[:place] + rng.choice("xyz") + text[place + 1 :]
            texts.append(text)
    for limit in (0.3, 0.5, 0.8, 1.0):
        known = NearDuplicates(limit)
        found = 0
        for number, text in enumerate(texts):
            expected = next(
                (
                    before
                    for before in range(number)
                    if jaccard(text, texts[before]) >= limit
                ),
                None,
            )
            assert known.find(text) == expected, (limit, text)
            found += expected is not None
            known.add(text)
        assert found


def test_an_order_holds_all_and_is_that_of_its_seed(survey):
    for strategy in Strategy:
        first = order(survey, strategy, seed=1)
        assert sorted(first.tolist()) == list(range(len(survey)))
        assert (order(survey, strategy, seed=1) == first).all()
        assert (order(survey, strategy, seed=2) != first).any()


def test_uncertain_ones_come_first_in_each_division(survey):
    chosen = order(survey, Strategy.UNCERTAIN, seed=0)
    ranges = np.searchsorted(length_edges(survey.lengths), survey.lengths)
    cells = {}
    for number in chosen.tolist():
        key = survey.doubts[number], ranges[number]
        cells.setdefault(key, []).append(survey.uncertainty[number])
    for values in cells.values():
        assert values == sorted(values, reverse=True)
    certain = int((survey.doubts == CERTAIN).sum())
    assert certain
    assert (survey.doubts[chosen[-certain:]] == CERTAIN).all()


def test_every_beginning_is_spread_over_labels_and_lengths(survey):
    chosen = order(survey, Strategy.UNCERTAIN, seed=0)
    demands = {
        label: math.sqrt(survey.uncertainty[survey.doubts == label].sum())
        for label in set(survey.doubts.tolist()) - {CERTAIN}
    }
    doubtful = survey.doubts != CERTAIN
    edges = length_edges(survey.lengths)
    ranges = np.searchsorted(edges, survey.lengths)
    for size in (40, 80):
        labels = survey.doubts[chosen[:size]]
        for label, demand in demands.items():
            share = demand / sum(demands.values())
            own = (labels == label).sum() / size
            assert own == pytest.approx(share, abs=0.15)
        for one in range(len(edges) + 1):
            share = (ranges[doubtful] == one).mean()
            own = (ranges[chosen[:size]] == one).mean()
            assert own == pytest.approx(share, abs=0.1)


def test_a_choice_follows_the_order_and_repeats_nothing():
    texts = [f"第{number}句话，各不相同{number * 7919}" for number in range(30)]
    texts[3], texts[5], texts[9] = texts[2], f"{texts[4]} ", "  "
    reads = []

    def read():
        reads.append(1)
        return (Sentence(text) for text in texts)

    found = choose(
        np.arange(30), read, number=8, labelled=[texts[0]], min_similarity=0.9
    )
    assert list(found.sentences) == [1, 2, 4, 6, 7, 8, 10, 11]
    assert [one.text for one in found.sentences.values()] == [
        texts[number] for number in found.sentences
    ]
    assert (found.of_labelled, found.of_chosen, found.empty) == (1, 2, 1)
    assert len(reads) == 1
    every = choose(np.arange(30), read, number=40, min_similarity=0.9)
    assert len(every.sentences) == 27
    copies = [Sentence("同一句话")] * 9
    one = choose(np.arange(9), lambda: copies, number=3, min_similarity=1.0)
    assert list(one.sentences) == [0]


def test_a_choice_reads_on_if_many_repeat_others():
    texts = ["同样的一句话"] * 50 + ["另外一句话", "还有第三句"]
    found = choose(
        np.arange(52),
        lambda: map(Sentence, texts),
        number=3,
        min_similarity=0.8,
    )
    assert list(found.sentences) == [0, 50, 51]


def test_what_is_described_adds_up(pool, survey, tmp_path):
    found = choose(
        order(survey, Strategy.UNCERTAIN, seed=0),
        lambda: (sentence for sentence, _ in pool),
        number=40,
        min_similarity=0.8,
    )
    lines = [*describe(survey, found)]
    start = lines.index("by length in characters:")
    for table in (lines[2:start], lines[start + 1 :]):
        rows = [line for line in table if line.startswith("  ")]
        counts = [
            list(map(int, row.rpartition(": ")[2].split(" of ")))
            for row in rows
        ]
        assert [sum(column) for column in zip(*counts, strict=True)] == [
            40,
            400,
        ]
    path = tmp_path / "plot.html"
    write_plot(path, survey, list(found.sentences))
    page = path.read_text(encoding="utf-8")
    assert page.count("<figure") == 4
    assert "<script" not in page and "http" not in page.replace(
        "http-equiv", ""
    )
