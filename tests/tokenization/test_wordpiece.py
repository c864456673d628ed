"""WordPiece tokens against BERT's rules written out again, and on odd text."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.tokenization import WordPieceTokenizer

CASED = WordPieceTokenizer(VOCABULARY)
UNCASED = WordPieceTokenizer(VOCABULARY, do_lower_case=True)


def simple_bert(text, ids, lower):
    """BERT's basic and WordPiece token tokenization, for ASCII and Chinese."""
    words = [""]
    for character in text.lower() if lower else text:
        if character in " \t\n\r":
            words.append("")
        elif character in string.punctuation or "一" <= character <= "龥":
            words += [character, ""]
        elif character >= " " and character != "\x7f":
            words[-1] += character
    result = []
    for word in filter(None, words):
        if len(word) > 200:
            result.append("[UNK]")
            continue
        tokens, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                token = ("##" if start else "") + word[start:end]
                if token in ids:
                    break
            else:
                tokens = ["[UNK]"]
                break
            tokens.append(token)
            start = end
        result += tokens
    return [ids[token] for token in result]


plain_texts = st.lists(
    st.one_of(
        st.sampled_from([*VOCABULARY.tokens[7:18], "The", "CLS", "中", "文"]),
        st.text(st.characters(max_codepoint=127), max_size=3),
        st.sampled_from([" ", "京", "龘", "[SEP]", "##a", "ab" * 100]),
        st.just("a" * 201),
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize("lower", [False, True])
@given(text=plain_texts)
def test_ids_are_those_of_bert(lower, text):
    tokenizer = UNCASED if lower else CASED
    expected = simple_bert(text, VOCABULARY.to_dict(), lower)
    assert list(tokenizer.encode(text).ids) == expected


def bert_normal_form(text, lower):
    """What BERT keeps of the characters of a word."""
    if lower:
        text = unicodedata.normalize("NFD", text)
        text = "".join(c for c in text if unicodedata.category(c) != "Mn")
        text = "".join(character.lower() for character in text)
    return "".join(
        c
        for c in text
        if unicodedata.category(c)[0] != "C" and c not in "\ufffd"
    )


@pytest.mark.slow
@pytest.mark.parametrize("lower", [False, True])
@given(text=hostile_texts)
def test_known_tokens_are_the_text_they_cover(lower, text):
    tokenizer = UNCASED if lower else CASED
    tokens = tokenizer.encode(text)
    covered = {}  # tokens that share a character together are its form
    for token_id, (start, end) in zip(tokens.ids, tokens.offsets, strict=True):
        token = VOCABULARY.tokens[token_id]
        key = (start, end) if end - start == 1 else start
        previous = covered.get(key, ("", 0))[0]
        covered[key] = (previous + token.removeprefix("##"), end)
    for key, (token, end) in covered.items():
        start = key[0] if isinstance(key, tuple) else key
        if "[UNK]" not in token:
            assert bert_normal_form(text[start:end], lower) == token


@given(text=hostile_texts)
def test_every_visible_character_is_covered(text):
    """Nothing but space, control characters and stray marks is left out."""
    for tokenizer in (CASED, UNCASED):
        covered = set()
        for start, end in tokenizer.encode(text).offsets:
            covered.update(range(start, end))
        for i, character in enumerate(text):
            if i not in covered:
                category = unicodedata.category(character)
                assert (
                    category[0] in "CZ"
                    or character == "\ufffd"
                    or (category == "Mn" and tokenizer is UNCASED)
                )


@pytest.mark.parametrize(
    "text, expected, offsets",
    [
        ("Cafe\u0301!", ["cafe", "!"], [(0, 5), (5, 6)]),
        ("cafe\u0301is", ["cafe", "##is"], [(0, 5), (5, 7)]),
        ("Café", ["cafe"], [(0, 4)]),
        ("İstanbul", ["is", "##tan", "##bul"], [(0, 2), (2, 5), (5, 8)]),
        (
            "北京abX",
            ["北", "京", "ab", "##x"],
            [(0, 1), (1, 2), (2, 4), (4, 5)],
        ),
        ("x\u0301\u0302 ab", ["x", "ab"], [(0, 3), (4, 6)]),
        ("\ufeffab\ufeff", ["ab"], [(1, 3)]),
        ("a\x00b", ["ab"], [(0, 3)]),
        ("\ud800ab", ["ab"], [(1, 3)]),
        ("Ａ", ["ａ"], [(0, 1)]),
        ("👩‍👩‍👧x 😀", ["[UNK]", "😀"], [(0, 6), (7, 8)]),
        (
            "한",
            ["\u1112", "##\u1161", "##\u11ab"],
            [(0, 1), (0, 1), (0, 1)],
        ),
        (
            "[SEP]",
            ["[", "sep", "]"],
            [(0, 1), (1, 4), (4, 5)],
        ),
        ("a \u0301 b", ["a", "b"], [(0, 1), (4, 5)]),
        (" \t\u2028\x00\u0301", [], []),
        ("", [], []),
    ],
)
def test_odd_text(text, expected, offsets):
    tokens = UNCASED.encode(text)
    assert [VOCABULARY.tokens[i] for i in tokens.ids] == expected
    assert list(tokens.offsets) == offsets


def test_a_mark_that_is_a_token_of_its_own_is_not_covered_twice():
    assert CASED.encode("!\u0301").offsets == ((0, 1), (1, 2))
    assert UNCASED.encode("!\u0301").offsets == ((0, 2),)
