"""Strings with several labels, counted by hand and by loops."""

import collections
import random

import pytest
from scipy import stats

from biaffine_tf.reports.audit.mentions import collect, label_conflicts
from biaffine_tf.reports.audit.report import likely_share
from biaffine_tf.spans import Sentence, Span


def sentence(text, *spans, line=1):
    return Sentence(
        text, tuple(Span(*span) for span in spans), file="f", line=line
    )


@pytest.mark.parametrize("total", [1, 2, 7, 100, 5000])
def test_likely_share_is_the_end_of_wilsons_interval(total):
    for count in {0, 1, total // 2, total - 1, total}:
        interval = stats.binomtest(count, total).proportion_ci(
            0.95, method="wilson"
        )
        assert likely_share(count, total) == pytest.approx(
            interval.low, abs=1e-9
        )


def test_mentions_are_the_distinct_spans_of_each_string():
    mentions = collect(
        [
            sentence("aba", (2, 3, "X"), (0, 1, "X"), (0, 1, "X")),
            sentence("ca", (1, 2, "Y"), (0, 2, "X"), line=2),
        ]
    )
    places = {
        text: [(p.sentence.line, p.start, p.end, p.label) for p in found]
        for text, found in mentions.items()
    }
    assert places == {
        "a": [(1, 0, 1, "X"), (1, 2, 3, "X"), (2, 1, 2, "Y")],
        "ca": [(2, 0, 2, "X")],
    }


def test_conflicts_by_hand():
    sentences = [sentence("ab", (0, 1, "X"), line=i) for i in range(5)]
    sentences += [
        sentence("ab", (0, 1, "Y"), (1, 2, "X"), line=10),
        sentence("ab", (0, 1, "Z"), (1, 2, "X"), line=11),
        # The usual label is there as well: no conflict.
        sentence("ab", (0, 1, "X"), (0, 1, "Y"), line=12),
    ]
    (found,) = label_conflicts(collect(sentences))
    assert found.text == "a"
    assert found.labels == {"X": 6, "Y": 2, "Z": 1}
    assert [(p.sentence.line, p.label) for p in found.places] == [
        (10, "Y"),
        (11, "Z"),
    ]
    assert [p.sentence.line for p in found.usual] == [0, 1, 2]
    assert found.score == likely_share(6, 8)


def test_conflicts_of_random_data_equal_a_count():
    draw = random.Random(3)
    sentences = []
    for line in range(400):
        text = "".join(draw.choices("abc", k=4))
        starts = draw.sample(range(4), draw.randint(0, 4))
        spans = [(s, s + 1, draw.choices("XYZ", [8, 2, 1])[0]) for s in starts]
        sentences.append(sentence(text, *spans, line=line))
    counts = collections.defaultdict(collections.Counter)
    for item in sentences:
        for span in item.spans:
            counts[item.surface(span)][span.label] += 1
    found = label_conflicts(collect(sentences))
    assert {f.text: f.labels for f in found} == {
        text: dict(labels) for text, labels in counts.items() if len(labels) > 1
    }
    assert [f.score for f in found] == sorted(
        (f.score for f in found), reverse=True
    )
    for conflict in found:
        usual = next(iter(conflict.labels))
        assert len(conflict.places) == sum(
            n for label, n in conflict.labels.items() if label != usual
        )
        for place in conflict.places:
            assert place.label != usual and place.text == conflict.text
