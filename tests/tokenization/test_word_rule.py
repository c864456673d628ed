"""Where words begin and end, against loops over characters and tokens."""

import random
import unicodedata

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from tokenization.tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.config import DecodingConfig, WordBoundaries
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import (
    Vocabulary,
    WordRule,
    align,
    cut_spans,
    find_edges,
    make_tokenizer,
)
from biaffine_tf.tokenization.words import shape, symbol

RULE = WordRule("aa a0 0a 00 #a a'")
TOKENIZERS = [
    make_tokenizer(kind, VOCABULARY, do_lower_case=lower)
    for kind in tiny.BERT_KINDS
    for lower in (False, True)
]
each_tokenizer = pytest.mark.parametrize(
    "tokenizer", TOKENIZERS, ids=lambda one: str(one.to_config())
)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("Paris, Zoë’s", "aaaaa, aaa'a"),
        ("Cafe\u0301 Straße ﬁn", "aaaaa aaaaaa aa"),
        ("Москва Ελλάδα नमस्ते", "aaaaaa aaaaaa aaaaaa"),
        ("ＡＢ２３ iPhone6", "aa00 aaaaaa0"),
        ("Haupt\u00adstadt a\u2011b", "aaaaaaaaaaa a-a"),
        ("北京abか゛が\u3099ー한국 กี่ ስም مدينة", "  aa" + " " * 20),
        ("a\u200bb\tc\x00😀\ud800\U0010ffff", "a a a    "),
        ("#x @y_z 1.5 & $3", "#a @a_a 0.0 & $0"),
        ("१२ ١٢ 𝟏 ①", "00" + " " * 7),
    ],
)
def test_shapes(text, symbols):
    assert shape(text) == symbols


def test_every_character_has_a_symbol_of_ascii():
    found = {symbol(chr(code)) for code in range(0x110000)}
    marks = {
        c
        for c in map(chr, range(33, 127))
        if unicodedata.category(c)[0] in "PS"
    }
    assert found == marks | {"a", "0", " "}


@given(hostile_texts)
def test_places_inside_words(text):
    symbols = [symbol(one) for one in text]
    want = [False] * (len(text) + 1)
    for place in range(1, len(text)):
        want[place] = symbols[place - 1] + symbols[place] in RULE.pairs
    assert RULE.inside(text).tolist() == want


UNSPACED = [
    *"北京大学。，「」ひらカタがーㄅ한국어",
    *"ภาษาไทยກຂមនမြန်མདའ",
    *["\U00020000", "\u3000", "か\u3099", "　", "٣"],
]


@given(st.lists(st.sampled_from(UNSPACED)).map("".join))
def test_text_of_scripts_without_spaces_stays_free(text):
    every = " ".join(
        first + second
        for first in map(chr, range(33, 127))
        for second in "a0"
        if first in "a0" or not first.isalnum()
    )
    assert DecodingConfig(word_rule=every)
    assert not WordRule(every).inside(text).any()


def _words_of(text, rng):
    """Ranges of words that are apart or touch, as columns have them."""
    words, end = [], 0
    while end < len(text):
        start = end + rng.choice([0, 0, 1])
        end = min(len(text), start + rng.randint(1, 4))
        if start < end:
            words.append((start, end))
    return tuple(words)


@each_tokenizer
@given(text=hostile_texts, seed=st.integers(0, 99))
def test_edges_of_given_words(tokenizer, text, seed):
    """A token begins a word if nothing of it, and nothing else, is before."""
    words = _words_of(text, random.Random(seed))
    tokens = tokenizer.encode(text)
    sentence = Sentence(text, words=words)
    edges = find_edges(sentence, tokens, RULE)
    begins, ends = set(), set()
    for word_start, word_end in words:
        within = [
            (start, end)
            for start, end in tokens.offsets
            if start < word_end and end > word_start
        ]
        begins |= {s for s, _ in within[:1] if s >= word_start}
        ends |= {e for _, e in within[-1:] if e <= word_end}
    assert edges.begins.tolist() == [s in begins for s, _ in tokens.offsets]
    assert edges.ends.tolist() == [e in ends for _, e in tokens.offsets]


@each_tokenizer
@given(text=hostile_texts, seed=st.integers(0, 99))
def test_spans_that_are_learnt_can_be_found(tokenizer, text, seed):
    """Edges admit all spans of whole words that records hold."""
    rng = random.Random(seed)
    tokens = tokenizer.encode(text)
    words = _words_of(text, rng)
    whole = tuple(
        Span(start, end, "x")
        for start, _ in words
        for _, end in words
        if start < end
    )
    for sentence in (
        Sentence(text, whole, words=words),
        Sentence(text, whole),
    ):
        edges = find_edges(sentence, tokens, RULE)
        cut = cut_spans(sentence, RULE)
        kept = [span for span in whole if span not in cut]
        cells = align(kept, tokens.offsets).cells
        assert all(edges.admit(first, last) for first, last, _ in cells)
    assert not cut_spans(Sentence(text, whole, words=words), RULE)


@each_tokenizer
@given(text=hostile_texts)
def test_edges_of_plain_text(tokenizer, text):
    tokens = tokenizer.encode(text)
    inside = RULE.inside(text).tolist()
    edges = find_edges(Sentence(text), tokens, RULE)
    assert edges.begins.tolist() == [not inside[s] for s, _ in tokens.offsets]
    assert edges.ends.tolist() == [not inside[e] for _, e in tokens.offsets]
    count = len(tokens)
    first, last = np.triu_indices(count)
    want = [
        not inside[tokens.offsets[i][0]] and not inside[tokens.offsets[j][1]]
        for i, j in zip(first, last, strict=True)
    ]
    assert edges.admit(first, last).tolist() == want


def test_words_of_single_characters_are_free():
    text = "北京ab2"
    tokenizer = make_tokenizer(
        "char", Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    )
    sentence = Sentence(text, words=tuple((i, i + 1) for i in range(5)))
    edges = find_edges(sentence, tokenizer.encode(text), RULE)
    assert edges.begins.all() and edges.ends.all()


def test_what_is_free():
    sentence = Sentence("ab", words=((0, 2),))
    tokens = TOKENIZERS[0].encode("ab")
    assert find_edges(sentence, tokens, None) is None
    assert find_edges(Sentence("ab"), tokens, WordRule("")) is None
    assert find_edges(sentence, tokens, WordRule("")) is not None
    assert WordRule.of(DecodingConfig(word_rule="aa")) is None
    at_words = DecodingConfig(
        word_boundaries=WordBoundaries.WORDS, word_rule="aa 0a"
    )
    assert WordRule.of(at_words).pairs == {"aa", "0a"}


@given(text=hostile_texts.filter(bool), seed=st.integers(0, 99))
def test_cut_spans(text, seed):
    rng = random.Random(seed)
    spans = []
    for _ in range(5):
        start = rng.randrange(len(text))
        spans.append(Span(start, rng.randint(start + 1, len(text)), "x"))
    words = _words_of(text, rng)
    starts, ends = ({word[i] for word in words} for i in (0, 1))
    assert cut_spans(Sentence(text, tuple(spans), words=words), RULE) == [
        one for one in spans if one.start not in starts or one.end not in ends
    ]
    inside = RULE.inside(text)
    assert cut_spans(Sentence(text, tuple(spans)), RULE) == [
        one for one in spans if inside[one.start] or inside[one.end]
    ]
    assert cut_spans(Sentence(text), RULE) == []
