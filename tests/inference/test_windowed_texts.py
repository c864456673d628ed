"""Merging against loops over all pairs; an oracle in place of a model."""

import itertools
import math
import random

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf.config import DecodingConfig, LongText
from biaffine_tf.decoding import Candidates
from biaffine_tf.inference.windowed import WindowedPredictor
from biaffine_tf.inference.windowed_text import WindowedText
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import (
    CharTokenizer,
    Vocabulary,
    Windowing,
    Windows,
)
from biaffine_tf.tokenization.windows import plan_windows

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
# Every place of a text is a character of its own, so that an oracle knows
# where it is; punctuation, which windows prefer to end at, is not.
PLACES = [chr(0x4E00 + i) for i in range(2000)]
TOKENIZER = CharTokenizer(Vocabulary([*SPECIAL, "。", "，", *PLACES]))
FIRST_ID = len(SPECIAL) + 2


def _text(length, rng):
    """Unique characters, with some punctuation between them."""
    return "".join(
        rng.choice("。，，") if rng.random() < 0.1 else PLACES[i]
        for i in range(length)
    )


@st.composite
def _windowings(draw):
    most = draw(st.integers(1, 40))
    overlap = draw(st.integers(0, most - 1))
    return Windowing(max_tokens=most, window_overlap=overlap)


@st.composite
def _opinions(draw):
    """A text and what each of its windows thinks of some of its pairs."""
    windowing = draw(_windowings())
    length = draw(st.integers(1, 60))
    rng = random.Random(draw(st.integers(0, 2**32 - 1)))
    text = _text(length, rng)
    tokens = TOKENIZER.encode(text)
    windows = windowing.divide(Sentence(text), tokens)
    density = draw(st.sampled_from([0.0, 0.1, 1.0]))
    opinions = {}
    for index, (start, end) in enumerate(windows):
        for pair in itertools.combinations_with_replacement(
            range(start, end), 2
        ):
            if rng.random() < density:
                logit, margin = rng.randint(-9, 9), rng.randint(1, 9)
                opinions[index, pair] = rng.randint(1, 3), logit, margin
    return Sentence(text), windows, opinions, rng


def _proposals(opinions, index, start):
    rows = [
        (0, first - start, last - start + 1, label, margin, logit, 0)
        for (window, (first, last)), (label, logit, margin) in opinions.items()
        if window == index
    ]
    return Candidates(*np.reshape(rows, [-1, 7]).T.astype(int))


def _most_central(windows, first, last, length):
    distances = {
        index: min(
            first - start if start else math.inf,
            end - 1 - last if end < length else math.inf,
        )
        for index, (start, end) in enumerate(windows)
        if start <= first and last < end
    }
    return max(distances, key=distances.__getitem__)


def _gather(sentence, windows, opinions, order):
    tokens = TOKENIZER.encode(sentence.text)
    text = WindowedText(sentence, tokens, windows, tiny.LABELS)
    for index in order:
        start = windows[index].start
        text.add(index, _proposals(opinions, index, start))
    return text


@given(_opinions())
def test_the_most_central_window_decides_on_every_pair(opinion):
    sentence, windows, opinions, rng = opinion
    order = rng.sample(range(len(windows)), len(windows))
    text = _gather(sentence, windows, opinions, order)
    want = [
        (first, last + 1, tiny.LABELS.name(label), margin, logit)
        for (index, (first, last)), (label, logit, margin) in opinions.items()
        if index == _most_central(windows, first, last, len(sentence.text))
    ]
    assert sorted(c[:5] for c in text.candidates) == sorted(want)


@given(_opinions())
def test_the_best_of_the_rest_does_not_depend_on_the_order(opinion):
    sentence, windows, opinions, rng = opinion
    forced = {
        (index, pair): (label, logit, -margin)
        for (index, pair), (label, logit, margin) in opinions.items()
        if rng.random() < 0.5
    }
    opinions |= forced
    order = rng.sample(range(len(windows)), len(windows))
    text = _gather(sentence, windows, opinions, order)
    rest = [
        (-logit, first, last + 1)
        for (index, (first, last)), (_, logit, margin) in opinions.items()
        if margin < 0
        or index != _most_central(windows, first, last, len(sentence.text))
    ]
    assert len(text.candidates) + len(rest) == len(opinions)
    if rest:
        best = text.best_other
        assert (-best.logit, best.start, best.end) == min(rest)
    else:
        assert text.best_other is None


class _Oracle(WindowedPredictor):
    """Knows the entities of a text and says those that a window holds whole.

    Args:
        opinions: (first place, last place) to (label id, logit, margin).
    """

    def __init__(self, opinions, windowing, **decoding):
        super().__init__(
            TOKENIZER,
            tiny.LABELS,
            windowing,
            decoding=DecodingConfig(**decoding),
            batch_size=5,
        )
        self._opinions = opinions

    def _find_candidates(self, input_ids, context, min_margin):
        rows = []
        for row, ids in enumerate(input_ids.tolist()):
            where = {number - FIRST_ID: i for i, number in enumerate(ids, -1)}
            for (first, last), opinion in self._opinions.items():
                if first in where and last in where:
                    label, logit, margin = opinion
                    place = where[first], where[last] + 1
                    rows.append((row, *place, label, margin, logit, 0))
        return Candidates(*np.reshape(rows, [-1, 7]).T.astype(int))


def _disjoint_spans(length, widest, rng):
    spans, start = {}, rng.randrange(3)
    while start < length:
        last = min(start + rng.randint(1, widest), length) - 1
        spans[start, last] = rng.randint(1, 3), rng.randint(1, 9), 1
        start = last + rng.randint(1, 3)
    return spans


def _gold(text, opinions):
    """The spans of a text that the oracle can recognise by both their ends."""
    return [
        Span(first, last + 1, tiny.LABELS.name(label), 0.5)
        for (first, last), (label, _, _) in sorted(opinions.items())
        if PLACES[first] in text and PLACES[last] in text
    ]


@settings(max_examples=30)
@given(
    _windowings(),
    st.integers(1, 300),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_no_entity_within_the_overlap_is_lost(windowing, length, seed, force):
    rng = random.Random(seed)
    text = _text(length, rng)
    opinions = _disjoint_spans(length, windowing.overlap + 1, rng)
    oracle = _Oracle(opinions, windowing, force_one_entity=force)
    (found,) = oracle.predict([Sentence(text)])
    assert list(found.spans) == _gold(text, opinions)


@pytest.mark.parametrize("seed", range(5))
def test_many_texts_of_all_lengths_at_once(seed):
    rng = random.Random(seed)
    windowing = Windowing(max_tokens=24, window_overlap=7)
    opinions = _disjoint_spans(1500, 8, rng)
    lengths = rng.choices([0, 1, 23, 24, 25, 300, 1500], k=20)
    texts = [_text(length, rng) for length in lengths]
    wanted = [_gold(text, opinions) for text in texts]
    oracle = _Oracle(opinions, windowing)
    found = list(oracle.predict(map(Sentence, texts)))
    assert [s.text for s in found] == texts
    assert [list(s.spans) for s in found] == wanted
    assert oracle.windowed_sentences == sum(len(t) > 24 for t in texts)
    assert oracle.cut_sentences == 0


def test_what_is_beyond_a_cut_is_lost_and_counted():
    rng = random.Random(0)
    opinions = _disjoint_spans(300, 5, rng)
    texts = [_text(length, rng) for length in (0, 23, 24, 25, 300)]
    windowing = Windowing(max_tokens=24, long_text=LongText.TRUNCATE)
    oracle = _Oracle(opinions, windowing)
    for found in oracle.predict(map(Sentence, texts)):
        gold = _gold(found.text, opinions)
        assert list(found.spans) == [s for s in gold if s.end <= 24]
    assert (oracle.cut_sentences, oracle.windowed_sentences) == (2, 0)


def test_one_forced_entity_for_a_text_not_for_each_window():
    text = "".join(PLACES[:200])
    windowing = Windowing(max_tokens=20)
    # Forced pairs: every window has one, none is a candidate.
    forced = {(i, i + 2): (1, (i * 37) % 101, -1) for i in range(0, 198, 3)}
    best = max(forced, key=lambda pair: forced[pair][1])
    oracle = _Oracle(forced, windowing, force_one_entity=True)
    (found,) = oracle.predict([Sentence(text)])
    assert [span[:2] for span in found.spans] == [(best[0], best[1] + 1)]
    # A single true candidate, even of a low logit: nothing is forced.
    oracle = _Oracle(
        forced | {(100, 101): (2, -9, 1)}, windowing, force_one_entity=True
    )
    (found,) = oracle.predict([Sentence(text)])
    assert [span.key for span in found.spans] == [(100, 102, "sky")]
    oracle = _Oracle({}, windowing, force_one_entity=True)
    (found,) = oracle.predict([Sentence(text)])
    assert found.spans == ()


def test_what_only_an_outer_window_proposes_is_dropped_unless_forced():
    sentence = Sentence("".join(PLACES[:12]))
    windows = Windows(plan_windows(np.zeros(12), max_tokens=8, overlap=4))
    assert list(windows) == [(0, 8), (4, 12)]
    outer = {(0, (6, 7)): (1, 9, 9)}  # at the very edge of the first
    text = _gather(sentence, windows, outer, range(2))
    assert not text.candidates
    assert text.best_other[:3] == (6, 8, "letter")
    inner = {(1, (6, 7)): (1, 9, 9)}
    text = _gather(sentence, windows, inner, range(2))
    assert [c[:3] for c in text.candidates] == [(6, 8, "letter")]
    assert text.best_other is None
