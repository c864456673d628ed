"""Where texts divide well: by hand, and never where tokens do not."""

import itertools

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.tokenization import make_tokenizer
from biaffine_tf.tokenization.breaks import break_strengths, line_ranges

CHAR, WORDPIECE = (
    make_tokenizer(kind, VOCABULARY, do_lower_case=True)
    for kind in tiny.BERT_KINDS
)


@pytest.mark.parametrize(
    "marked",
    [
        "中文。|北京，/中文！？|北京",
        "“中文。”|北京……|（中文；|北京！）|中",
        "中\n|文\r\n|北",
        "the /cat. |The /cat /is /3.14 /a.b, /un",
        '"The /cat." |The /(cat.) |x',
        "中：/文、/北",
        "。|中。",
        "北京。　|中文",
        "a.) |b",
        "中文",
        "。",
        "",
    ],
)
def test_breaks_by_hand(marked):
    """| is behind a sentence, / behind less."""
    text = marked.replace("|", "").replace("/", "")
    want = []
    for before, character in itertools.pairwise(" " + marked):
        if character not in "/|":
            want.append(" /|".index(before) if before in "/|" else 0)
    assert break_strengths(text, CHAR.encode(text)).tolist() == want


def test_between_wordpiece_tokens():
    text = "The cat.  The cat, ab\u200b。 istanbul\n\n한 x"
    tokens = WORDPIECE.encode(text)
    strengths = break_strengths(text, tokens).tolist()
    found = {
        text[tokens.offsets[i][0] :]: strength
        for i, strength in enumerate(strengths)
        if strength
    }
    rest = [text[i:] for i in map(text.index, ["cat.", "cat,", "ab", "x"])]
    assert {k for k, v in found.items() if v == 1} == set(rest)
    rest = [text[i:] for i in map(text.rindex, ["The", "istan", "한"])]
    assert {k for k, v in found.items() if v == 2} == set(rest)


def test_what_is_inside_a_token_is_no_break():
    text = "a\x1cb-"  # a space to Python, nothing to BERT
    tokens = WORDPIECE.encode(text)
    assert tokens.offsets == ((0, 3), (3, 4))
    assert not break_strengths(text, tokens).any()


@given(st.sampled_from([CHAR, WORDPIECE]), hostile_texts)
def test_only_between_tokens_that_share_nothing(tokenizer, text):
    tokens = tokenizer.encode(text)
    strengths = break_strengths(text, tokens)
    assert strengths.shape == (len(tokens),)
    assert not strengths[:1].any()
    for index in np.flatnonzero(strengths).tolist():
        assert tokens.offsets[index - 1][1] <= tokens.offsets[index][0]


@given(
    st.sampled_from([CHAR, WORDPIECE]),
    st.lists(
        hostile_texts | st.sampled_from(["", "中文", "a b"]), max_size=6
    ).flatmap(
        lambda lines: st.tuples(
            *[
                st.sampled_from(["\n", "\r\n", "\u2028"]).map(line.__add__)
                for line in lines
            ]
        ).map("".join)
    ),
)
def test_lines_hold_what_is_between_line_ends(tokenizer, text):
    tokens = tokenizer.encode(text)
    line_of, line = [], 0
    for character in text:
        is_end = character in "\n\r\u2028\u2029"
        line_of.append(None if is_end else line)
        line += is_end
    want: dict[int, list[int]] = {}
    for index, (start, end) in enumerate(tokens.offsets):
        lines = set(line_of[start:end])
        if len(lines) == 1 and None not in lines:
            want.setdefault(lines.pop(), []).append(index)
    assert line_ranges(text, tokens) == [
        (inner[0], inner[-1] + 1) for inner in want.values()
    ]
