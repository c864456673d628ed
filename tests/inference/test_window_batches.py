"""Reading ahead and batching: complete, bounded, padded."""

import itertools
import random

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.inference import batches
from biaffine_tf.inference import read_ahead as reading
from biaffine_tf.inference.batches import make_batches, pad
from biaffine_tf.inference.read_ahead import read_ahead
from biaffine_tf.inference.windowed_text import WindowedText
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import NO_CONTEXT, Windowing


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny.tokenizer(tmp_path_factory.mktemp("vocabulary"))


@given(st.lists(st.integers(0, 30), max_size=30))
def test_reads_no_further_than_the_bounds(lengths):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_SENTENCES_AHEAD", 5)
        patch.setattr(reading, "_CHARACTERS_AHEAD", 60)
        sentences = [(Sentence("a" * length), NO_CONTEXT) for length in lengths]
        groups = list(read_ahead(iter(sentences)))
    assert list(itertools.chain(*groups)) == sentences
    for group in groups:
        assert 1 <= len(group) <= 5
        *most, last = (len(s.text) for s, _ in group)
        assert sum(most) < 60
        assert group is groups[-1] or len(group) == 5 or sum(most) + last >= 60


def test_a_stream_is_read_when_it_is_wanted(monkeypatch):
    monkeypatch.setattr(reading, "_CHARACTERS_AHEAD", 250)
    read = 0

    def documents():
        nonlocal read
        while True:
            read += 1
            yield Sentence("a" * 100), NO_CONTEXT

    groups = read_ahead(documents())
    for count in (3, 6, 9):
        next(groups)
        assert read == count


@pytest.mark.parametrize("max_windows", [1, 3, 100])
def test_every_window_is_in_one_batch_of_bounded_size(
    tokenizer, monkeypatch, max_windows
):
    monkeypatch.setattr(batches, "_TOKENS_PER_BATCH", 100)
    rng = random.Random(max_windows)
    windowing = Windowing(max_tokens=30)
    made_of = []
    for length in rng.choices([0, 1, 5, 29, 30, 31, 200], k=40):
        sentence = Sentence("".join(rng.choices(tiny.CHARACTERS, k=length)))
        tokens = tokenizer.encode(sentence.text)
        windows = windowing.divide(sentence, tokens)
        made_of += WindowedText(sentence, tokens, windows, tiny.LABELS).windows
    made = make_batches(made_of, max_windows=max_windows)
    assert sorted(map(id, itertools.chain(*made))) == sorted(map(id, made_of))
    for batch in made:
        assert len(batch) <= max_windows
        input_ids, context = pad(batch, tokenizer)
        assert not context.any()
        assert input_ids.dtype == np.int32
        assert input_ids.size <= 100 or len(batch) == 1
        assert input_ids.shape[1] == max(map(len, batch)) + 2
        for row, window in zip(input_ids.tolist(), batch, strict=True):
            ids = tokenizer.encode(window.text.sentence.text).ids
            start, end = window.text._windows[window.index]
            ids = ids[start:end]
            want = [tokenizer.cls_id, *ids, tokenizer.sep_id]
            assert row[: len(want)] == want
            assert set(row[len(want) :]) <= {tokenizer.pad_id}
    longest = [max(map(len, batch)) for batch in made]
    assert longest == sorted(longest, reverse=True)
