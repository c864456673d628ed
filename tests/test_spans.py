"""Sentences keep their spans inside; label maps keep their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import DataError
from biaffine_tf.spans import LabelMap, Sentence, Span

names = st.lists(
    st.text(min_size=1).filter(
        lambda name: name.strip() and "\n" not in name and "\r" not in name
    ),
    unique=True,
)


@given(
    text=st.text(max_size=6),
    start=st.integers(-3, 9),
    end=st.integers(-3, 9),
)
def test_a_span_is_a_piece_of_its_text_or_an_error(text, start, end):
    span = Span(start, end, "x")
    # Slow truth: the non-empty ranges of the text, one by one.
    ranges = {
        (i, j) for j in range(len(text) + 1) for i in range(j) if text[i:j]
    }
    if (start, end) in ranges:
        sentence = Sentence(text, (span,))
        surface = "".join(text[i] for i in range(start, end))
        assert sentence.surface(span) == surface
    else:
        with pytest.raises(DataError) as caught:
            Sentence(text, (span,), file="a.json", line=7)
        assert str(caught.value).startswith("a.json:7: span ")
        assert f"{len(text)} characters" in str(caught.value)
        assert caught.value.remedy


def test_replaced_spans_are_checked_and_the_rest_is_kept():
    sentence = Sentence("ab", (Span(0, 1, "x"),), "id", ((0, 2),), "f", 3)
    other = sentence.replace_spans([Span(1, 2, "y", 0.5)])
    assert other == Sentence(
        "ab", (Span(1, 2, "y", 0.5),), "id", ((0, 2),), "f", 3
    )
    assert sentence.replace_spans(None).spans is None
    assert sentence.replace_spans([]).spans == ()
    with pytest.raises(DataError, match="outside"):
        sentence.replace_spans([Span(1, 3, "y")])


def test_the_key_of_a_span_leaves_out_the_score():
    assert Span(0, 1, "x", 0.5).key == Span(0, 1, "x").key == (0, 1, "x")
    assert Span(0, 1, "x", 0.5) != Span(0, 1, "x")


@given(names)
def test_label_maps_count_from_one_in_the_order_given(names):
    labels = LabelMap(names)
    assert labels.num_classes == len(names) + 1 == len(labels) + 1
    assert list(labels) == names == list(labels.names)
    for position, name in enumerate(names):
        assert labels.id(name) == position + 1
        assert labels.name(position + 1) == name
        assert name in labels
    assert labels == LabelMap(names)
    assert hash(labels) == hash(LabelMap(names))
    if len(names) > 1:
        assert labels != LabelMap(names[::-1])
    for wrong in (0, -1, len(names) + 1):
        with pytest.raises(IndexError):
            labels.name(wrong)


@pytest.mark.parametrize("bad", ["", " ", "a\nb", "a\r"])
def test_what_cannot_be_a_label(bad):
    with pytest.raises(DataError, match="cannot be a label"):
        LabelMap(["good", bad])


def test_labels_do_not_repeat():
    with pytest.raises(DataError, match=r"repeat: \['b'\]"):
        LabelMap(["b", "a", "b"])
    with pytest.raises(KeyError):
        LabelMap(["a"]).id("none")
