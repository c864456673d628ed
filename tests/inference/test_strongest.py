"""The strongest candidates, against sorting all of them."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.calibration.confidence import to_log_odds
from biaffine_tf.commands import completion
from biaffine_tf.decoding import Candidate
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.inference.strongest import Strongest
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import Windowing

MIN_SCORE = completion._MIN_SCORE


class _Corpus:
    """Stands for a predictor; sentences hold the log-odds of their windows."""

    def candidates(self, windows_of, *, min_score, strongest=None):
        for windows in windows_of:
            found = []
            for odds in map(np.array, windows):
                chosen = odds[odds >= to_log_odds(min_score)]
                if strongest is not None:
                    chosen = chosen[strongest.admit(chosen)]
                found += chosen.tolist()
            yield [
                Candidate(i, i + 1, "x", 0.0, log_odds=odds)
                for i, odds in enumerate(found)
            ]


def _slow(predictor, sentences, *, max_candidates):
    """Slow truth: keeps all candidates, then the strongest."""
    found = list(predictor.candidates(sentences, min_score=MIN_SCORE))
    odds = sorted((o.log_odds for o in itertools.chain(*found)), reverse=True)
    floor = odds[max_candidates] if len(odds) > max_candidates else -math.inf
    return [
        [
            Span(one.start, one.end, one.label, one.score)
            for one in candidates
            if one.log_odds > floor
        ]
        for candidates in found
    ]


# Few values, so that there are ties, also at the floor.
log_odds = st.sampled_from([-9.0, -4.6, -4.5, -1.0, 0.0, 2.0, 30.0])
log_odds |= st.floats(-10, 10)
windows = st.lists(st.lists(log_odds, max_size=30), max_size=3)


@given(st.lists(windows, max_size=12), st.integers(1, 40))
def test_the_same_as_sorting_all(corpus, most):
    fast = completion._strongest(_Corpus(), corpus, max_candidates=most)
    slow = _slow(_Corpus(), corpus, max_candidates=most)
    assert [[s.score for s in spans] for spans in fast] == [
        [s.score for s in spans] for spans in slow
    ]


@given(st.lists(log_odds, max_size=300), st.integers(1, 20))
def test_no_more_is_held_than_twice_what_is_wanted(values, most):
    strongest = Strongest(most)
    for value in values:
        strongest.admit(np.array([value]))
        assert len(strongest._seen) <= 2 * (most + 1)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    """An untrained model: every pair is a candidate of about 1 / C."""
    folder = tmp_path_factory.mktemp("untrained")
    config = tiny.model_config(
        max_seq_length=512, encoder={"max_position_embeddings": 512}
    )
    model = SpanModel(config, num_classes=tiny.LABELS.num_classes)
    model.build_weights()
    rng = np.random.default_rng(0)
    bilinear = model.head.bilinear
    bilinear.assign(rng.normal(size=bilinear.shape) * 0.1)
    return Predictor(model, tiny.tokenizer(folder), tiny.LABELS)


def _texts(count, length):
    rng = np.random.default_rng(1)
    letters = list(tiny.CHARACTERS)
    return [
        Sentence("".join(rng.choice(letters, length)), ()) for _ in range(count)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("window", [512, 40])
def test_of_a_model_the_same_as_sorting_all(predictor, window):
    predictor.windowing = Windowing(max_tokens=window - 2, window_overlap=8)
    sentences = _texts(6, 70)
    for most in (50, 500, 10**6):
        fast = completion._strongest(predictor, sentences, max_candidates=most)
        slow = _slow(predictor, sentences, max_candidates=most)
        assert [set(spans) for spans in fast] == [set(s) for s in slow]
        assert sum(map(len, fast)) == min(most, sum(map(len, slow)))


@pytest.mark.slow
def test_an_untrained_model_takes_little_memory(predictor):
    """505 characters are 128 000 candidates, 39 MiB as Python objects."""
    predictor.windowing = Windowing(max_tokens=510, window_overlap=8)
    sentences = _texts(2, 505)
    completion._strongest(
        predictor, sentences[:1], max_candidates=100
    )  # traced
    peaks = []
    for find in (completion._strongest, _slow):
        tracemalloc.start()
        found = find(predictor, sentences, max_candidates=40)
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        assert sum(map(len, found)) <= 40
    assert peaks[1] > 2 * 25  # else it would not show anything
    assert peaks[0] < 2 * 10  # arrays of one batch
