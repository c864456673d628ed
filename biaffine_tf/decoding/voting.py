"""Combines the opinions of several models on a sentence.

An opinion is a list of candidates. Two rules make one list of several, which a
decoder then makes consistent:

- `vote`: the entities of each model are votes on (start, end, label). One is
  kept if the weights that propose it exceed a share of all weights.
- `average`: the calibrated log-odds of each candidate are averaged. A candidate
  that a model lacks has a floor there, since models list none below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from biaffine_tf.decoding.candidates import Candidate

Key = tuple[int, int, str]  # start, end, label


def mean_log_odds(
    opinions: Sequence[Iterable[Candidate]],
    weights: Sequence[float],
    *,
    floor: float,
) -> dict[Key, float]:
    """Averages the log-odds of each (start, end, label).

    Args:
        opinions: Candidates of each model, with log-odds. Of several with the
            same key, which tokens that share characters can have, the highest
            counts.
        weights: Weight of each model, positive.
        floor: Log-odds of a candidate that a model lacks, and lower bound of
            the others.

    Returns:
        Weighted means by key, sorted by key.
    """
    total = sum(weights)
    known = [_highest(opinion, floor) for opinion in opinions]
    keys = sorted(set().union(*known))
    return {
        key: sum(
            weight * one.get(key, floor)
            for weight, one in zip(weights, known, strict=True)
        )
        / total
        for key in keys
    }


def average(means: Mapping[Key, float], *, cut: float = 0.0) -> list[Candidate]:
    """Makes candidates of averaged log-odds, for an exact decoder.

    Args:
        means: Log-odds by key, from `mean_log_odds`.
        cut: Log-odds that an entity must exceed.

    Returns:
        Candidates whose margin is the log-odds above the cut. With a cut of 0 a
        set with the greatest total is the likeliest one if spans are
        independent; a lower one finds more.
    """
    return [
        Candidate(*key, margin=value - cut, logit=value, log_odds=value)
        for key, value in means.items()
    ]


def vote(
    entities: Sequence[Iterable[Candidate]],
    weights: Sequence[float],
    means: Mapping[Key, float],
    *,
    threshold: float,
    floor: float,
) -> list[Candidate]:
    """Counts the votes on each (start, end, label).

    Args:
        entities: Decoded entities of each model.
        weights: Weight of each model, positive.
        means: Averaged log-odds by key, the scores of what is kept.
        threshold: Share of the weights that the votes must exceed, in [0, 1).
        floor: Score of an entity that `means` lacks.

    Returns:
        Candidates sorted by key, whose margin is the share of the weights above
        the threshold. With a threshold of at least 0.5 they are free of
        conflicts if the entities of each model are: two majorities share a
        model.
    """
    votes: dict[Key, float] = {}
    for weight, own in zip(weights, entities, strict=True):
        for key in {one[:3] for one in own}:
            votes[key] = votes.get(key, 0.0) + weight
    total = sum(weights)
    return [
        Candidate(
            *key,
            margin=count / total - threshold,
            log_odds=means.get(key, floor),
        )
        for key, count in sorted(votes.items())
        if count > threshold * total
    ]


def _highest(opinion: Iterable[Candidate], floor: float) -> dict[Key, float]:
    highest: dict[Key, float] = {}
    for one in opinion:
        if one.log_odds is None:
            raise ValueError("candidates without log-odds")
        key = one.start, one.end, one.label
        highest[key] = max(highest.get(key, floor), one.log_odds)
    return highest
