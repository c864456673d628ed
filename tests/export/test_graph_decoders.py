"""In-graph decoders against those in Python, candidate for candidate."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
from export.candidate_batches import (
    HALVES,
    KINDS,
    LABELS,
    SIGNATURE,
    Kind,
    as_columns,
    as_rows,
    as_tensors,
    decoded_rows,
    of_sentence,
    random_rows,
)
from export.saved_models import answers_elsewhere

from biaffine_tf.decoding import Decoder, decode
from biaffine_tf.export import greedy
from biaffine_tf.export.decoders import GraphDecoder
from biaffine_tf.export.nesting import _in_crossing_sentences
from biaffine_tf.export.scheduling import Ranges

SENTENCES = 100
SETTINGS = [
    {"decoder": decoder, "nested": nested, "one_label_per_span": one}
    for decoder, nested, one in itertools.product(
        Decoder, [False, True], [False, True]
    )
]


def name_of(settings):
    return "-".join(str(value) for value in settings.values())


def by_position(row):
    sentence, start, end = row
    return sentence, start, -end


each_decoder = pytest.mark.parametrize("settings", SETTINGS, ids=name_of)


@functools.cache
def compiled(name):
    (settings,) = (one for one in SETTINGS if name_of(one) == name)
    decoder = GraphDecoder(LABELS, **settings)
    return tf.function(decoder, input_signature=[SIGNATURE], autograph=False)


def wanted(rows, settings, sentences=SENTENCES):
    return decoded_rows(
        sentences, lambda one: decode(of_sentence(rows, one), **settings)
    )


@pytest.mark.slow
@each_decoder
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_equals_python(settings, kind):
    random = np.random.default_rng(0)
    for _ in range(4):
        rows = random_rows(random, SENTENCES, kind)
        decoded = as_rows(compiled(name_of(settings))(as_tensors(rows)))
        assert decoded == wanted(rows, settings)


@each_decoder
def test_doubles_are_not_rounded(settings):
    """Margins above thresholds are doubles; ties of floats are none of them."""
    random = np.random.default_rng(1)
    rows = [
        (*row[:4], *(x + random.choice([0, 1e-12]) for x in row[4:6]), row[6])
        for row in random_rows(random, SENTENCES, KINDS[1])
    ]
    doubles = as_tensors(rows)._replace(
        margins=tf.constant([row[4] for row in rows], tf.float64),
        logits=tf.constant([row[5] for row in rows], tf.float64),
    )
    decoded = as_rows(GraphDecoder(LABELS, **settings)(doubles))
    assert decoded == wanted(rows, settings)


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [0, 1])
@pytest.mark.parametrize("settings", SETTINGS[:4], ids=name_of)
def test_what_rounds_leave_is_visited_one_by_one(settings, rounds, monkeypatch):
    assert settings["decoder"] is Decoder.GREEDY
    monkeypatch.setattr(greedy, "_MAX_ROUNDS", rounds)
    decoder = tf.function(
        GraphDecoder(LABELS, **settings),
        input_signature=[SIGNATURE],
        autograph=False,
    )
    random = np.random.default_rng(6)
    for kind in KINDS:
        rows = random_rows(random, SENTENCES, kind)
        assert as_rows(decoder(as_tensors(rows))) == wanted(rows, settings)


@pytest.mark.slow
@each_decoder
def test_nothing(settings):
    assert as_rows(compiled(name_of(settings))(as_tensors([]))) == []


@pytest.mark.slow
def test_sentences_without_crossing_ranges_are_known():
    """Also where ranges touch, or share a start or an end."""
    random = np.random.default_rng(2)
    seen = [0, 0]
    for _ in range(20):
        rows = random_rows(random, 400, Kind(6, 6))
        ranges = sorted({row[:3] for row in rows}, key=by_position)
        found = _in_crossing_sentences(
            Ranges(
                *tf.unstack(tf.constant(ranges), axis=1),
                tf.ones(len(ranges), tf.float64),
            )
        ).numpy()
        for sentence in range(400):
            own = [one[1:] for one in ranges if one[0] == sentence]
            cross = any(a < c < b < d for a, b in own for c, d in own)
            seen[cross] += 1
            which = [one[0] == sentence for one in ranges]
            assert (found[which] == cross).all()
    assert min(seen) > 1000


@each_decoder
def test_a_thousand_candidates(settings):
    random = np.random.default_rng(3)
    rows = [
        row
        for kind in (Kind(1500, 500), Kind(1500, 60))
        for row in random_rows(random, 1, kind)
    ]
    assert len(rows) > 1000
    tensors = as_tensors(rows)
    decoded = as_rows(compiled(name_of(settings))(tensors))
    assert decoded == wanted(rows, settings, sentences=1)


@pytest.mark.slow
@each_decoder
def test_a_long_text(settings):
    """Stretches in which ranges cross, nest and touch, thousands in a row."""
    random = np.random.default_rng(5)
    stretches = 500 if settings["decoder"] is Decoder.GREEDY else 4000
    rows = [
        (0, 6 * stretch + start, 6 * stretch + end, *rest)
        for stretch, start, end, *rest in random_rows(
            random, stretches, Kind(8, 6, HALVES)
        )
    ]
    assert len(rows) > 3 * stretches
    tensors = as_tensors(rows)
    decoder = compiled(name_of(settings))
    assert as_rows(decoder(tensors)) == wanted(rows, settings, sentences=1)


@pytest.mark.slow
def test_where_there_is_no_code_of_ours(tmp_path):
    module = tf.Module()
    saved = [one for one in SETTINGS if not one["one_label_per_span"]]
    module.decoders = {
        name_of(one): GraphDecoder(LABELS, **one) for one in saved
    }
    names = SIGNATURE._fields

    @tf.function(
        input_signature=[
            tf.TensorSpec(spec.shape, spec.dtype, name)
            for name, spec in zip(names, SIGNATURE, strict=True)
        ],
        autograph=False,
    )
    def signature(*columns):
        return {
            f"{key}/{name}": column
            for key, decoder in module.decoders.items()
            for name, column in zip(
                names, decoder(type(SIGNATURE)(*columns)), strict=True
            )
        }

    random = np.random.default_rng(4)
    batches = [[]] + [
        random_rows(random, SENTENCES, kind) for kind in KINDS * 2
    ]
    requests = [
        {
            name: (column, column.dtype)
            for name, column in zip(names, as_columns(rows), strict=True)
        }
        for rows in batches
    ]
    answers = answers_elsewhere(module, signature, requests, tmp_path)
    for rows, answer in zip(batches, answers, strict=True):
        for settings in saved:
            key = name_of(settings)
            decoded = as_rows(answer[f"{key}/{name}"] for name in names)
            assert decoded == wanted(rows, settings)
