"""Sentences are paired by what they are, never by where they stand."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation import match
from biaffine_tf.spans import Sentence


def sentences(texts, file, ids=None):
    return [
        Sentence(text, (), id=ids and ids[i], file=file, line=i + 1)
        for i, text in enumerate(texts)
    ]


@given(st.lists(st.text("ab", max_size=2), max_size=8), st.randoms())
def test_ids_find_each_other_in_any_order(texts, shuffler):
    ids = [f"id{i}" for i in range(len(texts))]
    gold = sentences(texts, "gold", ids)
    predicted = sentences(texts, "predicted", ids)
    shuffled = shuffler.sample(predicted, len(predicted))
    assert match(iter(gold), iter(shuffled)) == list(
        zip(gold, predicted, strict=True)
    )


@given(
    st.lists(st.text("ab", max_size=2), max_size=8),
    st.randoms(),
    st.booleans(),
)
def test_texts_find_each_other_and_equal_ones_keep_order(
    texts, shuffler, half_with_ids
):
    ids = [f"id{i}" for i in range(len(texts))] if half_with_ids else None
    gold = sentences(texts, "gold", ids)
    predicted = sentences(shuffler.sample(texts, len(texts)), "predicted")
    pairs = match(gold, predicted)
    assert [pair[0] for pair in pairs] == gold
    assert sorted(p.line for _, p in pairs) == [p.line for p in predicted]
    for text in texts:
        lines = [p.line for g, p in pairs if g.text == text]
        assert lines == sorted(lines)
    assert all(g.text == p.text for g, p in pairs)


def test_one_sentence_without_id_turns_to_texts():
    gold = sentences(["a", "b"], "gold", ["1", "2"])
    predicted = sentences(["b", "a"], "predicted", ["1", None])
    assert [p.text for _, p in match(gold, predicted)] == ["a", "b"]


def error_of(gold, predicted):
    with pytest.raises(DataError) as caught:
        match(gold, predicted)
    assert caught.value.remedy
    return str(caught.value)


def test_missing_sentences_are_named():
    gold = sentences(["a", "很" * 40, "c", "d"], "gold.json")
    message = error_of(gold, sentences(["d", "a"], "pred.json"))
    assert message.startswith("gold.json:2: gold sentence '" + "很" * 30 + "' ")
    assert "has no prediction (and 1 more like it); " in message


def test_extra_sentences_are_named():
    gold = sentences(["a"], "gold.json", ["7"])
    predicted = sentences(["a", "b", "c"], "pred.json", ["7", "8", "9"])
    message = error_of(gold, predicted)
    assert message.startswith(
        "pred.json:2: predicted sentence 'b' of id '8' is not in gold "
        "(and 1 more like it); "
    )


def test_missing_and_extra_are_named_together():
    gold = sentences(["a", "b"], "gold.json")
    predicted = sentences(["a", "b "], "pred.json")
    message = error_of(gold, predicted)
    assert message.startswith(
        "gold.json:2: gold sentence 'b' has no prediction; "
        "predicted sentence 'b ' (pred.json:2) is not in gold; "
    )


def test_a_text_that_occurs_once_too_often_is_missing():
    gold = sentences(["a", "b", "a"], "gold.json")
    message = error_of(gold, sentences(["a", "b"], "pred.json"))
    assert message.startswith("gold.json:3: gold sentence 'a' has no")


@pytest.mark.parametrize("side", ["gold", "predicted"])
def test_repeated_ids_are_named(side):
    once = sentences(["a", "b"], "once.json", ["1", "2"])
    twice = sentences(["a", "b"], "twice.json", ["1", "1"])
    both = (twice, once) if side == "gold" else (once, twice)
    assert error_of(*both).startswith(
        f"twice.json:2: {side} sentence 'b' of id '1' has the id of 'a' of "
        "id '1' (twice.json:1); "
    )


@pytest.mark.parametrize(
    "text, position, seen, expected",
    [
        ("天空xy", 2, "xy", "很蓝"),
        ("天空", 2, "", "很蓝"),
        ("天空很蓝\u3000", 4, "\\u3000", ""),
    ],
)
def test_the_first_difference_of_texts_is_shown(text, position, seen, expected):
    gold = sentences(["天空很蓝"], "gold.json", ["1"])
    predicted = sentences([text], "pred.json", ["1"])
    message = error_of(gold, predicted)
    assert message.startswith("pred.json:1: the text of predicted sentence")
    assert (
        f"(gold.json:1): from character {position} on it reads '{seen}', "
        f"gold '{expected}'; "
    ) in message


@pytest.mark.parametrize("side", ["gold", "predicted"])
def test_unlabelled_sentences_are_refused(side):
    labelled = sentences(["a"], "labelled.json")
    unlabelled = [Sentence("a", None, file="text.txt", line=1)]
    both = (unlabelled, labelled) if side == "gold" else (labelled, unlabelled)
    assert error_of(*both).startswith(
        f"text.txt:1: the {side} sentence 'a' is not labelled; give a {side} "
    )


def test_a_thousand_shuffled_sentences():
    texts = [f"sentence {i % 500}" for i in range(1000)]
    gold = sentences(texts, "gold")
    predicted = gold.copy()
    random.Random(0).shuffle(predicted)
    assert len(match(gold, predicted)) == 1000


def test_says_how_many_sentences_are_paired_by_order_alone():
    gold = sentences("abcab", "gold.txt")
    notes = []
    match(gold, gold, notes.append)
    (note,) = notes
    assert note.startswith("4 sentences without ids repeat")
    assert "gold.txt:1" in note
    named = sentences("abcab", "gold.txt", ids="12345")
    match(named, named, notes.append)
    match(gold[:3], gold[:3], notes.append)
    assert len(notes) == 1
