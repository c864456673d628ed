"""Where words begin, in tokens of either tokenizer."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.pre_tokenizers import BertPreTokenizer

from biaffine_tf.config import Words
from biaffine_tf.errors import ConfigError
from biaffine_tf.records import text_words as words_module
from biaffine_tf.records.text_words import find_word_starts
from biaffine_tf.tokenization import Vocabulary, make_tokenizer

CHARACTERS = "abcdeéiPhone13天地北京我爱安门,.-。，"
VOCABULARY = Vocabulary(
    [
        *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        *dict.fromkeys(CHARACTERS),
        *("##b", "##c", "##Phone", "##1", "##3", "cafe", "##e"),
    ]
)
TOKENIZERS = {
    kind: make_tokenizer(kind, VOCABULARY) for kind in ("char", "wordpiece")
}
texts = st.one_of(
    st.text(st.sampled_from(CHARACTERS + " \u0301\u3000\u2028\0😀가")),
    st.text(),
)


def words_of(text, kind, tokenizer="char"):
    """The words that tokens make, as texts."""
    tokens = TOKENIZERS[tokenizer].encode(text)
    starts = find_word_starts(text, tokens.offsets, kind)
    assert len(starts) == len(tokens)
    found = []
    for start, (begin, end) in zip(starts, tokens.offsets, strict=True):
        if start:
            found.append([begin, end])
        else:
            found[-1][1] = max(end, found[-1][1])
    return [text[begin:end] for begin, end in found]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("iPhone13很好", ["iPhone13", "很", "好"]),
        ("abc 天ab,c", ["abc", "天", "ab", ",", "c"]),
        ("cafe\u0301 é", ["cafe\u0301", "é"]),
        ("", []),
    ],
)
def test_letters_and_digits_together(tokenizer, text, expected):
    found = words_of(text, Words.ALPHANUMERIC, tokenizer)
    assert [word for word in found if word != " "] == expected


@given(st.text("abcé13天地,.- ", max_size=20))
def test_words_are_those_of_bert(text):
    spaced = re.sub("([天地])", r" \1 ", text)
    expected = [word for word, _ in BertPreTokenizer().pre_tokenize_str(spaced)]
    found = words_of(text, Words.ALPHANUMERIC)
    assert [word for word in found if word != " "] == expected


@given(texts)
def test_none_says_that_every_token_is_a_word(text):
    for tokenizer in TOKENIZERS.values():
        offsets = tokenizer.encode(text).offsets
        found = find_word_starts(text, offsets, Words.NONE)
        assert found == b"\1" * len(offsets)


def test_characters_that_were_normalised_into_several_tokens():
    """Tokens that share a character are one word, Chinese or not."""
    offsets = [(0, 1), (1, 2), (1, 2), (2, 3)]
    assert find_word_starts("天﷼地", offsets, Words.ALPHANUMERIC) == b"\1\1\0\1"


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我爱北京天安门", ["我", "爱", "北京", "天安门"]),
        ("我爱iPhone13,北京", ["我", "爱", "iPhone13", ",", "北京"]),
        ("北京 ab 天安门。", ["北京", "ab", "天安门", "。"]),
    ],
)
def test_chinese_words_of_jieba(tokenizer, text, expected):
    pytest.importorskip("jieba", reason="jieba is not installed")
    found = words_of(text, Words.JIEBA, tokenizer)
    assert [word for word in found if word != " "] == expected


@given(texts)
def test_jieba_only_joins(text):
    """Its words are unions of the finer ones, for any text."""
    pytest.importorskip("jieba", reason="jieba is not installed")
    for tokenizer in TOKENIZERS:
        fine = words_of(text, Words.ALPHANUMERIC, tokenizer)
        coarse = words_of(text, Words.JIEBA, tokenizer)
        assert len(coarse) <= len(fine)
        offsets = TOKENIZERS[tokenizer].encode(text).offsets
        pairs = zip(
            find_word_starts(text, offsets, Words.ALPHANUMERIC),
            find_word_starts(text, offsets, Words.JIEBA),
            strict=True,
        )
        assert all(joined <= start for start, joined in pairs)


@given(st.text(st.sampled_from("北京天安门我爱学习大好"), max_size=30))
def test_chinese_texts_are_cut_as_jieba_cuts_them(text):
    jieba = pytest.importorskip("jieba", reason="jieba is not installed")
    jieba.setLogLevel("ERROR")
    assert words_of(text, Words.JIEBA) == jieba.lcut(text)


def test_jieba_says_nothing(capfd):
    pytest.importorskip("jieba", reason="jieba is not installed")
    words_module._jieba.cache_clear()
    version = words_module.segmenter_version(Words.JIEBA)
    assert version and version.startswith("jieba ")
    assert capfd.readouterr() == ("", "")


def test_without_jieba(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    words_module._jieba.cache_clear()
    with pytest.raises(ConfigError, match="not installed; pip install jieba"):
        words_module.segmenter_version(Words.JIEBA)
    assert words_module.segmenter_version(Words.ALPHANUMERIC) is None
