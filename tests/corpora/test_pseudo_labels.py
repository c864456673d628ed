"""Which predicted sentences are learnt."""

import itertools

import pytest

from biaffine_tf.corpora.pseudo_labels import (
    Doubt,
    certainty,
    find_doubt,
    sentence_weight,
    with_weight,
)
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence, Span

BOUNDS = {"min_score": 0.9, "max_doubt": 0.3}


def test_each_entity_and_each_rival_counts():
    for scores in itertools.product((0.2, 0.4, 0.95), repeat=3):
        spans = [Span(i, i + 1, "a", score) for i, score in enumerate(scores)]
        for count in range(4):
            entities, others = spans[:count], spans[count:]
            sure = all(one.score >= 0.9 for one in entities)
            calm = all(one.score <= 0.3 for one in others)
            found = find_doubt(entities, spans, **BOUNDS)
            assert (found is None) == (sure and calm)
            if found is not None:
                want = Doubt.RIVAL if sure else Doubt.UNSURE_ENTITY
                assert found is want
            decisions = [one.score for one in entities]
            decisions += [1 - one.score for one in others]
            assert certainty(entities, spans) == min(decisions)


def test_sentences_without_entities_may_be_left_out():
    assert find_doubt([], [], **BOUNDS) is None
    empty = find_doubt([], [], **BOUNDS, keep_empty=False)
    assert empty is Doubt.NO_ENTITY
    assert certainty([], []) == 1


def test_weights_are_kept_in_the_sentence():
    one = Sentence("ab", (), extra={"source": "x"})
    assert sentence_weight(one) == 1
    assert sentence_weight(with_weight(one, 0.25)) == 0.25
    assert with_weight(one, 0.25).extra["source"] == "x"
    for bad in (0, -1, 1.5, "1", True, None):
        weighted = Sentence("ab", (), extra={"weight": bad})
        with pytest.raises(DataError, match="weight must be above 0"):
            sentence_weight(weighted)
