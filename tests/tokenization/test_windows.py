"""Windows against loops over all spans of a text."""

import itertools
import math

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.config import LongText, ModelConfig
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import (
    Window,
    Windowing,
    Windows,
    make_tokenizer,
)
from biaffine_tf.tokenization.windows import plan_windows

CHAR, WORDPIECE = (
    make_tokenizer(kind, VOCABULARY, do_lower_case=True)
    for kind in tiny.BERT_KINDS
)


@st.composite
def plans(draw):
    """Strengths of breaks, most tokens of a window, and the overlap."""
    strengths = draw(st.lists(st.integers(0, 2), min_size=1, max_size=90))
    most = draw(st.integers(1, 40))
    overlap = draw(st.integers(0, most - 1))
    return np.array(strengths), most, overlap


def _plan(plan):
    strengths, most, overlap = plan
    return Windows(plan_windows(strengths, max_tokens=most, overlap=overlap))


def _spans(length, widest):
    return [
        (first, last)
        for first in range(length)
        for last in range(first, min(first + widest, length))
    ]


@given(plans())
def test_every_span_within_the_overlap_is_whole_in_a_window(plan):
    """And every token is in a window, with an overlap of zero, too."""
    strengths, most, overlap = plan
    windows = list(_plan(plan))
    for first, last in _spans(len(strengths), overlap + 1):
        assert any(a <= first and last < b for a, b in windows)
    assert all(0 <= a < b <= a + most for a, b in windows)
    for one, two in itertools.pairwise(windows):
        assert one.start < two.start and one.end < two.end
        assert one.end - two.start >= overlap


@given(plans())
def test_a_text_that_fits_is_one_window(plan):
    strengths, most, _ = plan
    windows = list(_plan(plan))
    if len(strengths) <= most:
        assert windows == [Window(0, len(strengths))]
    else:
        assert len(windows) > 1


@given(plans())
def test_no_more_than_twice_as_many_as_without_a_choice(plan):
    strengths, most, overlap = plan
    beyond = max(len(strengths) - most, 0)
    strides = math.ceil(beyond / (most - overlap))
    assert len(_plan(plan)) <= 1 + 2 * strides
    if not strengths.any():
        assert len(_plan(plan)) == 1 + strides


@given(plans())
def test_breaks_are_the_best_in_reach(plan):
    strengths, most, overlap = plan
    reach = (most - overlap) // 4
    for one, two in itertools.pairwise(_plan(plan)):
        for chosen, latest in [
            (one.end, one.start + most),
            (two.start, one.end - overlap),
        ]:
            places = range(latest - reach, latest + 1)
            assert chosen == max(places, key=lambda i: (strengths[i], i))


def test_what_cannot_be_planned():
    for overlap in (-1, 5, 6):
        with pytest.raises(ValueError, match="of windows of 5"):
            plan_windows(np.zeros(9), max_tokens=5, overlap=overlap)


@given(plans())
def test_windows_that_hold_a_span(plan):
    windows = _plan(plan)
    for first, last in _spans(len(plan[0]), 25):
        want = [
            index
            for index, (start, end) in enumerate(windows)
            if start <= first and last < end
        ]
        assert list(windows.holding(first, last)) == want


def _distance(window, first, last, length):
    """Tokens to the nearest edge that is not the text's."""
    left = first - window.start if window.start else math.inf
    right = window.end - 1 - last if window.end < length else math.inf
    return min(left, right)


@given(plans())
def test_the_most_central_window_decides(plan):
    windows, length = _plan(plan), len(plan[0])
    spans = [s for s in _spans(length, 41) if windows.holding(*s)]
    want = []
    for span in spans:
        distances = {
            index: _distance(windows[index], *span, length)
            for index in windows.holding(*span)
        }
        want.append(max(distances, key=distances.__getitem__))
    first, last = np.array(spans).T
    assert windows.most_central(first, last).tolist() == want


@given(
    st.sampled_from([CHAR, WORDPIECE]),
    st.lists(hostile_texts, max_size=8).map("。 ".join),
    st.integers(1, 12),
    st.data(),
)
def test_texts_of_any_kind(tokenizer, text, most, data):
    overlap = data.draw(st.integers(0, most - 1))
    tokens = tokenizer.encode(text)
    windowing = Windowing(max_tokens=most, window_overlap=overlap)
    windows = windowing.divide(Sentence(text), tokens)
    assert bool(windows) == bool(tokens)
    for first, last in _spans(len(tokens), overlap + 1):
        assert windows.holding(first, last)
    assert all(end - start <= most for start, end in windows)


def test_windows_end_where_sentences_do():
    text = "中文北京，中文北京，中文。" * 40
    tokens = CHAR.encode(text)
    windows = Windowing(max_tokens=80).divide(Sentence(text), tokens)
    assert {text[end - 1] for _, end in windows} == {"。"}
    assert {text[start] for start, _ in windows} == {"中"}
    assert all(start % 13 == 0 for start, _ in windows)


@pytest.mark.parametrize("long_text", LongText)
def test_what_becomes_of_long_texts(long_text):
    windowing = Windowing(max_tokens=9, long_text=long_text)
    for length in (1, 9):
        fits = Sentence("中" * length)
        windows = windowing.divide(fits, CHAR.encode(fits.text))
        assert list(windows) == [Window(0, length)]
    assert not windowing.divide(Sentence(""), CHAR.encode(""))
    long = Sentence("中" * 10, file="dev.json", line=7)
    tokens = CHAR.encode(long.text)
    if long_text is LongText.ERROR:
        with pytest.raises(DataError, match=r"dev\.json:7: .* 10 tokens.* 9"):
            windowing.divide(long, tokens)
    elif long_text is LongText.TRUNCATE:
        assert list(windowing.divide(long, tokens)) == [Window(0, 9)]
    else:
        assert len(windowing.divide(long, tokens)) == 2


@given(
    st.lists(st.sampled_from(["", "中", "中文。北京", "文" * 30]), max_size=9),
    st.integers(2, 12),
    st.data(),
)
def test_lines_are_divided_as_if_alone(lines, most, data):
    overlap = data.draw(st.integers(0, most - 1))
    windowing = Windowing(
        max_tokens=most, window_overlap=overlap, long_text=LongText.LINE
    )
    text = "\n".join(lines)
    tokens = CHAR.encode(text)
    if len(tokens) <= most:
        return  # read whole
    want, begin = [], 0
    for line in lines:
        alone = windowing.divide(Sentence(line), CHAR.encode(line))
        want += [Window(begin + a, begin + b) for a, b in alone]
        begin += len(line) + 1
    windows = windowing.divide(Sentence(text), tokens)
    assert list(windows) == want
    assert not windowing.is_cut(tokens)
    for first, last in _spans(len(tokens), overlap + 1):
        is_in_a_line = "\n" not in text[first : last + 1]
        assert bool(windows.holding(first, last)) == is_in_a_line


@given(st.integers(3, 40), st.sampled_from(LongText), st.data())
def test_settings_are_those_of_the_model_unless_given(
    max_seq_length, long_text, data
):
    overlaps = st.none() | st.integers(0, max_seq_length - 3)
    encoder = {"vocab_size": 9, "max_position_embeddings": 40}
    config = ModelConfig.from_dict(
        {
            "encoder": encoder,
            "max_seq_length": max_seq_length,
            "long_text": long_text,
            "window_overlap": data.draw(overlaps),
        }
    )
    plain = Windowing.of(config)
    assert plain.long_text == long_text
    assert plain.max_tokens == max_seq_length - 2
    assert plain.window_overlap == config.window_overlap
    assert 0 <= plain.overlap < plain.max_tokens
    overlap, other = data.draw(overlaps), data.draw(st.sampled_from(LongText))
    given_ = Windowing.of(config, long_text=other, window_overlap=overlap)
    assert given_.long_text == other
    assert given_.overlap == (plain.overlap if overlap is None else overlap)
    with pytest.raises(
        ConfigError, match=f"overlap.* got {max_seq_length - 2}$"
    ):
        Windowing.of(config, window_overlap=max_seq_length - 2)
