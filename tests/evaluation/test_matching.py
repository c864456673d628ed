"""Sentences are paired by what they are, never by where they stand."""

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


# Texts and ids of both sides, and the beginning of what is said of them.
PROBLEMS = [
    (
        [("a", None), ("很" * 40, None), ("c", None), ("d", None)],
        [("d", None), ("a", None)],
        f"gold:2: gold sentence '{'很' * 30}' has no prediction "
        "(and 1 more like it); ",
    ),
    (
        [("a", "7")],
        [("a", "7"), ("b", "8"), ("c", "9")],
        "predicted:2: predicted sentence 'b' of id '8' is not in gold "
        "(and 1 more like it); ",
    ),
    (
        [("a", None), ("b", None)],
        [("a", None), ("b ", None)],
        "gold:2: gold sentence 'b' has no prediction; predicted sentence 'b ' "
        "(predicted:2) is not in gold; ",
    ),
    (
        [("a", None), ("b", None), ("a", None)],
        [("a", None), ("b", None)],
        "gold:3: gold sentence 'a' has no",
    ),
    (
        [("a", "1"), ("b", "1")],
        [("a", "1"), ("b", "2")],
        "gold:2: gold sentence 'b' of id '1' has the id of 'a' of id '1' "
        "(gold:1); ",
    ),
    (
        [("a", "1"), ("b", "2")],
        [("a", "1"), ("b", "1")],
        "predicted:2: predicted sentence 'b' of id '1' has the id of 'a' of "
        "id '1' (predicted:1); ",
    ),
    *(
        (
            [("天空很蓝", "1")],
            [(text, "1")],
            f"predicted:1: the text of predicted sentence '{shown}' of id '1' "
            f"is not gold's (gold:1): from character {place} on it reads "
            f"'{seen}', gold '{other}'; ",
        )
        for text, shown, place, seen, other in (
            ("天空xy", "天空xy", 2, "xy", "很蓝"),
            ("天空", "天空", 2, "", "很蓝"),
            ("天空很蓝\u3000", "天空很蓝\\u3000", 4, "\\u3000", ""),
        )
    ),
]


@pytest.mark.parametrize(("gold", "predicted", "said"), PROBLEMS)
def test_sentences_without_partners_are_named(gold, predicted, said):
    sides = [
        sentences([text for text, _ in side], name, [one for _, one in side])
        for name, side in (("gold", gold), ("predicted", predicted))
    ]
    assert error_of(*sides).startswith(said)


@pytest.mark.parametrize("side", ["gold", "predicted"])
def test_unlabelled_sentences_are_refused(side):
    both = {name: sentences(["a"], name) for name in ("gold", "predicted")}
    both[side] = [Sentence("a", None, file="text.txt", line=1)]
    assert error_of(*both.values()).startswith(
        f"text.txt:1: the {side} sentence 'a' is not labelled; give a {side} "
    )


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
