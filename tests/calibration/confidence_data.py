"""Synthetic predictions whose true probabilities are known."""

import numpy as np

from biaffine_tf.calibration.sweeps import to_candidates
from biaffine_tf.decoding import decode
from biaffine_tf.spans import Sentence, Span

TEXT = "字" * 40


def synthetic_pairs(
    seed, *, sentences, truth, per_sentence=8, labels=("x",), weights=None
):
    """Candidates that share nothing with one another.

    `truth` gives the probability of being right of raw log-odds and a label's
    index. One gold span of each sentence, of the first label, is no candidate.
    """
    random = np.random.default_rng(seed)
    pairs = []
    for number in range(sentences):
        log_odds = np.where(
            random.random(per_sentence) < 0.5,
            random.normal(3, 2, per_sentence),
            random.normal(-2, 1.5, per_sentence),
        )
        which = random.choice(len(labels), per_sentence, p=weights)
        right = random.random(per_sentence) < truth(log_odds, which)
        found = [
            Span(2 * i, 2 * i + 1, labels[which[i]], sigmoid(log_odds[i]))
            for i in range(per_sentence)
        ]
        gold = [
            Span(*span[:3])
            for span, is_right in zip(found, right, strict=True)
            if is_right
        ]
        gold.append(Span(38, 40, labels[0]))
        text = f"{TEXT}{number}"
        pairs.append(
            (Sentence(text, tuple(gold)), Sentence(text, tuple(found)))
        )
    return pairs


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def greedy(candidates, text):
    return decode(candidates)


def apply(pairs, confidence, decoder=greedy):
    """Decodes as the predictor does."""
    decoded = []
    for gold, found in pairs:
        kept = decoder(confidence.apply(to_candidates(found.spans)), found.text)
        spans = [Span(one.start, one.end, one.label, one.score) for one in kept]
        decoded.append((gold, found.replace_spans(spans)))
    return decoded
