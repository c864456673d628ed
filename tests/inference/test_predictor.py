"""The predictor against a slow reference: one sentence at a time, in numpy."""

import functools
import itertools
import math
import random

import hostile
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny
from heads.plain_candidates import candidates_from_logits
from hostile import FRAGMENTS, HOSTILE, LABELS, LONG, TEXTS, VOCABULARY
from hypothesis import given, settings
from hypothesis import strategies as st

import biaffine_tf
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    LongText,
    Precision,
    TokenizerKind,
)
from biaffine_tf.decoding import greedy
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.inference import batches, read_ahead
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import (
    Windowing,
    make_tokenizer,
    to_characters,
)


@pytest.fixture(scope="module")
def predictors(directories):
    """Predictors by kind, nested and force_one_entity, each loaded once."""

    @functools.cache
    def load(kind, nested, force):
        return Predictor.from_directory(
            directories[kind],
            nested=nested,
            force_one_entity=force,
            decoder=Decoder.GREEDY,
        )

    return load


SETTINGS = list(
    itertools.product(tiny.BERT_KINDS, (False, True), (False, True))
)
settings_of_predictors = pytest.mark.parametrize(
    ("kind", "nested", "force"), SETTINGS
)


def _window_candidates(model, tokenizer, ids, force):
    """Candidates of one window; a forced one has no margin above zero."""
    inputs = [tokenizer.cls_id, *ids, tokenizer.sep_id]
    logits = model(tf.constant([inputs]), training=False)[0].numpy()
    return candidates_from_logits(logits, LABELS, force=force)


def _distance(window, one, length):
    """Tokens between a candidate and the edges that are not the text's."""
    left = one.start - window.start if window.start else math.inf
    right = window.end - one.end if window.end < length else math.inf
    return min(left, right)


def _merge(windows, proposals, length):
    """Of (window, candidate), what the most central windows propose."""
    kept, rest = [], []
    for window, one in proposals:
        holding = [
            w for w in windows if w.start <= one.start and one.end <= w.end
        ]
        decider = max(holding, key=lambda w, c=one: _distance(w, c, length))
        is_kept = decider == window and one.margin > 0
        (kept if is_kept else rest).append(one)
    return kept, rest


def _reference(model, text, *, nested, force):
    """Spans of a text, and whether its tokens share no character."""
    kind = model.config.tokenizer.kind
    tokenizer = make_tokenizer(kind, VOCABULARY, do_lower_case=True)
    tokens = tokenizer.encode(text)
    windows = list(Windowing.of(model.config).divide(Sentence(text), tokens))
    proposals = [
        (
            window,
            one._replace(
                start=one.start + window.start, end=one.end + window.start
            ),
        )
        for window in windows
        for one in _window_candidates(
            model, tokenizer, tokens.ids[window.start : window.end], force
        )
    ]
    candidates, rest = _merge(windows, proposals, len(tokens))
    if not candidates and force and rest:
        candidates = [max(rest, key=lambda one: one.logit)]
    disjoint = all(a[1] <= b[0] for a, b in itertools.pairwise(tokens.offsets))
    spans = []
    for one in greedy(candidates, nested=nested):
        start, end = to_characters(one.start, one.end - 1, tokens.offsets)
        spans.append(Span(start, end, one.label, one.score))
    return spans, disjoint


def _assert_equal(found, want):
    assert [s.key for s in found] == [s.key for s in want]
    np.testing.assert_allclose(
        [s.score for s in found], [s.score for s in want], atol=1e-4
    )


def _spans(predictor, texts):
    return [s.spans for s in predictor.predict(map(Sentence, texts))]


def _check_against_reference(predictor, texts, *, nested, force):
    entities = 0
    found = _spans(predictor, texts)
    for text, spans in zip(texts, found, strict=True):
        want, disjoint = _reference(
            predictor.model, text, nested=nested, force=force
        )
        if disjoint:
            _assert_equal(spans, want)
        else:  # decoded in characters, where other spans may clash
            assert bool(spans) == bool(want)
        _assert_consistent(spans, nested=nested)
        entities += len(spans)
    return entities


def _assert_consistent(spans, *, nested):
    for one, two in itertools.combinations(spans, 2):
        apart = one.end <= two.start or two.end <= one.start
        holds = (one.start <= two.start and two.end <= one.end) or (
            two.start <= one.start and one.end <= two.end
        )
        assert apart or (nested and holds and one.key != two.key), (one, two)


@pytest.mark.slow
@settings_of_predictors
@settings(max_examples=6)
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_equals_the_reference(predictors, kind, nested, force, texts):
    _check_against_reference(
        predictors(kind, nested, force), texts, nested=nested, force=force
    )


@pytest.mark.slow
@settings_of_predictors
def test_equals_the_reference_on_hostile_texts(predictors, kind, nested, force):
    found = _check_against_reference(
        predictors(kind, nested, force), HOSTILE, nested=nested, force=force
    )
    assert found > 5  # else the test compares nothing with nothing


@pytest.mark.slow
def test_tokens_that_share_a_character_give_no_overlapping_entities():
    """Three tokens, one character: at most one flat entity covers it."""
    kind = TokenizerKind.WORDPIECE
    tokenizer = make_tokenizer(kind, VOCABULARY, do_lower_case=True)
    assert len(tokenizer.encode("한")) == 3
    texts = ["한", "한한", "한a", "天한한"]
    clashes = 0
    for seed in range(6):
        predictor = Predictor(hostile.model(kind, seed=seed), tokenizer, LABELS)
        for spans in _spans(predictor, texts):
            _assert_consistent(spans, nested=False)
        for text in texts:
            in_tokens, _ = _reference(
                predictor.model, text, nested=False, force=False
            )
            try:
                _assert_consistent(in_tokens, nested=False)
            except AssertionError:
                clashes += 1
    assert clashes, "decoding in tokens would have done"


@pytest.mark.slow
def test_forced_entities_are_where_there_were_none(predictors):
    key = TokenizerKind.CHAR, False
    texts = ["天", "a b", "b", "😀", "cat", "e", "地地", "龘a", "İ", ""]
    free = _spans(predictors(*key, False), texts)
    forced = _spans(predictors(*key, True), texts)
    empty = [text for text, spans in zip(texts, free, strict=True) if not spans]
    assert len(empty) > 2, "no text to force"
    for text, before, after in zip(texts, free, forced, strict=True):
        if before or not text:
            _assert_equal(after, before)
        else:
            assert len(after) == 1


@pytest.fixture(scope="module")
def corpus():
    rng = random.Random(3)
    texts = [
        "".join(rng.choices(FRAGMENTS, k=rng.randint(0, 30))) for _ in range(60)
    ]
    return [Sentence(text, id=str(i)) for i, text in enumerate(texts)]


@pytest.mark.slow
def test_batches_do_not_matter(directories, corpus, monkeypatch):
    path = directories[TokenizerKind.CHAR]
    want = list(Predictor.from_directory(path, nested=True).predict(corpus))
    assert [s.id for s in want] == [s.id for s in corpus]
    assert [s.text for s in want] == [s.text for s in corpus]
    monkeypatch.setattr(read_ahead, "_SENTENCES_AHEAD", 7)
    monkeypatch.setattr(batches, "_TOKENS_PER_BATCH", 100)
    for batch_size in (1, 3):
        other = Predictor.from_directory(
            path, nested=True, batch_size=batch_size
        )
        for one, two in zip(want, other.predict(corpus), strict=True):
            assert one.id == two.id
            _assert_equal(two.spans, one.spans)
        shuffled = random.Random(batch_size).sample(corpus, len(corpus))
        by_id = {s.id: s.spans for s in other.predict(shuffled)}
        for one in want:
            _assert_equal(by_id[one.id], one.spans)


@pytest.mark.slow
def test_precision_and_xla_are_of_the_predictor_alone(directories, corpus):
    path = directories[TokenizerKind.CHAR]

    def scores(**settings):
        predictor = Predictor.from_directory(path, nested=True, **settings)
        return {
            (sentence.id, span.start, span.end, span.label): span.score
            for sentence in predictor.predict(corpus[:20])
            for span in sentence.spans
        }

    want = scores()
    compiled = scores(xla=True)
    assert compiled.keys() == want.keys()
    assert all(abs(compiled[key] - want[key]) < 1e-4 for key in want)
    half = scores(precision=Precision.BFLOAT16)
    shared = half.keys() & want.keys()
    # The random model has hundreds of candidates, most of them near-ties.
    assert len(shared) > 0.5 * len(half.keys() | want.keys())
    assert 0 < max(abs(half[key] - want[key]) for key in shared) < 0.3
    assert tf_keras.mixed_precision.global_policy().name == "float32"


def test_cut_sentences_are_counted(directories):
    predictor = Predictor.from_directory(
        directories[TokenizerKind.CHAR], long_text=LongText.TRUNCATE
    )
    fits = "a" * 18
    whole, cut = _spans(predictor, [fits, fits + "天天"])
    assert predictor.cut_sentences == 1
    _assert_equal(cut, whole)
    _spans(predictor, [LONG])
    assert (predictor.cut_sentences, predictor.windowed_sentences) == (2, 0)


def test_long_texts_are_windowed_and_counted(directories):
    predictor = Predictor.from_directory(directories[TokenizerKind.CHAR])
    fits = "a" * 18
    found = _spans(predictor, [fits, LONG])
    assert max(span.end for span in found[1]) > 18
    assert (predictor.cut_sentences, predictor.windowed_sentences) == (0, 1)


def test_lines_of_a_long_text_are_read_as_if_alone(directories):
    predictor = Predictor.from_directory(
        directories[TokenizerKind.CHAR], long_text=LongText.LINE
    )
    lines = ["天地ab", "", "the cat", LONG, "한a한b", "ab天" * 4] * 3
    text, begin, want = "\n".join(lines), 0, []
    for line, spans in zip(lines, _spans(predictor, lines), strict=True):
        want += [
            span._replace(start=span.start + begin, end=span.end + begin)
            for span in spans
        ]
        begin += len(line) + 1
    (found,) = _spans(predictor, [text])
    assert len(want) > 5
    _assert_equal(found, want)


def test_too_long_a_text_is_an_error_if_told(directories):
    predictor = Predictor.from_directory(
        directories[TokenizerKind.CHAR], long_text=LongText.ERROR
    )
    fits = Sentence("a" * 18)
    long = Sentence("a" * 19, file="in.txt", line=3)
    assert len(list(predictor.predict([fits, fits]))) == 2
    with pytest.raises(DataError, match=r"in\.txt:3: the text has 19 tokens"):
        list(predictor.predict([fits, long, Sentence(LONG)]))


@pytest.mark.slow
def test_windows_and_decoding_are_as_in_training_unless_given(tmp_path):
    made = hostile.model(
        TokenizerKind.CHAR, long_text=LongText.TRUNCATE, window_overlap=7
    )
    decoding = DecodingConfig(nested=True, force_one_entity=True)
    path = hostile.write_model(tmp_path, made, decoding=decoding)
    trained = Predictor.from_directory(path)
    assert trained.windowing.long_text is LongText.TRUNCATE
    assert trained.windowing.overlap == 7
    assert trained.decoding == decoding
    given = Predictor.from_directory(
        path, long_text=LongText.WINDOW, window_overlap=2, nested=False
    )
    assert given.windowing.long_text is LongText.WINDOW
    assert given.windowing.overlap == 2
    assert given.decoding == DecodingConfig(force_one_entity=True)
    with pytest.raises(ConfigError, match=r"window_overlap must be .*, got 18"):
        Predictor.from_directory(path, window_overlap=18)
    with pytest.raises(ConfigError, match="batch_size must be positive, got 0"):
        Predictor.from_directory(path, batch_size=0)


def test_gold_spans_are_replaced(directories):
    predictor = Predictor.from_directory(directories[TokenizerKind.CHAR])
    gold = Sentence("ab天", (Span(0, 1, "gold"),), id="7", words=((0, 3),))
    (found,) = predictor.predict([gold])
    assert "gold" not in {span.label for span in found.spans}
    assert (found.id, found.words) == ("7", ((0, 3),))


def test_one_line_of_python(directories):
    ner = biaffine_tf.load(directories[TokenizerKind.WORDPIECE])
    texts = ["the cat 天地", *HOSTILE]
    many = ner(texts)
    assert isinstance(many, list) and len(many) == len(texts)
    assert list(ner(iter(texts))) == many
    assert many[texts.index("")] == [] and ner("") == [] and ner([]) == []
    assert sum(map(len, many)) > 5
    for text, entities in zip(texts, many, strict=True):
        alone = ner(text)
        assert [e[:4] for e in alone] == [e[:4] for e in entities]
        for entity in entities:
            assert entity.text == text[entity.start : entity.end]
            assert 0 < entity.score <= 1
    assert ner.decoding == DecodingConfig()
