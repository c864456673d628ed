"""Context of sentences against slices of the whole document."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenization_texts import VOCABULARY

from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import (
    NO_CONTEXT,
    Context,
    make_tokenizer,
    surround,
    with_context,
)

CHAR = make_tokenizer("char", VOCABULARY)
DOCUMENTS = st.lists(
    st.lists(st.text("中文北京", max_size=6), max_size=6), max_size=4
)


@given(DOCUMENTS, st.integers(1, 9))
def test_neighbours_of_the_same_document(documents, tokens):
    sentences = [
        Sentence(text, document=str(number))
        for number, texts in enumerate(documents)
        for text in texts
    ]
    want = []
    for texts in documents:
        ids = [CHAR.encode(text).ids for text in texts]
        for index in range(len(ids)):
            left = tuple(itertools.chain(*ids[:index]))
            right = tuple(itertools.chain(*ids[index + 1 :]))
            want.append(Context(left[-tokens:], right[:tokens]))
    found = list(with_context(sentences, CHAR, tokens=tokens))
    assert [sentence for sentence, _ in found] == sentences
    assert [context for _, context in found] == want


def test_where_no_document_is_named_all_are_of_one():
    sentences = [Sentence("中"), Sentence("文"), Sentence("北京")]
    found = with_context(sentences, CHAR, tokens=5)
    sizes = [(len(c.left), len(c.right)) for _, c in found]
    assert sizes == [(0, 3), (1, 2), (2, 0)]


def test_files_are_documents_of_their_own():
    """One after another, as a corpus of several files is read."""
    for names in (("1", "1"), (None, None)):
        sentences = [
            Sentence("中文", file=file, document=name)
            for file, name in zip("ab", names, strict=True)
            for _ in range(2)
        ]
        found = with_context(sentences, CHAR, tokens=5)
        sizes = [(len(c.left), len(c.right)) for _, c in found]
        assert sizes == [(0, 2), (2, 0)] * 2


def test_no_further_ahead_than_it_takes():
    read = 0

    def stream():
        nonlocal read
        while True:
            read += 1
            yield Sentence("中文")

    found = with_context(stream(), CHAR, tokens=5)
    for count in range(1, 5):
        next(found)
        assert read == count + 3


def test_none_wanted_none_looked_at():
    class Untouchable:
        def encode(self, text):
            raise AssertionError

    found = with_context([Sentence("中")], Untouchable(), tokens=0)
    assert list(found) == [(Sentence("中"), NO_CONTEXT)]


IDS = st.lists(st.integers(0, 99), max_size=12)


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=12), IDS, IDS, st.data()
)
def test_surrounded_by_what_fits(ids, left, right, data):
    most = data.draw(st.integers(len(ids), 40))
    context = Context(tuple(left), tuple(right))
    found = surround(ids, context, max_tokens=most)
    whole = [*left, *ids, *right]
    assert len(found.ids) == len(found.context) == min(most, len(whole))
    begin = found.context.index(False)
    assert found.context.count(False) == len(ids)
    first = len(left) - begin
    assert found.ids == whole[first : first + len(found.ids)]
    # Neither side gives way to the other without need.
    behind = len(found.ids) - begin - len(ids)
    if begin < len(left):
        assert behind <= begin + 1
    if behind < len(right):
        assert begin <= behind + 1


@pytest.mark.parametrize("long", [True, False])
def test_a_text_that_fills_the_model_has_no_context(long):
    ids = list(range(9))
    context = Context((50, 51), (60,) if long else ())
    assert surround(ids, context, max_tokens=9).ids == ids
