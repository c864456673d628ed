"""Accents and Chinese characters apart from case, as encoders state them."""

import hashlib
import itertools
import json
import unicodedata

import pytest
from hypothesis import given
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.config import TokenizerConfig
from biaffine_tf.tokenization import Vocabulary, make_tokenizer

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
EVERY = [
    {
        "do_lower_case": lower,
        "strip_accents": strip,
        "tokenize_chinese_chars": apart,
    }
    for lower, strip, apart in itertools.product(
        (False, True), (None, False, True), (True, False)
    )
]


def _old_fingerprint(kind, lower):
    """Fingerprint of a tokenizer, by the code of before these settings."""
    config = {"kind": kind, "do_lower_case": lower}
    text = json.dumps(config, sort_keys=True).encode()
    return hashlib.sha256(text + b"\n" + VOCABULARY.to_bytes()).hexdigest()


@pytest.mark.parametrize("lower", [False, True])
def test_fingerprints_of_before_stay(lower):
    for kind, habit in (("char", False), ("wordpiece", lower)):
        for strip in (None, habit):
            tokenizer = make_tokenizer(
                kind, VOCABULARY, do_lower_case=lower, strip_accents=strip
            )
            assert tokenizer.fingerprint == _old_fingerprint(kind, lower)
        other = make_tokenizer(
            kind, VOCABULARY, do_lower_case=lower, strip_accents=not habit
        )
        assert other.fingerprint != _old_fingerprint(kind, lower)
    apart = make_tokenizer(
        "wordpiece",
        VOCABULARY,
        do_lower_case=lower,
        tokenize_chinese_chars=False,
    )
    assert apart.fingerprint != _old_fingerprint("wordpiece", lower)


@pytest.mark.parametrize("kind", ["char", "wordpiece"])
@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_a_config_keeps_them(kind, settings):
    tokenizer = make_tokenizer(kind, VOCABULARY, **settings)
    config = TokenizerConfig.from_dict(tokenizer.to_config())
    again = make_tokenizer(vocabulary=VOCABULARY, **config.to_dict())
    assert again.fingerprint == tokenizer.fingerprint
    text = "É e\u0301 Ünï 中文ab ４"
    assert again.encode(text) == tokenizer.encode(text)


@given(text=hostile_texts)
def test_characters_without_accents(text):
    plain = make_tokenizer("char", VOCABULARY)
    stripped = make_tokenizer("char", VOCABULARY, strip_accents=True)
    expected = []
    for character in text:
        parts = unicodedata.normalize("NFD", character)
        bare = [c for c in parts if unicodedata.category(c) != "Mn"]
        expected.append(bare[0] if len(bare) == 1 else character)
    assert stripped.encode(text).ids == plain.encode("".join(expected)).ids
    assert stripped.encode(text).offsets == plain.encode(text).offsets


def test_accents_and_case_of_characters():
    vocabulary = Vocabulary([*SPECIALS, "e", "i", "\u0301", "E"])
    stripped = make_tokenizer(
        "char", vocabulary, do_lower_case=True, strip_accents=True
    )
    names = [vocabulary.tokens[i] for i in stripped.encode("éÉİ\u0301").ids]
    assert names == ["e", "e", "i", "\u0301"]
    folded = make_tokenizer("char", vocabulary, do_lower_case=True)
    assert folded.encode("é").ids == (vocabulary.unk_id,)


WORDS = Vocabulary([*SPECIALS, "é", "e", "É", "E", "中", "##文", "文"])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["É", "é", "中", "文"]),
        ({"strip_accents": True}, ["E", "e", "中", "文"]),
        ({"do_lower_case": True}, ["e", "e", "中", "文"]),
        (
            {"do_lower_case": True, "strip_accents": False},
            ["é", "é", "中", "文"],
        ),
        ({"tokenize_chinese_chars": False}, ["É", "é", "中", "##文"]),
    ],
)
def test_wordpiece(settings, expected):
    tokenizer = make_tokenizer("wordpiece", WORDS, **settings)
    tokens = tokenizer.encode("É é 中文")
    assert [WORDS.tokens[i] for i in tokens.ids] == expected
    assert tokens.offsets == ((0, 1), (2, 3), (4, 5), (5, 6))


@pytest.mark.parametrize("settings", EVERY, ids=str)
@given(text=hostile_texts)
def test_what_is_unknown_makes_unk(settings, text):
    for kind in ("char", "wordpiece"):
        tokenizer = make_tokenizer(kind, VOCABULARY, **settings)
        for character in text:
            if not tokenizer.knows(character):
                assert tokenizer.unk_id in tokenizer.encode(character).ids
