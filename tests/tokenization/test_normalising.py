"""Characters that are looked up as others."""

import itertools
import random
import string
import unicodedata

import pytest
import tiny
from tokenization.tokenization_texts import FRAGMENTS, VOCABULARY

from biaffine_tf.config import TokenizerConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization import Vocabulary, make_tokenizer
from biaffine_tf.tokenization.normalising import KINDS, parse_normalise

ALL = [
    ",".join(kinds)
    for size in range(1, 4)
    for kinds in itertools.combinations(KINDS, size)
]


def _texts(count):
    rng = random.Random(0)
    extra = ["３", "٣", "Ｑ", "q", "7", "\u3000", "～"]
    for _ in range(count):
        yield "".join(rng.choices([*FRAGMENTS, *extra], k=rng.randint(0, 9)))


def _slow(character, normalise):
    """The character to look up, from Unicode's own tables."""
    kinds = normalise.split(",")
    narrow = character
    if "\uff01" <= character <= "\uff5e" or character == "\u3000":
        narrow = unicodedata.normalize("NFKC", character)
    if "digits" in kinds and unicodedata.category(character) == "Nd":
        return "0"
    if "latin" in kinds and narrow in [*string.ascii_letters]:
        return "a"
    return narrow if "width" in kinds else character


@pytest.mark.parametrize("kind", tiny.BERT_KINDS)
@pytest.mark.parametrize("normalise", ALL)
def test_tokens_are_those_of_the_changed_text_at_the_same_places(
    kind, normalise
):
    plain = make_tokenizer(kind, VOCABULARY)
    tokenizer = make_tokenizer(kind, VOCABULARY, normalise=normalise)
    texts = [*_texts(40), "ＡｂＺ１２٣３中９x\u3000y！"]
    for text, tokens in zip(texts, tokenizer.encode_batch(texts), strict=True):
        changed = "".join(_slow(c, normalise) for c in text)
        assert len(changed) == len(text)
        assert tokens == plain.encode(changed) == tokenizer.encode(text)
        for character in set(text):
            known = plain.knows(_slow(character, normalise))
            assert tokenizer.knows(character) == known


def test_setting_is_sorted_stored_and_part_of_the_fingerprint():
    assert parse_normalise(" width,digits,,digits") == "digits,width"
    assert parse_normalise("") == ""
    with pytest.raises(ConfigError, match=r"there is no 'upper'; give some of"):
        parse_normalise("digits,upper")
    plain, made = (
        make_tokenizer("char", VOCABULARY, normalise=text)
        for text in ("", "width,digits")
    )
    assert made.fingerprint != plain.fingerprint
    assert "normalise" not in plain.to_config()
    config = TokenizerConfig.from_dict(made.to_config())
    again = make_tokenizer(vocabulary=VOCABULARY, **config.to_dict())
    assert again.fingerprint == made.fingerprint


def test_subwords_have_their_own_normalisation():
    vocabulary = Vocabulary(VOCABULARY.tokens, subwords="{}")
    with pytest.raises(ConfigError, match="--normalise=digits is given, but"):
        make_tokenizer("subword", vocabulary, normalise="digits")
