"""A sentence in its context: what the head sees, and what it learns from."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny

from biaffine_tf.config import Position, TrainingConfig
from biaffine_tf.heads.span_model import split_context, token_counts
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.records.features import Counts, featurize
from biaffine_tf.records.span_schema import parse, serialize
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Context, Windowing, with_context
from biaffine_tf.training.span_objective import SpanObjective

ROWS = [
    [2, -6, -7, 8, 9, 10, -11, 3, 0],
    [2, 8, 9, 10, -11, -12, -13, -14, 3],
    [2, -6, -7, -8, 12, 3, 0, 0, 0],
    [2, 5, 6, 3, 0, 0, 0, 0, 0],
]
INNER = [(2, 3), (0, 3), (3, 1), (0, 2)]  # first place, and how many


def _models(position):
    with_it = tiny.model(position=position, context_tokens=4)
    without = tiny.model(position=position)
    return with_it, without


@pytest.mark.slow
def test_the_head_sees_the_sentence_in_the_light_of_its_context():
    for position in Position:
        with_it, without = _models(position)
        plain, context = split_context(tf.constant(ROWS))
        found = with_it.encode(plain, context, training=False).numpy()
        whole = without.encode(plain, training=False).numpy()
        assert found.shape[1] == 3
        for row, (first, count) in enumerate(INNER):
            np.testing.assert_allclose(
                found[row, :count],
                whole[row, first : first + count],
                atol=1e-5,
            )
        counts = token_counts(plain, context).numpy().tolist()
        assert counts == [count for _, count in INNER]


def test_a_model_without_context_is_as_ever():
    with_it, without = _models(Position.NONE)
    ids = tf.constant([[2, 5, 6, 7, 3], [2, 5, 3, 0, 0]])
    np.testing.assert_allclose(
        with_it(ids)[0].numpy(), without(ids)[0].numpy(), atol=1e-5
    )


def test_records_hold_it_and_training_learns_of_the_sentence_alone(tmp_path):
    tokenizer = tiny.tokenizer(tmp_path)
    sentences = tiny.sentences(6, seed=4)
    counts = Counts()
    batch = []
    for sentence, context in with_context(sentences, tokenizer, tokens=5):
        (features,), _ = featurize(
            sentence,
            tokenizer,
            tiny.LABELS,
            windowing=Windowing(max_tokens=38),
            counts=counts,
            context=context,
        )
        parsed = parse(tf.constant(serialize(features)))
        assert parsed["input_ids"].numpy().tolist() == features.input_ids
        assert parsed["context"].numpy().tolist() == features.context
        batch.append(features)
    assert counts.cells == sum(len(f.cells) for f in batch) > 6
    width = max(len(f.input_ids) for f in batch)
    most = max(len(f.cells) for f in batch)
    input_ids = [f.input_ids + [0] * (width - len(f.input_ids)) for f in batch]
    context = [f.context + [False] * (width - len(f.context)) for f in batch]
    cells = [f.cells + [(0, 0, 0)] * (most - len(f.cells)) for f in batch]
    model = tiny.model(context_tokens=5, dropout=0.0)
    objective = SpanObjective(model, TrainingConfig())
    data = {
        "input_ids": tf.constant(input_ids, tf.int32),
        "context": tf.constant(context),
        "cells": tf.constant(cells, tf.int32),
    }
    seed = tf.constant([0, 0])
    optimizer = tf_keras.optimizers.SGD(0.02)
    losses = []
    for _ in range(3):
        with tf.GradientTape() as tape:
            metrics = objective.metrics(data, training=True, seed=seed)
            loss = metrics["loss"][0] / metrics["loss"][1]
        gradients = tape.gradient(loss, model.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
        losses.append(float(loss))
    assert np.isfinite(losses).all() and losses[2] < losses[0]
    # The pairs of a sentence: no pair has a token of the context.
    tokens = [len(tokenizer.encode(s.text)) for s in sentences]
    pairs = sum(n * (n + 1) // 2 for n in tokens)
    accuracies = metrics["positive_accuracy"], metrics["negative_accuracy"]
    assert sum(float(weight) for _, weight in accuracies) == pairs


@pytest.mark.slow
def test_the_predictor_gives_each_sentence_its_neighbours(tmp_path):
    tokenizer = tiny.tokenizer(tmp_path)
    model = tiny.model(seed=5, context_tokens=6)
    values = model.head.bilinear.numpy() * 100
    values[-1, :, -1] = [16, 0, 0, 0]
    model.head.bilinear.assign(values)
    predictor = Predictor(model, tokenizer, tiny.LABELS, batch_size=3)
    sentences = [
        Sentence(s.text, document=str(number // 4))
        for number, s in enumerate(tiny.sentences(12, seed=8))
    ]
    sentences.insert(5, Sentence("ab天" * 20, document="1"))  # in windows
    found = list(predictor.candidates(sentences, min_score=0.3))
    cases, differences = 0, 0
    for (sentence, context), candidates in zip(
        with_context(sentences, tokenizer, tokens=6), found, strict=True
    ):
        ids = tokenizer.encode(sentence.text).ids
        if len(ids) > 38:
            continue
        got = {(o.start, o.end, o.label): o.score for o in candidates}
        want = _scores(model, tokenizer, ids, context)
        alone = _scores(model, tokenizer, ids, Context())
        assert got.keys() == want.keys()
        np.testing.assert_allclose(
            [got[key] for key in want], list(want.values()), rtol=1e-3
        )
        cases += len(want)
        differences += want != alone
    assert cases > 20 and differences > 5


def _scores(model, tokenizer, ids, context):
    """Candidates of a sentence in its context, one pair at a time."""
    room = 38 - len(ids)
    left = list(context.left)[-min(6, room // 2) :] if room else []
    right = list(context.right)
    row = [tokenizer.cls_id, *left, *ids, *right, tokenizer.sep_id]
    plain = tiny.model(seed=5)
    plain.head.bilinear.assign(model.head.bilinear)
    logits = plain(np.array([row], np.int32)).numpy()[0]
    found = {}
    for first in range(len(ids)):
        for last in range(first, len(ids)):
            cell = logits[len(left) + first, len(left) + last]
            cell = cell.astype(np.float64)
            label = 1 + int(cell[1:].argmax())
            score = np.exp(cell[label]) / np.exp(cell).sum()
            if score >= 0.3:
                name = tiny.LABELS.name(label)
                found[first, last + 1, name] = float(score)
    return found
