"""Confusions, counted by hand and by the scores' own counts."""

import collections
import random

import pytest

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation import score
from biaffine_tf.evaluation.confusion import (
    MAX_EXAMPLES,
    confusion_matrix,
    granularity,
    label_pairs,
    overfitted_strings,
)
from biaffine_tf.evaluation.taxonomy import ErrorClass, errors
from biaffine_tf.spans import Sentence, Span

TEXT = "甲乙丙丁戊己庚辛壬癸"
LABELS = "ABC"


def random_sentence(draw):
    spans = []
    for _ in range(draw.randint(0, 5)):
        start = draw.randrange(len(TEXT))
        end = draw.randint(start + 1, min(start + 4, len(TEXT)))
        spans.append(Span(start, end, draw.choice(LABELS)))
    return Sentence(TEXT, tuple(spans))


def random_pairs(count, seed=0):
    draw = random.Random(seed)
    pairs = []
    for _ in range(count):
        gold, other = random_sentence(draw), random_sentence(draw)
        kept = draw.sample(gold.spans, draw.randint(0, len(gold.spans)))
        pairs.append((gold, other.replace_spans([*other.spans, *kept])))
    return pairs


def test_the_sums_of_the_matrix_are_those_of_the_scores():
    pairs = random_pairs(600)
    matrix = confusion_matrix(iter(pairs))
    scores = score(pairs)
    assert matrix.labels == tuple(scores.labels)
    for index, (label, counts) in enumerate(scores.labels.items()):
        assert matrix.labels[index] == label
        assert sum(matrix.counts[index]) == counts.gold
        assert sum(row[index] for row in matrix.counts) == counts.predicted
        assert matrix.counts[index][index] == counts.correct
    assert matrix.counts[-1][-1] == 0


def test_the_matrix_equals_a_count_of_ranges_with_one_label():
    expected = collections.Counter()
    pairs = []
    for gold, predicted in random_pairs(600, seed=1):
        sides = [
            {span[:2]: span.label for span in side.spans}
            for side in (gold, predicted)
        ]
        pairs.append(
            [
                gold.replace_spans(Span(*r, x) for r, x in side.items())
                for side in sides
            ]
        )
        for range_ in sides[0].keys() | sides[1].keys():
            expected[sides[0].get(range_), sides[1].get(range_)] += 1
    matrix = confusion_matrix(pairs)
    names = [*matrix.labels, None]
    found = {
        (row, column): matrix.counts[i][j]
        for i, row in enumerate(names)
        for j, column in enumerate(names)
        if matrix.counts[i][j]
    }
    assert found == expected


def test_nothing_has_an_empty_matrix():
    matrix = confusion_matrix([])
    assert matrix.labels == () and matrix.counts == ((0,),)


def test_label_pairs_are_the_changed_labels_of_all_errors():
    found = errors(random_pairs(500, seed=2))
    pairs = label_pairs(found)
    assert [p.count for p in pairs] == sorted(
        (p.count for p in pairs), reverse=True
    )
    counted = {(p.gold, p.predicted): (p.count, p.same_range) for p in pairs}
    expected = collections.defaultdict(lambda: [0, 0])
    for error in found:
        for gold in LABELS:
            for predicted in set(LABELS) - {gold}:
                if any(s.label == gold for s in error.gold) and any(
                    s.label == predicted for s in error.predicted
                ):
                    exact = error.kind is ErrorClass.WRONG_LABEL
                    expected[gold, predicted][0] += 1
                    expected[gold, predicted][1] += exact
    assert counted == {key: tuple(value) for key, value in expected.items()}
    for pair in pairs:
        assert len(pair.examples) == min(pair.count, MAX_EXAMPLES)
        kinds = [e.kind is ErrorClass.WRONG_LABEL for e in pair.examples]
        assert kinds == sorted(kinds, reverse=True)


def test_granularity_counts_splits_and_merges_of_one_label():
    whole, parts = Span(0, 4, "A"), (Span(0, 2, "A"), Span(2, 4, "A"))
    mixed = (Span(0, 2, "A"), Span(2, 4, "B"))
    one, two = Sentence(TEXT, (whole,)), Sentence(TEXT, parts)
    pairs = [(one, two), (one, two), (two, one)]
    pairs.append((one, one.replace_spans(mixed)))
    found = granularity(errors(pairs))
    assert [(g.kind, g.label, g.count) for g in found] == [
        (ErrorClass.SPLIT, "A", 2),
        (ErrorClass.MERGED, "A", 1),
    ]
    assert found[0].examples[0].predicted == parts


def sentence_of(*mentions, text="abcdef"):
    """Letters with labels, None standing for no entity."""
    return Sentence(
        text,
        tuple(
            Span(text.index(letter), text.index(letter) + 1, label)
            for letter, label in mentions
        ),
    )


TRAINING = [
    sentence_of(("a", "X"), ("b", "X"), ("c", "X")),
    sentence_of(("a", "X"), ("b", "Y"), ("c", "Y")),
    sentence_of(("a", "Y"), ("d", "X"), ("c", "Y")),
]


def test_overfitted_strings_by_hand():
    pairs = [
        # a: training mostly has X. b: as often Y. c: mostly Y. e: unknown.
        (
            sentence_of(("a", "Y"), ("b", "Y"), ("c", "X"), ("e", "X")),
            sentence_of(("a", "X"), ("b", "X"), ("d", "X"), ("f", "X")),
        ),
        (sentence_of(("a", "Y")), sentence_of(("a", "X"))),
        (sentence_of(("a", "Y")), sentence_of(("a", "Y"))),
        (sentence_of(("a", "X")), sentence_of(("a", "X"))),
    ]
    found = overfitted_strings(iter(pairs), iter(TRAINING))
    plain = [
        (o.text, o.training, o.gold, o.predicted, o.count, o.followed)
        for o in found
    ]
    assert plain == [
        ("a", {"X": 2, "Y": 1}, "Y", {"X": 2, "Y": 1}, 3, 2),
        ("c", {"Y": 2, "X": 1}, "X", {None: 1}, 1, 0),
        ("d", {"X": 1}, None, {"X": 1}, 1, 1),
    ]
    assert found[0].examples == tuple(gold for gold, _ in pairs[:3])


def test_a_range_that_also_has_the_usual_label_is_not_overfitted():
    both = sentence_of(("a", "X"), ("a", "Y"))
    assert not overfitted_strings([(both, both)], TRAINING)
    extra = sentence_of(("a", "X")), both
    assert not overfitted_strings([extra], TRAINING)


def test_unlabelled_training_data_is_refused():
    with pytest.raises(DataError, match="training sentence"):
        overfitted_strings([], [Sentence("a")])
