"""The share of [UNK], against counting by hand, and what would lower it."""

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf import formats
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import Vocabulary, make_tokenizer
from biaffine_tf.tokenization.unknown import UnknownTokens

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TOKENIZERS = [
    make_tokenizer(kind, VOCABULARY, do_lower_case=lower)
    for kind in ("char", "wordpiece")
    for lower in (False, True)
]


@st.composite
def sentences(draw):
    text = draw(hostile_texts)
    spans = []
    if text:
        places = st.integers(0, len(text) - 1)
        for _ in range(draw(st.integers(0, 4))):
            start = draw(places)
            end = draw(st.integers(start + 1, len(text)))
            spans.append(Span(start, end, "x"))
    return Sentence(text, tuple(spans) if draw(st.booleans()) else None)


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: str(t.kind))
@given(data=st.lists(sentences(), max_size=4), given_tokens=st.booleans())
def test_counts_are_those_of_a_loop(tokenizer, data, given_tokens):
    unknown = UnknownTokens(tokenizer)
    total = unknown_tokens = entities = unknown_entities = 0
    for sentence in data:
        tokens = tokenizer.encode(sentence.text)
        unknown.add(sentence, tokens if given_tokens else None)
        total += len(tokens)
        covered = set()
        for token, (start, end) in zip(tokens.ids, tokens.offsets, strict=True):
            if token == tokenizer.unk_id:
                unknown_tokens += 1
                covered.update(range(start, end))
        for span in sentence.spans or ():
            entities += 1
            unknown_entities += not covered.isdisjoint(
                range(span.start, span.end)
            )
    assert unknown.tokens == total
    assert unknown.unknown_tokens == unknown_tokens
    assert unknown.entities == entities
    assert unknown.unknown_entities == unknown_entities
    assert unknown.token_share == unknown_tokens / max(total, 1)
    assert unknown.entity_share == unknown_entities / max(entities, 1)


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: str(t.kind))
@given(texts=st.lists(hostile_texts, max_size=4))
def test_what_is_unknown_is_in_the_text_and_makes_unk(tokenizer, texts):
    unknown = UnknownTokens(tokenizer)
    unknown.add_all(map(Sentence, texts))
    joined = "\n".join(texts)
    for found, count in unknown.unknown.items():
        assert 0 < count <= joined.count(found)
        if len(found) == 1:
            assert tokenizer.unk_id in tokenizer.encode(found).ids
    if tokenizer.kind == "char":
        expected = collections.Counter(
            c for text in texts for c in text if not tokenizer.knows(c)
        )
        assert unknown.unknown == expected


def test_words_whose_letters_are_known():
    """Known at the start of a word, or inside it, but not in both places."""
    vocabulary = Vocabulary([*SPECIALS, "a", "##b"])
    unknown = UnknownTokens(make_tokenizer("wordpiece", vocabulary))
    unknown.add(Sentence("ab ba ba axb", (Span(0, 2, "x"), Span(3, 5, "x"))))
    assert unknown.unknown == {"ba": 2, "x": 1}
    assert (unknown.unknown_tokens, unknown.tokens) == (3, 5)
    assert (unknown.token_share, unknown.entity_share) == (0.6, 0.5)
    assert unknown.commonest(9) == ["ba", "x"]


def test_the_commonest_in_a_fixed_order():
    vocabulary = Vocabulary([*SPECIALS, "a"])
    unknown = UnknownTokens(make_tokenizer("char", vocabulary))
    unknown.add(Sentence("a\u201czz\ty\u3000" + "".join(map(chr, range(300)))))
    assert unknown.commonest(6) == ["z", "\t", "y", "\x00", "\x01", "\x02"]


def _warning(tokenizer, texts):
    """The warning about texts that are entities from end to end."""
    unknown = UnknownTokens(tokenizer)
    for text in texts:
        unknown.add(Sentence(text, (Span(0, len(text), "x"),)))
    return unknown.warning()


LOWER = [*"abcdefgh ", *(f"##{c}" for c in "abcdefgh")]
ENGLISH = ["the", "cat", "##s"]


@pytest.mark.parametrize(
    ("tokens", "kind", "lower", "texts", "said"),
    [
        # Folding, where it helps, and not folding.
        (LOWER, "char", False, ["ab", "Ab", "cd", "zx"], "--do_lower_case 25"),
        ("ABÉ", "char", True, ["A", "BÉ"], "--nodo_lower_case 0"),
        # The tokenizer that would be chosen for the vocabulary.
        (ENGLISH, "char", False, ["the cats"], "--tokenizer=wordpiece 0"),
        (
            ENGLISH,
            "char",
            False,
            ["The Cats", "Cat"],
            "--tokenizer=wordpiece --do_lower_case 0",
        ),
        # Another vocabulary, where nothing helps; an encoder of words is no
        # reader of single letters, though all would be known.
        (LOWER, "char", False, ["龘", "ab"], None),
        ([*"abc", "ab", "##b"], "wordpiece", False, ["ac", "bc"], None),
    ],
)
def test_what_helps_is_advised(tokens, kind, lower, texts, said):
    vocabulary = Vocabulary([*SPECIALS, *tokens])
    tokenizer = make_tokenizer(kind, vocabulary, do_lower_case=lower)
    warning = _warning(tokenizer, texts)
    if said is None:
        assert "would make it" not in warning
        assert "python -m biaffine_tf.vocabulary" in warning
    else:
        flags, _, share = said.rpartition(" ")
        assert f"; {flags} would make it {share}.00 %" in warning


def test_white_space_is_unknown_but_hides_nothing():
    """No BERT vocabulary has a token for it."""
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b"])
    tokenizer = make_tokenizer("char", vocabulary)
    sentence = Sentence("a b", (Span(0, 3, "x"),))
    unknown = UnknownTokens(tokenizer).add_all([sentence] * 9)
    assert unknown.entity_share == 1
    assert unknown.warning() is None
    unknown.add(Sentence("a c", (Span(0, 3, "x"),)))
    assert "10.00 % of the entities" in unknown.warning()


def test_few_unknown_entities_are_no_warning():
    tokenizer = make_tokenizer("char", Vocabulary([*SPECIALS, *LOWER]))
    texts = ["ab"] * 990 + ["龘"] * 10
    assert _warning(tokenizer, texts) is None
    assert _warning(tokenizer, [*texts, "龘"]) is not None
    assert UnknownTokens(tokenizer).warning() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "lower", "shares"),
    [
        ("cluener/train.json", False, ("2.00 %", "6.85 %", "0.65 %")),
        ("cluener/train.json", True, ("0.83 %", "0.65 %", None)),
    ],
)
def test_real_data(data_folder, name, lower, shares):
    path = data_folder / "vocab" / "bert_base_chinese_vocab.txt"
    tokenizer = make_tokenizer(
        "char", Vocabulary.from_file(path), do_lower_case=lower
    )
    unknown = UnknownTokens(tokenizer).add_all(
        formats.read(data_folder / "ner" / name)
    )
    of_tokens, of_entities, remedied = shares
    assert f"{100 * unknown.token_share:.2f} %" == of_tokens
    assert f"{100 * unknown.entity_share:.2f} %" == of_entities
    warning = unknown.warning()
    if remedied is None:
        assert warning is None
    else:
        assert f"--do_lower_case would make it {remedied}" in warning
