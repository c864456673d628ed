"""Sentences to span matrices, and everything that does not fit counted."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.data.features import Counts, featurize
from biaffine_tf.data.schema import dense_matrix, locate, parse, serialize
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence, Span


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny.tokenizer(tmp_path_factory.mktemp("vocabulary"))


@st.composite
def _sentences(draw):
    text = draw(st.text("ab天 😀é", min_size=1, max_size=12))
    spans = []
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        spans.append(Span(start, end, draw(st.sampled_from(tiny.LABELS.names))))
    return Sentence(text, tuple(spans))


@hypothesis.given(sentence=_sentences(), max_pieces=st.integers(1, 14))
def test_matrix_and_counts_against_brute_force(tokenizer, sentence, max_pieces):
    counts = Counts()
    features = featurize(
        sentence,
        tokenizer,
        tiny.LABELS,
        max_pieces=max_pieces,
        counts=counts,
    )
    length = min(len(sentence.text), max_pieces)
    want = np.zeros([length, length], int)
    cut = duplicate = conflicting = 0
    for span in sentence.spans:
        row, column = span.start, span.end - 1
        label = tiny.LABELS.id(span.label)
        if column >= length:
            cut += 1
        elif want[row, column] == label:
            duplicate += 1
        elif want[row, column]:
            conflicting += 1
        else:
            want[row, column] = label
    record = parse(serialize(features))
    matrix = dense_matrix(
        record["cells"][None], num_rows=length, num_columns=length
    )[0]
    np.testing.assert_array_equal(matrix, want)
    assert sorted(features.widths) == sorted(
        column - row + 1 for row, column in np.argwhere(want)
    )
    assert record["input_ids"].numpy().tolist() == features.input_ids
    assert features.num_pieces == length
    assert counts == Counts(
        sentences=1,
        spans=len(sentence.spans),
        cells=int((want > 0).sum()),
        cut_sentences=int(len(sentence.text) > max_pieces),
        cut_spans=cut,
        duplicate_spans=duplicate,
        conflicting_spans=conflicting,
    )


def test_every_span_is_accounted_for(tokenizer):
    counts = Counts()
    for sentence in tiny.sentences(50):
        featurize(sentence, tokenizer, tiny.LABELS, max_pieces=6, counts=counts)
    lost = sum(v for k, v in counts.losses.items() if k.endswith("spans"))
    assert counts.losses["cut_spans"] > 0
    assert counts.cells + lost == counts.spans


def test_sentence_without_pieces_is_left_out_and_counted(tokenizer):
    counts = Counts()
    features = featurize(
        Sentence(""), tokenizer, tiny.LABELS, max_pieces=5, counts=counts
    )
    assert features is None
    assert counts == Counts(empty_sentences=1)


def test_unknown_label_names_file_and_line(tokenizer):
    sentence = Sentence("ab", (Span(0, 1, "planet"),), file="dev.json", line=7)
    with pytest.raises(DataError, match=r"dev\.json:7: label 'planet'"):
        featurize(
            sentence, tokenizer, tiny.LABELS, max_pieces=5, counts=Counts()
        )


def test_counts_add_up():
    first = Counts(
        **{f.name: i for i, f in enumerate(dataclasses.fields(Counts))}
    )
    total = Counts()
    total.add(first)
    total.add(first)
    assert dataclasses.astuple(total) == tuple(
        2 * v for v in dataclasses.astuple(first)
    )


@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 5),
    num_rows=st.integers(1, 6),
    num_columns=st.integers(1, 6),
)
def test_any_part_of_the_matrices_of_a_padded_batch(
    seed, first, num_rows, num_columns
):
    rng = np.random.default_rng(seed)
    cells = np.zeros([3, 4, 3], np.int32)
    want = np.zeros([3, 12, 12], int)
    for sentence, used in enumerate([0, 2, 4]):
        pairs = rng.choice(36, size=used, replace=False)
        for slot, pair in enumerate(pairs.tolist()):
            label = int(rng.integers(1, 5))
            cells[sentence, slot] = [pair // 6, pair % 6, label]
            want[sentence, pair // 6, pair % 6] = label
    rows = slice(first, first + num_rows)
    columns = slice(first, first + num_columns)
    part = {"first": first, "num_rows": num_rows, "num_columns": num_columns}
    np.testing.assert_array_equal(
        dense_matrix(cells, **part), want[:, rows, columns]
    )
    inside, where = (x.numpy() for x in locate(tf.constant(cells), **part))
    for sentence, slot in np.ndindex(3, 4):
        row, column, label = cells[sentence, slot]
        here = label and row in range(12)[rows] and column in range(12)[columns]
        assert inside[sentence, slot] == bool(here)
        place = [row - first, column - first] if here else [0, 0]
        assert where[sentence, slot].tolist() == [sentence, *place]
