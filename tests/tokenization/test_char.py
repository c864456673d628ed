"""A token per character, whatever the characters are."""

from hypothesis import given
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.tokenization import CharTokenizer, Vocabulary


@given(text=hostile_texts)
def test_each_character_is_one_token(text):
    tokens = CharTokenizer(VOCABULARY).encode(text)
    assert list(tokens.offsets) == [(i, i + 1) for i in range(len(text))]
    assert list(tokens.ids) == [
        VOCABULARY.tokens.index(c) if c in VOCABULARY.tokens else 1
        for c in text
    ]


@given(text=hostile_texts)
def test_lower_case_moves_no_offset(text):
    tokens = CharTokenizer(VOCABULARY, do_lower_case=True).encode(text)
    assert list(tokens.offsets) == [(i, i + 1) for i in range(len(text))]
    folded = "".join(c.lower() if c != "İ" else c for c in text)
    assert tokens.ids == CharTokenizer(VOCABULARY).encode(folded).ids


def test_a_character_of_longer_lower_case():
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    for known, expected in [("İ", "İ"), ("i", "i"), ("iİ", "İ"), ("", None)]:
        vocabulary = Vocabulary([*specials, *known])
        tokens = CharTokenizer(vocabulary, do_lower_case=True).encode("İ")
        assert tokens.ids == (vocabulary.get(expected or "", 1),)
