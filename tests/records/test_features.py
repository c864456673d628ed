"""Sentences to span matrices, and everything that does not fit counted."""

import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.config import LongText
from biaffine_tf.errors import DataError
from biaffine_tf.heads.pairs.gold import dense_matrix, locate
from biaffine_tf.records.features import Counts, featurize
from biaffine_tf.records.span_schema import parse, serialize
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import Windowing


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


@st.composite
def _windowings(draw):
    max_tokens = draw(st.integers(1, 14))
    return Windowing(
        max_tokens=max_tokens,
        window_overlap=draw(st.none() | st.integers(0, max_tokens - 1)),
        long_text=draw(st.sampled_from([LongText.WINDOW, LongText.TRUNCATE])),
    )


@pytest.mark.slow
@hypothesis.given(sentence=_sentences(), windowing=_windowings())
def test_matrices_and_counts_against_brute_force(
    tokenizer, sentence, windowing
):
    """A window's matrix is a square cut out of that of the whole text."""
    counts = Counts()
    features, widths = featurize(
        sentence,
        tokenizer,
        tiny.LABELS,
        windowing=windowing,
        counts=counts,
    )
    length = len(sentence.text)
    tokens = tokenizer.encode(sentence.text)
    windows = list(windowing.divide(sentence, tokens))
    want = np.zeros([length, length], int)
    lost = duplicate = conflicting = 0
    for span in sentence.spans:
        row, column = span.start, span.end - 1
        label = tiny.LABELS.id(span.label)
        if not any(a <= row and column < b for a, b in windows):
            lost += 1
        elif want[row, column] == label:
            duplicate += 1
        elif want[row, column]:
            conflicting += 1
        else:
            want[row, column] = label
    for window, (start, end) in zip(features, windows, strict=True):
        record = parse(serialize(window))
        matrix = dense_matrix(
            record["cells"][None],
            num_rows=end - start,
            num_columns=end - start,
        )[0]
        np.testing.assert_array_equal(matrix, want[start:end, start:end])
        ids = [tokenizer.cls_id, *tokens.ids[start:end], tokenizer.sep_id]
        assert record["input_ids"].numpy().tolist() == window.input_ids == ids
        assert window.num_tokens == end - start
    assert sorted(widths) == sorted(
        column - row + 1 for row, column in np.argwhere(want)
    )
    is_cut = windows[-1][1] < length
    assert is_cut == (
        windowing.long_text is LongText.TRUNCATE
        and length > windowing.max_tokens
    )
    assert counts == Counts(
        sentences=1,
        spans=len(sentence.spans),
        cells=int((want > 0).sum()),
        windows=len(windows),
        windowed_sentences=int(len(windows) > 1),
        cut_sentences=int(is_cut),
        cut_spans=lost * is_cut,
        split_spans=lost * (not is_cut),
        duplicate_spans=duplicate,
        conflicting_spans=conflicting,
    )


@pytest.mark.parametrize(
    ("long_text", "name"), [("truncate", "cut"), ("window", "split")]
)
def test_every_span_is_accounted_for(tokenizer, long_text, name):
    counts = Counts()
    windowing = Windowing(max_tokens=4, long_text=LongText(long_text))
    for sentence in tiny.sentences(50):
        featurize(
            sentence,
            tokenizer,
            tiny.LABELS,
            windowing=windowing,
            counts=counts,
        )
    lost = sum(v for k, v in counts.losses.items() if k.endswith("spans"))
    assert set(counts.losses) <= {f"{name}_spans", "cut_sentences"}
    assert lost > 0
    assert counts.cells + lost == counts.spans
    assert (counts.windows > counts.sentences) == (long_text == "window")
    assert counts.sentences == 50


def test_spans_no_wider_than_the_overlap_are_never_split(tokenizer):
    counts = Counts()
    windowing = Windowing(max_tokens=8, window_overlap=4)
    for sentence in tiny.sentences(200):
        narrow = [s for s in sentence.spans if s.end - s.start <= 5]
        featurize(
            sentence.replace_spans(narrow),
            tokenizer,
            tiny.LABELS,
            windowing=windowing,
            counts=counts,
        )
    assert counts.windowed_sentences > 50
    assert not counts.losses


def test_sentence_without_tokens_is_left_out_and_counted(tokenizer):
    counts = Counts()
    features = featurize(
        Sentence(""),
        tokenizer,
        tiny.LABELS,
        windowing=Windowing(max_tokens=5),
        counts=counts,
    )
    assert features == ([], [])
    assert counts == Counts(empty_sentences=1)


def test_too_long_a_sentence_names_file_and_line(tokenizer):
    windowing = Windowing(max_tokens=5, long_text=LongText.ERROR)
    with pytest.raises(DataError, match=r"dev\.json:7: the text has 6 tokens"):
        featurize(
            Sentence("abcabc", file="dev.json", line=7),
            tokenizer,
            tiny.LABELS,
            windowing=windowing,
            counts=Counts(),
        )


def test_unknown_label_names_file_and_line(tokenizer):
    sentence = Sentence("ab", (Span(0, 1, "planet"),), file="dev.json", line=7)
    with pytest.raises(DataError, match=r"dev\.json:7: label 'planet'"):
        featurize(
            sentence,
            tokenizer,
            tiny.LABELS,
            windowing=Windowing(max_tokens=5),
            counts=Counts(),
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


@pytest.mark.slow
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
