"""Alignment gives back the very span, or says that it cannot."""

import tiny
from hypothesis import given
from hypothesis import strategies as st
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.spans import Span
from biaffine_tf.tokenization import (
    align,
    make_tokenizer,
    to_characters,
)

TOKENIZERS = [
    make_tokenizer(kind, VOCABULARY, do_lower_case=True)
    for kind in tiny.BERT_KINDS
]


def all_spans(length):
    return [
        Span(start, end, f"{start}-{end}")
        for start in range(length)
        for end in range(start + 1, length + 1)
    ]


@given(st.sampled_from(TOKENIZERS), hostile_texts)
def test_every_span_of_a_text_comes_back_or_is_reported(tokenizer, text):
    text = text[:25]
    offsets = tokenizer.encode(text).offsets
    starts = [start for start, _ in offsets]
    ends = [end for _, end in offsets]
    spans = all_spans(len(text))
    cells, unaligned = align(spans, offsets)
    found = iter(cells)
    missed = iter(unaligned)
    for span in spans:
        if span.start in starts and span.end in ends:
            first, last, label = next(found)
            assert label == span.label
            assert first <= last
            assert to_characters(first, last, offsets) == span[:2]
        else:
            assert next(missed) is span
    assert next(found, None) is None and next(missed, None) is None


@given(st.sampled_from(TOKENIZERS), hostile_texts)
def test_every_cell_of_a_text_comes_back(tokenizer, text):
    offsets = tokenizer.encode(text[:25]).offsets
    for first in range(len(offsets)):
        for last in range(first, len(offsets)):
            start, end = to_characters(first, last, offsets)
            cells, unaligned = align([Span(start, end, "x")], offsets)
            assert not unaligned
            # Only tokens that share a boundary may be told apart no more.
            assert cells[0].first <= first and last <= cells[0].last
            assert to_characters(*cells[0][:2], offsets) == (start, end)


def test_tokens_of_one_character_are_taken_together():
    offsets = [(0, 1), (1, 2), (1, 2), (1, 2), (2, 4)]
    cells, unaligned = align(
        [Span(1, 2, "x"), Span(0, 2, "y"), Span(1, 4, "z")], offsets
    )
    assert cells == [(1, 3, "x"), (0, 3, "y"), (1, 4, "z")]
    assert unaligned == []


def test_overlapping_tokens_never_make_a_backward_cell():
    span = Span(1, 2, "x")
    assert align([span], [(0, 2), (1, 3)]) == ([], [span])
