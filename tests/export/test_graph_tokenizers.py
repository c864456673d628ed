"""In-graph tokenizers against those in Python, on any text."""

import functools
import random
import unicodedata

import pytest
import tensorflow as tf
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenization.tokenization_texts import (
    FRAGMENTS,
    VOCABULARY,
    hostile_texts,
)

from biaffine_tf import formats
from biaffine_tf.export.code_points import decode_utf8
from biaffine_tf.export.tokenizers import graph_tokenizer
from biaffine_tf.tokenization import (
    Vocabulary,
    WordPieceTokenizer,
    make_tokenizer,
)
from biaffine_tf.tokenization.normalising import character_map

ASSIGNED = [
    c
    for c in map(chr, range(0x110000))
    if unicodedata.category(c) not in ("Cn", "Co", "Cs")
]
MARKS = [c for c in ASSIGNED if unicodedata.combining(c)]
# Those that stay where accents are stripped, and take part in reordering.
LASTING_MARKS = [c for c in MARKS if unicodedata.category(c) != "Mn"]
COMPOSED = [
    c
    for c in ASSIGNED
    if unicodedata.decomposition(c).partition(" ")[0].isalnum()
]
# Every mark is a token, so that no word is unknown for its marks alone.
TOKENS = dict.fromkeys(
    [*VOCABULARY.tokens, *MARKS, *(f"##{mark}" for mark in MARKS)]
)
SETTINGS = [
    *({"do_lower_case": lower} for lower in (False, True)),
    {"strip_accents": True, "tokenize_chinese_chars": False},
    {"do_lower_case": True, "strip_accents": False},
]
TOKENIZERS = [
    make_tokenizer(kind, Vocabulary([*TOKENS]), **settings)
    for kind in tiny.BERT_KINDS
    for settings in SETTINGS
]
each_tokenizer = pytest.mark.parametrize(
    "tokenizer",
    dict((one.fingerprint, one) for one in TOKENIZERS).values(),
    ids=lambda one: str(one.to_config()),
)


@functools.cache
def compiled(tokenizer):
    """The twin of a tokenizer, from strings, in a `tf.function`."""
    twin = graph_tokenizer(tokenizer)
    return tf.function(
        lambda texts: twin(decode_utf8(texts)),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


def encoded(texts):
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def as_given(data):
    """The text that bytes are."""
    return data.decode("utf-8", "replace")


def rows(tokens):
    """(ids, starts, ends) of each text."""
    return list(zip(*(one.to_list() for one in tokens), strict=True))


def check(tokenizer, data, answers=None):
    """Every text, given in bytes, has the tokens that it has in Python."""
    if answers is None:
        answers = rows(compiled(tokenizer)(tf.constant(data, tf.string)))
    assert len(answers) == len(data)
    for one, (ids, starts, ends) in zip(data, answers, strict=True):
        want = tokenizer.encode(as_given(one))
        assert tuple(ids) == want.ids, one
        assert tuple(zip(starts, ends, strict=True)) == want.offsets, one


def random_texts(count, seed):
    """Fragments, marks, composed and any other characters."""
    rng = random.Random(seed)

    def character():
        kinds = [FRAGMENTS, MARKS, LASTING_MARKS, COMPOSED, ASSIGNED]
        if rng.random() < 0.1:
            return chr(rng.randrange(0x110000))
        return rng.choice(rng.choice(kinds))

    return [
        "".join(character() for _ in range(rng.randrange(14)))
        for _ in range(count)
    ]


@pytest.mark.slow
@each_tokenizer
@settings(max_examples=30)
@given(texts=st.lists(hostile_texts, max_size=20))
def test_hostile_texts(tokenizer, texts):
    check(tokenizer, encoded(texts))


@pytest.mark.slow
@each_tokenizer
@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_texts(tokenizer, seed):
    check(tokenizer, encoded(random_texts(1500, seed)))


@pytest.mark.slow
@each_tokenizer
@settings(max_examples=30)
@given(data=st.lists(st.binary(max_size=12), max_size=20))
def test_any_bytes(tokenizer, data):
    check(tokenizer, data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", tiny.BERT_KINDS)
def test_characters_that_are_looked_up_as_others(kind):
    tokenizer = make_tokenizer(
        kind, Vocabulary([*TOKENS]), normalise="digits,latin,width"
    )
    changed = [chr(one) for one in character_map(tokenizer.normalise)]
    texts = [*changed, *(f"x{one}y9" for one in changed)]
    check(tokenizer, encoded([*texts, *random_texts(200, 0)]))


def test_invalid_utf8_is_what_python_replaces():
    rng = random.Random(0)
    # First bytes of sequences of each length, their neighbours, and others.
    some = b"\x00A\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed"
    some += b"\xee\xef\xf0\xf1\xf3\xf4\xf5\xf8\xfc\xfe\xff\xbb\xbd\xbe"
    data = [bytes(rng.choices(some, k=rng.randrange(9))) for _ in range(50_000)]
    found = decode_utf8(tf.constant(data)).to_list()
    assert found == [[ord(c) for c in as_given(one)] for one in data]


@pytest.mark.slow
@each_tokenizer
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "\ufeffab\ufeff",
        "a" * 200 + " " + "a" * 201 + " b",
        "é" * 200 + "中" + "é" * 201 + "\u0301",
        "e\u0301" * 101,  # too long with accents, not without
        "中a" * 25_000,
        "a" * 50_000,
        "\u0301" * 50_000,
        "[CLS] [SEP] ##a [unused1]",
        "ǅ ŉ ß ẞ ΑΣ Σ İ ı K Å",
        "\U0001d15e\U0001d165\U0001d16d\U0001d165",
        "\u0344\u302e\u0316\u0301",
    ],
    ids=lambda text: text[:8].encode("unicode_escape").decode(),
)
def test_odd_text(tokenizer, text):
    check(tokenizer, [b"ab", text.encode(), b"", text.encode()])


@pytest.mark.slow
@each_tokenizer
def test_no_text_at_all(tokenizer):
    tokens = compiled(tokenizer)(tf.constant([], tf.string))
    assert all(one.shape[0] == 0 for one in tokens)


@each_tokenizer
def test_without_a_function(tokenizer):
    texts = random_texts(50, seed=4)
    tokens = graph_tokenizer(tokenizer)(
        decode_utf8(tf.constant(encoded(texts)))
    )
    check(tokenizer, encoded(texts), rows(tokens))


letters = "ab#é中"
words = st.text(letters, min_size=1, max_size=4)


@pytest.mark.slow
@settings(max_examples=30)  # a tokenizer is made for each
@given(
    tokens=st.sets(st.tuples(st.sampled_from(["", "##"]), words), max_size=12),
    texts=st.lists(st.text(letters + " ", max_size=12), max_size=20),
    lower=st.booleans(),
)
def test_any_vocabulary(tokens, texts, lower):
    """Longest match first, also where a token is "##" or like "###a"."""
    known = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "##"])
    known |= dict.fromkeys(prefix + word for prefix, word in sorted(tokens))
    tokenizer = WordPieceTokenizer(Vocabulary([*known]), do_lower_case=lower)
    tokens = graph_tokenizer(tokenizer)(
        decode_utf8(tf.constant(encoded(texts), tf.string))
    )
    check(tokenizer, encoded(texts), rows(tokens))


@pytest.mark.slow
@each_tokenizer
def test_every_code_point(tokenizer):
    """Alone, in a word, and between marks of a high and a low class."""
    for plane in range(0x11):
        texts = [
            f"{chr(c)} a{chr(c)}b a\u0345{chr(c)}\u0334a {chr(c)}"
            for c in range(plane << 16, (plane + 1) << 16)
            if not 0xD800 <= c < 0xE000
        ]
        size = 64 if plane else 8  # many in a text go faster
        starts = range(0, len(texts), size)
        texts = ["\n".join(texts[i : i + size]) for i in starts]
        check(tokenizer, encoded(texts))


@pytest.mark.slow
@each_tokenizer
@pytest.mark.parametrize(
    "name", ["cluener/dev.json", "cmeee_v2/dev.jsonl", "genia/dev.jsonlines"]
)
def test_real_sentences(tokenizer, name, data_folder):
    texts = [one.text for one in formats.read(data_folder / "ner" / name)]
    for begin in range(0, len(texts), 500):
        check(tokenizer, encoded(texts[begin : begin + 500]))
