"""Evaluation of a system: scores, intervals, breakdowns, comparison."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Sequence
from typing import Any

from biaffine_tf.evaluation.breakdown import (
    FalsePositives,
    Mention,
    Panel,
    breakdowns,
    false_positives,
)
from biaffine_tf.evaluation.estimates import (
    Comparison,
    Estimates,
    Interval,
    Spread,
)
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.metrics import LabelScore, Scores, score


@dataclasses.dataclass(frozen=True, slots=True)
class Findings:
    """Results of an evaluation; None for those not requested.

    Attributes:
        scores: Scores of every run.
        intervals: Intervals of the scores of a single run.
        pooled: Means and intervals of several runs.
        breakdowns: Scores of parts of the data, over all runs together.
        false_positives: False positives, over all runs together.
        comparison: Comparison with another system.
    """

    scores: list[Scores]
    intervals: Estimates[Interval] | None = None
    pooled: Estimates[Spread] | None = None
    breakdowns: dict[Panel, dict[str, LabelScore]] | None = None
    false_positives: FalsePositives | None = None
    comparison: Comparison | None = None

    def to_json(self) -> dict[str, Any]:
        """Converts the results to plain values for `json.dumps`.

        Returns:
            `Scores.to_json()` of a single run, or {"runs": a list of them},
            with the other results under their names.
        """
        values = dataclasses.asdict(self)
        runs = values.pop("scores")
        rest = {
            name: value for name, value in values.items() if value is not None
        }
        return (runs[0] if len(runs) == 1 else {"runs": runs}) | rest


def evaluate(
    runs: Sequence[Sequence[Pair]],
    *,
    intervals: bool = False,
    parts: bool = False,
    seen: Collection[Mention] | None = None,
    others: Sequence[Sequence[Pair]] = (),
) -> Findings:
    """Evaluates a system.

    Args:
        runs: Pairs of every run of the system, as returned by `match`, all with
            the same gold.
        intervals: Whether to compute confidence intervals; always done for
            several runs, which are pooled.
        parts: Whether to score parts of the data.
        seen: Mentions of the training data, as returned by `mentions`, for one
            more breakdown.
        others: Pairs of every run of another system, to compare with.

    Returns:
        The findings.

    Raises:
        DataError: If a sentence is unlabelled, or resampling is requested and
            there are no sentences or runs differ in gold.
    """
    several = len(runs) > 1
    together = list(itertools.chain.from_iterable(runs))
    return Findings(
        scores=[score(pairs) for pairs in runs],
        intervals=_intervals(runs[0]) if intervals and not several else None,
        pooled=_pooled(runs) if several else None,
        breakdowns=breakdowns(together, seen=seen) if parts else None,
        false_positives=false_positives(together) if parts else None,
        comparison=_comparison(runs, others) if others else None,
    )


# Plain scores do without NumPy, which is slow to import.


def _intervals(pairs: Sequence[Pair]) -> Estimates[Interval]:
    from biaffine_tf.evaluation.bootstrap import intervals

    return intervals(pairs)


def _pooled(runs: Sequence[Sequence[Pair]]) -> Estimates[Spread]:
    from biaffine_tf.evaluation.pooling import pool

    return pool(runs)


def _comparison(
    runs: Sequence[Sequence[Pair]], others: Sequence[Sequence[Pair]]
) -> Comparison:
    from biaffine_tf.evaluation.comparison import compare_runs

    return compare_runs(runs, others)
