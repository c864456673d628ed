"""Tokenizer and case by vocabulary and text, where nothing says."""

import random

import pytest

from biaffine_tf import formats
from biaffine_tf.tokenization import (
    Vocabulary,
    choose_case,
    choose_kind,
    share_of_chinese,
)

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<S>", "[unused1]"]
HAN = [chr(c) for c in range(0x4E00, 0x4E00 + 300)]
ENGLISH = ["the", "cat", "a", "b", "##s", "##ing", "!"]
CHARACTERS = Vocabulary([*SPECIALS, *HAN, *"abc"])
CHINESE = Vocabulary([*SPECIALS, *HAN, *(f"##{c}" for c in HAN), *ENGLISH])
WORDS = Vocabulary([*SPECIALS, *ENGLISH, *HAN[:5]])
ENGLISH_TEXT = ["The cat is here, 12.", "no"]
CHINESE_TEXT = ["".join(HAN[:30]) + "5G abc", "".join(HAN[30:50])]
# Kana and hangul are parts of words to BERT.
JAPANESE_TEXT = ["ひらがなカタカナ" + HAN[0] + HAN[1]]
KOREAN_TEXT = ["한국어" + HAN[0]]


@pytest.mark.parametrize(
    ("vocabulary", "texts", "kind"),
    [
        (CHARACTERS, CHINESE_TEXT, "char"),
        (CHARACTERS, ENGLISH_TEXT, "char"),
        (CHARACTERS, [], "char"),
        (CHINESE, CHINESE_TEXT, "char"),
        (CHINESE, ENGLISH_TEXT, "wordpiece"),
        (CHINESE, JAPANESE_TEXT, "wordpiece"),
        (CHINESE, KOREAN_TEXT, "wordpiece"),
        (CHINESE, [], "char"),
        (CHINESE, ["12.5 !"], "char"),  # no letter tells the language
        (WORDS, CHINESE_TEXT, "wordpiece"),  # which it does not know
        (WORDS, ENGLISH_TEXT, "wordpiece"),
        (WORDS, [], "wordpiece"),
        (Vocabulary([*SPECIALS, "the", "cat", "a"]), [], "wordpiece"),
        (Vocabulary(SPECIALS), [], "char"),
    ],
)
def test_the_kind(vocabulary, texts, kind):
    choice = choose_kind(vocabulary, iter(texts))
    assert (choice.flag, choice.value) == ("tokenizer", kind)
    assert str(choice).startswith(f"--tokenizer={kind} (")


def test_the_language_that_most_letters_are_of():
    rng = random.Random(0)
    for chinese in (40, 49, 51, 60):
        text = rng.choices(HAN, k=chinese) + ["x"] * (100 - chinese)
        rng.shuffle(text)
        kind = "char" if chinese > 50 else "wordpiece"
        texts = ["12 3 !", "".join(text)]
        assert choose_kind(CHINESE, texts).value == kind
        assert share_of_chinese(texts) == chinese / 100


def test_texts_are_not_read_where_they_do_not_matter():
    def texts():
        raise AssertionError("read")
        yield

    assert choose_kind(CHARACTERS, texts()).value == "char"


def test_a_sample_is_enough():
    def texts():
        yield from ["abc"] * 10_000
        raise AssertionError("read on")

    assert choose_kind(CHINESE, texts()).value == "wordpiece"
    assert share_of_chinese(texts()) == 0


def test_no_letters_have_no_share():
    assert share_of_chinese(["12", ""]) is None


@pytest.mark.parametrize(
    ("tokens", "folds"),
    [
        ([], True),
        (["a", "##b", "中"], True),
        (["a", "B"], False),
        (["the", "##sX"], False),
        (["é", "É"], False),
        (["ℝ", "ß", "<T>", "[unused9]"], True),  # ℝ has no lower case
        (["[", "<"], True),
        (["<A"], False),
    ],
)
def test_the_case(tokens, folds):
    choice = choose_case(Vocabulary([*SPECIALS, *tokens]))
    assert (choice.flag, choice.value) == ("do_lower_case", folds)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cluener/dev.json", "char"),
        ("weibo/weiboNER_2nd_conll.dev", "char"),
        ("wnut17/emerging.dev.conll", "wordpiece"),
        ("genia/dev.jsonlines", "wordpiece"),
    ],
)
def test_chinese_bert_on_real_texts(data_folder, name, kind):
    path = data_folder / "vocab" / "bert_base_chinese_vocab.txt"
    vocabulary = Vocabulary.from_file(path)
    texts = (one.text for one in formats.read(data_folder / "ner" / name))
    assert choose_kind(vocabulary, texts).value == kind
    assert choose_kind(vocabulary).value == "char"
    assert choose_case(vocabulary).value is True
