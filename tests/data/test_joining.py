"""Joined sentences hold what the single ones held."""

import tiny
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.data.joining import join_sentences
from biaffine_tf.spans import Sentence, Span

SENTENCES = tiny.sentences(300, seed=1)


def _join(folder, sentences=SENTENCES, **options):
    options = {"share": 1.0, "max_pieces": 38, "seed": 0} | options
    tokenizer = tiny.tokenizer(folder)
    return tokenizer, list(join_sentences(sentences, tokenizer, **options))


def _surfaces(sentences):
    return sorted(
        (sentence.surface(span), span.label)
        for sentence in sentences
        for span in sentence.spans or ()
    )


def test_nothing_is_joined_of_none(tmp_path):
    assert _join(tmp_path, share=0.0)[1] == SENTENCES


def test_everything_is_in_one_text_and_in_order(tmp_path):
    tokenizer, joined = _join(tmp_path)
    assert "\n".join(s.text for s in joined) == "\n".join(
        s.text for s in SENTENCES
    )
    assert _surfaces(joined) == _surfaces(SENTENCES)
    lengths = [len(tokenizer.encode(s.text)) for s in joined]
    assert max(lengths) <= 38
    assert len(joined) < 0.6 * len(SENTENCES)
    # Of all lengths, not all as long as can be.
    assert len(set(lengths)) > 15


@given(st.floats(0, 1), st.integers(1, 40), st.integers(0, 2**31))
def test_no_sentence_is_lost_or_told_twice(tmp_path_factory, share, most, seed):
    folder = tmp_path_factory.getbasetemp()
    tokenizer, joined = _join(folder, share=share, max_pieces=most, seed=seed)
    lines = [line for s in joined for line in s.text.split("\n")]
    assert sorted(lines) == sorted(s.text for s in SENTENCES)
    assert _surfaces(joined) == _surfaces(SENTENCES)
    for sentence in joined:
        if "\n" in sentence.text:
            assert len(tokenizer.encode(sentence.text)) <= most


def test_about_the_share_is_joined(tmp_path):
    _, joined = _join(tmp_path, share=0.5)
    single = sum("\n" not in sentence.text for sentence in joined)
    assert 0.5 < single / len(SENTENCES) < 0.75


def test_a_seed_is_an_outcome(tmp_path):
    outcomes = [_join(tmp_path, share=0.5, seed=seed)[1] for seed in (1, 1, 2)]
    assert outcomes[0] == outcomes[1] != outcomes[2]


def test_where_they_are_from(tmp_path):
    some = [
        Sentence("ab", (Span(0, 1, "letter"),), file="f", line=1),
        Sentence("cd", None, file="f", line=2),
        Sentence("ef", (Span(1, 2, "letter"),), file="f", line=3, id="3"),
    ]
    _, joined = _join(tmp_path, some, max_pieces=12, seed=3)
    assert joined == [
        some[1],
        Sentence(
            "ab\nef",
            (Span(0, 1, "letter"), Span(4, 5, "letter")),
            file="f",
            line=1,
        ),
    ]
