"""What a model is sure of, against gold."""

import random

import pytest

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.taxonomy import ErrorClass, errors
from biaffine_tf.reports.audit import audit
from biaffine_tf.reports.audit.disagreements import disagreements
from biaffine_tf.spans import Sentence, Span

TEXT = "甲乙丙丁戊己庚辛壬癸"


def sentence(*spans):
    return Sentence(
        TEXT, tuple(Span(*span) for span in spans), file="f", line=3
    )


def test_the_most_confident_come_first():
    gold = sentence((0, 2, "A"), (3, 5, "A"), (6, 10, "A"))
    predicted = sentence(
        (0, 2, "B", 0.5),
        (5, 6, "A", 0.6),
        (2, 3, "A", 0.9),
        (3, 5, "A", 1.0),
        (6, 8, "A", 0.8),
        (8, 10, "A", 0.7),
    )
    found = disagreements([(gold, predicted)])
    assert [
        [(d.error.kind, d.confidence, d.rival) for d in ranked]
        for ranked in found
    ] == [
        [(ErrorClass.SPURIOUS, 0.9, None), (ErrorClass.SPURIOUS, 0.6, None)],
        [(ErrorClass.WRONG_LABEL, 0.5, None)],
        [(ErrorClass.SPLIT, 0.7, None)],
    ]


def test_a_missed_span_has_the_surest_wrong_rival_or_is_left_out():
    gold = sentence((0, 3, "A"), (2, 6, "A"), (5, 8, "A"), (9, 10, "A"))
    predicted = sentence((0, 4, "A", 0.25), (4, 8, "A", 0.75))
    found = disagreements([(gold, predicted)]).confident_boundaries
    rivals = [(d.error.kind, d.confidence, d.rival) for d in found]
    assert sorted(rivals, key=str) == [
        (ErrorClass.MISSED, 0.75, predicted.spans[1]),
        (ErrorClass.TOO_LONG, 0.25, None),
        (ErrorClass.TOO_LONG, 0.75, None),
    ]


def test_all_errors_but_lone_missed_ones_are_there():
    draw = random.Random(0)
    pairs, rivals = [], 0
    for _ in range(500):
        sides = []
        for score in (None, 1):
            spans = []
            for _ in range(draw.randint(0, 5)):
                start = draw.randrange(9)
                end = draw.randint(start + 1, 10)
                sure = score and draw.random()
                spans.append(Span(start, end, draw.choice("AB"), sure))
            sides.append(sentence(*spans))
        pairs.append(tuple(sides))
    lists = disagreements(iter(pairs))
    for ranked in lists:
        scores = [d.confidence for d in ranked]
        assert scores == sorted(scores, reverse=True)
    found = [d for ranked in lists for d in ranked]
    listed = {id(d.error.sentence): [] for d in found}
    for d in found:
        listed[id(d.error.sentence)].append(d.error)
        rivals += d.rival is not None
    for error in errors(pairs):
        is_listed = error in listed.get(id(error.sentence), [])
        assert is_listed or error.kind is ErrorClass.MISSED
    assert rivals > 20


def test_predictions_without_scores_are_refused():
    with pytest.raises(DataError) as caught:
        disagreements([(sentence(), sentence((0, 2, "A")))])
    assert str(caught.value).startswith("f:3: the predicted span '甲乙' ")
    assert "--output_score" in caught.value.remedy
    # What is right need not have one.
    right = sentence((0, 2, "A"))
    assert disagreements([(right, right)]) == ([], [], [])


def test_the_audit_matches_predictions_whatever_their_order():
    gold = [Sentence(text, (Span(0, 1, "A"),)) for text in ("甲乙", "丙丁")]
    wrong = Sentence("甲乙", (Span(0, 2, "A", 0.5),))
    found = audit(gold, [gold[1], wrong])
    (disagreement,) = found.confident_boundaries
    assert disagreement.error.kind is ErrorClass.TOO_LONG
    assert found.confident_entities == found.confident_labels == []
    assert audit(gold).confident_entities is None
    with pytest.raises(DataError, match="has no prediction"):
        audit(gold, [wrong])
