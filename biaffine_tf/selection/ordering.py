"""Orders of sentences, of which the first are to be labelled."""

from __future__ import annotations

import enum

import numpy as np

from biaffine_tf.selection.survey import CERTAIN, Survey

_LENGTHS = 10  # ranges of lengths, with as many sentences each


class Strategy(enum.StrEnum):
    """Ways to choose what is labelled next."""

    UNCERTAIN = "uncertain"
    RANDOM = "random"


def length_edges(lengths: np.ndarray) -> np.ndarray:
    """Returns the longest lengths of all ranges of lengths but the last.

    Args:
        lengths: Lengths of the sentences, int `[N]`.
    """
    shares = np.arange(1, _LENGTHS) / _LENGTHS
    return np.unique(np.quantile(lengths, shares, method="lower"))


def order(survey: Survey, strategy: Strategy, *, seed: int) -> np.ndarray:
    """Orders sentences, the one to label first at the front.

    By uncertainty, sentences are divided by their most uncertain label and by
    ranges of length, and ordered by uncertainty within each division. Each
    beginning of the order holds of a label as the root of its uncertainty in
    all sentences demands, so that a rare one has its part; and of its lengths
    as there are (Sainte-Lague's method). Sentences that the model is certain of
    come last. Equals are in random order.

    Args:
        survey: Predictions on the sentences.
        strategy: The order wanted.
        seed: Random seed.

    Returns:
        Numbers of all sentences, int `[N]`.
    """
    shuffled = np.random.default_rng(seed).permutation(len(survey))
    if strategy is Strategy.RANDOM:
        return shuffled
    uncertainty, doubts = survey.uncertainty, survey.doubts
    ranges = np.searchsorted(length_edges(survey.lengths), survey.lengths)
    ranks = np.full(len(survey), np.inf)
    for label in np.unique(doubts[doubts != CERTAIN]):
        own = doubts == label
        demand = np.sqrt(uncertainty[own].sum()) / own.sum()
        for one in np.unique(ranges[own]):
            cell = shuffled[(own & (ranges == one))[shuffled]]
            cell = cell[np.argsort(-uncertainty[cell], kind="stable")]
            turns = np.arange(len(cell)) + 0.5
            ranks[cell] = turns / (demand * len(cell))
    return shuffled[np.lexsort((-uncertainty[shuffled], ranks[shuffled]))]
