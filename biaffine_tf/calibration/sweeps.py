"""What lower and lower thresholds let through, decoded at each of them."""

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

# Candidates and their text, to the entities among them.
Decode = Callable[[list[Candidate], str], list[Candidate]]

_ROOM = 1e-6  # of the lowest cut below the lowest candidate, in log-odds

_Key = tuple[int, int, str]


class Sweeper:
    """All candidates of a data set, and the cuts on them.

    Args:
        pairs: Gold sentences, and the same ones with all their candidates for
            spans, with scores of the model.
        calibration: Temperature and bias.
        decode: The decoder, which must let candidates alone that share no
            character with the others.

    Attributes:
        labels: Those of gold and candidates, sorted.
        cuts: Calibrated log-odds that the candidates of each label must
            exceed, at first even odds. They may be changed.
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
        found = {
            one.label
            for cluster in self._clusters
            for one in cluster.candidates
        }
        self.labels = sorted(found | self._gold.keys())
        self.cuts = dict.fromkeys(self.labels, 0.0)

    @property
    def lowest(self) -> float:
        """A cut just below all candidates; even odds if there are none."""
        ranks = (
            one.rank for cluster in self._clusters for one in cluster.candidates
        )
        return min(ranks, default=_ROOM) - _ROOM

    def lower(self, group: Collection[str]) -> Curve:
        """Lowers the cut of some labels from candidate to candidate.

        At each step the candidates are decoded again that share characters
        with those let in, so that the counts are what the decoder makes of
        it. With the exact decoder, which weighs margins, they may be a little
        off where only the margins have changed.

        Args:
            group: The labels. The cuts of the others stay.

        Returns:
            Entities of these labels at a cut above all their candidates, one
            between every two that differ, and one below all.
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
        """Cuts, descending, and the clusters of those that each lets in."""
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
            yield rank - _ROOM, entering

    def _count(
        self,
        cluster: _Cluster,
        group: Collection[str],
        cuts: dict[str, float],
    ) -> tuple[int, int]:
        """Correct and predicted entities of the group."""
        passing = above_cuts(cluster.candidates, cuts)
        kept = _keys(self._decode(passing, cluster.text))
        keys = {key for key in kept if key[2] in group}
        return len(keys & cluster.gold), len(keys)


def to_candidates(spans: Iterable[Span]) -> list[Candidate]:
    """Spans with scores as candidates; for a margin they have their log-odds.

    Args:
        spans: Each with a score in [0, 1].

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
    """Candidates that no other candidate of their sentence overlaps.

    What is decoded among them depends on no others.
    """

    candidates: list[Candidate]
    gold: set[_Key]
    text: str


def _divide(pair: Pair, calibration: Confidence) -> Iterator[_Cluster]:
    sentence, found = pair
    gold = _keys(sentence.spans)
    candidates = calibration.rescore(to_candidates(found.spans or ()))
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
