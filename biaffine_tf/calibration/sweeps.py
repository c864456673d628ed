"""Sweeps the threshold of labels, decoding again at each step."""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from biaffine_tf.calibration.confidence import Confidence, above_cuts
from biaffine_tf.calibration.objectives import Curve
from biaffine_tf.decoding import Candidate
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.spans import Span

# Function of candidates and their text to the entities among them.
Decode = Callable[[list[Candidate], str], list[Candidate]]

_GAP = 1e-6  # between the lowest candidate and the lowest cut, in log-odds

_Key = tuple[int, int, str]


class Sweeper:
    """Threshold sweeps over the candidates of a data set.

    Args:
        pairs: Pairs of a gold sentence and the same sentence with all scored
            candidates as spans.
        calibration: Temperature and bias.
        decode: The decoder. Candidates that share no character with others
            must not affect each other.

    Attributes:
        labels: Labels of gold and candidates, sorted.
        cuts: Calibrated log-odds by label that candidates must exceed,
            initially even odds. May be changed.
    """

    def __init__(
        self, pairs: Sequence[Pair], calibration: Confidence, decode: Decode
    ) -> None:
        self._clusters = [
            cluster for pair in pairs for cluster in _divide(pair, calibration)
        ]
        self._decode = decode
        self._gold = collections.Counter(
            label for gold, _ in pairs for *_, label in _keys(gold.spans)
        )
        predicted = {
            one.label
            for cluster in self._clusters
            for one in cluster.candidates
        }
        self.labels = sorted(predicted | self._gold.keys())
        self.cuts = dict.fromkeys(self.labels, 0.0)

    @property
    def lowest(self) -> float:
        """Cut just below all candidates; even odds if there are none."""
        ranks = (
            one.rank for cluster in self._clusters for one in cluster.candidates
        )
        return min(ranks, default=_GAP) - _GAP

    def lower(self, group: Collection[str]) -> Curve:
        """Lowers the cut of some labels step by step.

        Each step decodes again where candidates enter, so the counts are those
        of the decoder. With the exact decoder, which weighs margins, they may
        be slightly off where only margins have changed.

        Args:
            group: The labels; the cuts of the others stay.

        Returns:
            Counts of entities of these labels at a cut above all candidates,
            one between every two distinct scores, and one below all.
        """
        counts = [(0, 0)] * len(self._clusters)
        cuts, changes = [math.inf], [(0, 0)]
        for cut, entering in self._steps(group):
            every_cut = self.cuts | dict.fromkeys(group, cut)
            correct = predicted = 0
            for index in entering:
                now = self._count(self._clusters[index], group, every_cut)
                correct += now[0] - counts[index][0]
                predicted += now[1] - counts[index][1]
                counts[index] = now
            cuts.append(cut)
            changes.append((correct, predicted))
        totals = np.cumsum(changes, axis=0)  # [K, 2]
        gold = sum(self._gold[label] for label in group)
        return Curve(np.array(cuts), totals[:, 0], totals[:, 1], gold)

    def _steps(
        self, group: Collection[str]
    ) -> Iterator[tuple[float, set[int]]]:
        """Yields descending cuts, each with the clusters it admits."""
        entries = sorted(
            (
                (one.rank, index)
                for index, cluster in enumerate(self._clusters)
                for one in cluster.candidates
                if one.label in group
            ),
            reverse=True,
        )
        levels = [
            (rank, {index for _, index in same})
            for rank, same in itertools.groupby(entries, lambda entry: entry[0])
        ]
        for (rank, entering), (below, _) in itertools.pairwise(levels):
            yield (rank + below) / 2, entering
        for rank, entering in levels[-1:]:
            yield rank - _GAP, entering

    def _count(
        self,
        cluster: _Cluster,
        group: Collection[str],
        cuts: dict[str, float],
    ) -> tuple[int, int]:
        """Counts correct and predicted entities of the group."""
        passing = above_cuts(cluster.candidates, cuts)
        kept = _keys(self._decode(passing, cluster.text))
        keys = {key for key in kept if key[2] in group}
        return len(keys & cluster.gold), len(keys)


def to_candidates(spans: Iterable[Span]) -> list[Candidate]:
    """Converts scored spans to candidates with their log-odds as margin.

    Args:
        spans: Spans with scores in [0, 1].

    Returns:
        The candidates, in the order given.
    """
    spans = list(spans)
    scores = np.array([span.score for span in spans], np.float64)
    log_odds = Confidence().log_odds(scores).tolist()
    return [
        Candidate(span.start, span.end, span.label, one, log_odds=one)
        for span, one in zip(spans, log_odds, strict=True)
    ]


class _Cluster(NamedTuple):
    """Candidates that overlap no candidate outside; decoded independently."""

    candidates: list[Candidate]
    gold: set[_Key]
    text: str


def _divide(pair: Pair, calibration: Confidence) -> Iterator[_Cluster]:
    sentence, predicted = pair
    gold = _keys(sentence.spans)
    candidates = calibration.rescore(to_candidates(predicted.spans or ()))
    candidates.sort(key=lambda one: one.start)
    cluster: list[Candidate] = []
    end = 0
    for one in candidates:
        if cluster and one.start >= end:
            yield _Cluster(cluster, gold, sentence.text)
            cluster = []
        cluster.append(one)
        end = max(end, one.end)
    if cluster:
        yield _Cluster(cluster, gold, sentence.text)


def _keys(spans: Iterable[Span | Candidate] | None) -> set[_Key]:
    return {(span.start, span.end, span.label) for span in spans or ()}
