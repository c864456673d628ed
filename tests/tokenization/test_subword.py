"""Unigram and byte-level BPE: brute force, bytes, and hostile text."""

import functools
import itertools
import json
import pickle
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from subword_samples import MAKERS, SPECIAL, unigram, vocabulary
from tokenization_texts import hostile_texts

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.tokenization import Vocabulary, make_tokenizer
from biaffine_tf.tokenization.subword import prepare


@functools.cache
def ours(name):
    return make_tokenizer("subword", vocabulary(name))


def test_special_tokens_have_bert_s_names():
    tokenizer = ours("unigram")
    assert tokenizer.vocabulary.tokens[:4] == (
        "[CLS]",
        "[PAD]",
        "[SEP]",
        "[UNK]",
    )
    assert tokenizer.vocabulary.tokens[-1] == "[MASK]"
    assert (tokenizer.cls_id, tokenizer.pad_id, tokenizer.unk_id) == (0, 1, 3)


@pytest.mark.parametrize("name", MAKERS)
@given(text=hostile_texts)
def test_ids_are_those_of_the_library(name, text):
    text = text.replace("<", "").replace("\ufdd1", "")  # nothing special
    clean = "".join("\ufffd" if "\ud800" <= c < "\ue000" else c for c in text)
    expected = MAKERS[name]().encode(clean, add_special_tokens=False).ids
    assert list(ours(name).encode(text).ids) == expected
    assert ours(name).encode_batch([text, ""])[0] == ours(name).encode(text)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("special", SPECIAL)
def test_special_tokens_in_a_text_are_text(name, special):
    # Inside, special tokens are marked by a character that no text has.
    marked = f"\ufdd1{special}\ufdd1{SPECIAL[special]}"
    ids = ours(name).encode(f"a{special}b {special}{marked}").ids
    vocabulary = ours(name).vocabulary
    wrong = {vocabulary.id(n) for n in ("[CLS]", "[SEP]", "[PAD]", "[MASK]")}
    assert wrong.isdisjoint(ids)


@pytest.mark.parametrize("name", MAKERS)
@given(text=hostile_texts)
def test_offsets(name, text):
    tokens = ours(name).encode(text)
    assert len(tokens.ids) == len(tokens.offsets)
    for start, end in tokens.offsets:
        assert 0 <= start < end <= len(text)
    for before, after in itertools.pairwise(tokens.offsets):
        assert before[0] <= after[0] and before[1] <= after[1]
    covered = {i for range_ in tokens.offsets for i in range(*range_)}
    for index, character in enumerate(text):
        if index not in covered:
            assert unicodedata.category(character)[0] in "CZM"
    for start, end in tokens.offsets:
        inside = text[start:end]
        if inside.strip():
            assert not inside[0].isspace() and not inside[-1].isspace()


@given(text=hostile_texts)
def test_bytes_of_a_character_stay_together(text):
    """A byte-level token covers every character that it has a byte of."""
    clean = "".join("\ufffd" if "\ud800" <= c < "\ue000" else c for c in text)
    tokens = ours("bpe").encode(text)
    alphabet = {v: k for k, v in _byte_alphabet().items()}
    spelled = [
        len([alphabet[c] for c in ours("bpe").vocabulary.tokens[i]])
        for i in tokens.ids
    ]
    assert sum(spelled) == len(clean.encode())
    bounds = list(itertools.accumulate(len(c.encode()) for c in clean))
    position = 0
    for size, (start, end) in zip(spelled, tokens.offsets, strict=True):
        touched = [
            i
            for i, stop in enumerate(bounds)
            if stop > position
            and stop - len(clean[i].encode()) < position + size
        ]
        kept = [i for i in touched if not clean[i].isspace()] or touched
        assert start <= kept[0] and end >= kept[-1] + 1
        position += size


def _byte_alphabet():
    """GPT-2's printable character of each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = itertools.count(256)
    return {b: chr(b if b in shown else next(extra)) for b in range(256)}


@given(
    word=st.text(st.sampled_from("abthe中文！12"), min_size=1, max_size=7),
)
def test_unigram_has_the_best_score(word):
    model = json.loads(unigram().to_str())["model"]
    scores = dict(map(tuple, model["vocab"][4:]))
    unknown = min(scores.values()) - 10
    marked = f"▁{unicodedata.normalize('NFKC', word)}"

    def best(text):
        totals = [0.0]
        for end in range(1, len(text) + 1):
            totals.append(
                max(
                    totals[begin]
                    + scores.get(
                        text[begin:end],
                        unknown if end - begin == 1 else -1e9,
                    )
                    for begin in range(end)
                )
            )
        return totals[-1]

    tokens = ours("unigram").encode(word)
    names = [ours("unigram").vocabulary.tokens[i] for i in tokens.ids]
    if "[UNK]" not in names:
        assert "".join(names) == marked
        assert sum(scores[n] for n in names) == pytest.approx(best(marked))


@pytest.mark.parametrize("name", MAKERS)
def test_saved_pickled_and_fingerprinted(name, tmp_path):
    tokenizer = ours(name)
    path = tmp_path / "vocab.txt"
    tokenizer.vocabulary.save(path)
    read = Vocabulary.from_file(path)
    assert read == tokenizer.vocabulary
    again = make_tokenizer(vocabulary=read, **tokenizer.to_config())
    copied = pickle.loads(pickle.dumps(tokenizer))
    for one in (again, copied):
        assert one.fingerprint == tokenizer.fingerprint
        assert one.encode("中文 ab") == tokenizer.encode("中文 ab")
    plain = Vocabulary(tokenizer.vocabulary.tokens)
    assert make_tokenizer("char", plain).fingerprint != tokenizer.fingerprint


def test_known_characters():
    assert ours("unigram").knows("中") and not ours("unigram").knows("龘")
    assert ours("bpe").knows("龘")


@pytest.mark.parametrize("kind", ["char", "wordpiece"])
def test_another_tokenizer_than_the_encoder_s_is_refused(kind):
    with pytest.raises(ConfigError, match=rf"--tokenizer={kind}.*leave"):
        make_tokenizer(kind, ours("unigram").vocabulary)
    with pytest.raises(ConfigError, match=r"--tokenizer=subword.*leave"):
        make_tokenizer("subword", Vocabulary(ours("bpe").vocabulary.tokens))


@pytest.mark.parametrize("content", ["{", "{}", '{"model": {"type": "BPE"}}'])
def test_damaged_file(tmp_path, content):
    path = tmp_path / "vocab.txt"
    ours("bpe").vocabulary.save(path)
    (tmp_path / "subwords.json").write_text(content)
    with pytest.raises(DataError, match="tokenizer"):
        make_tokenizer("subword", Vocabulary.from_file(path))


def test_ids_with_gaps_are_refused():
    content = json.loads(unigram().to_str())
    content["added_tokens"][-1]["id"] += 1
    with pytest.raises(ValueError, match="gap"):
        prepare(content, SPECIAL)
