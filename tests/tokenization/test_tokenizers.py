"""What holds for every tokenizer."""

import json
import pickle

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization import (
    CharTokenizer,
    Vocabulary,
    WordPieceTokenizer,
    make_tokenizer,
)

TOKENIZERS = [
    make_tokenizer(kind, VOCABULARY, do_lower_case=do_lower_case)
    for kind in tiny.BERT_KINDS
    for do_lower_case in (False, True)
]
every_tokenizer = pytest.mark.parametrize(
    "tokenizer",
    TOKENIZERS,
    ids=lambda one: f"{one.kind}-{one.do_lower_case}",
)


@every_tokenizer
@given(text=hostile_texts)
def test_offsets_are_ordered_ranges_of_the_text(tokenizer, text):
    tokens = tokenizer.encode(text)
    assert len(tokens) == len(tokens.ids) == len(tokens.offsets)
    before = (0, 0)
    for start, end in tokens.offsets:
        assert 0 <= start < end <= len(text)
        assert start >= before[0] and end >= before[1]
        # Tokens share a character only where it became several.
        assert start >= before[1] or start == before[0]
        before = (start, end)
    for token_id in tokens.ids:
        assert 0 <= token_id < tokenizer.vocab_size


@every_tokenizer
@given(text=hostile_texts)
def test_text_never_becomes_a_special_token(tokenizer, text):
    specials = {tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id}
    specials.add(VOCABULARY.id("[unused1]"))
    assert not specials & set(tokenizer.encode(text).ids)


@every_tokenizer
@given(texts=st.lists(hostile_texts, max_size=5))
def test_a_batch_is_its_texts(tokenizer, texts):
    assert tokenizer.encode_batch(texts) == [
        tokenizer.encode(text) for text in texts
    ]


@every_tokenizer
def test_config_and_pickle_make_an_equal_tokenizer(tokenizer):
    config = json.loads(json.dumps(tokenizer.to_config()))
    copies = [
        make_tokenizer(vocabulary=Vocabulary(VOCABULARY.tokens), **config),
        pickle.loads(pickle.dumps(tokenizer)),
    ]
    text = "The cafe\u0301 中文 İstanbul"
    for copy in copies:
        assert type(copy) is type(tokenizer)
        assert copy.fingerprint == tokenizer.fingerprint
        assert copy.encode(text) == tokenizer.encode(text)


def test_fingerprints_tell_everything_apart():
    longer = Vocabulary([*VOCABULARY.tokens, "new"])
    swapped = Vocabulary([*VOCABULARY.tokens[:-2], *VOCABULARY.tokens[:-3:-1]])
    fingerprints = {
        make_tokenizer(kind, vocabulary, do_lower_case=lower).fingerprint
        for kind in tiny.BERT_KINDS
        for vocabulary in (VOCABULARY, longer, swapped)
        for lower in (False, True)
    }
    assert len(fingerprints) == 12


def test_kinds():
    assert isinstance(make_tokenizer("char", VOCABULARY), CharTokenizer)
    assert isinstance(
        make_tokenizer("wordpiece", VOCABULARY), WordPieceTokenizer
    )
    with pytest.raises(ConfigError, match="'words'; use one of char, wordpi"):
        make_tokenizer("words", VOCABULARY)


def test_ids_of_special_tokens():
    tokenizer = make_tokenizer("char", VOCABULARY)
    assert (tokenizer.pad_id, tokenizer.unk_id) == (0, 1)
    assert (tokenizer.cls_id, tokenizer.sep_id) == (2, 3)
    assert tokenizer.vocab_size == len(VOCABULARY)
