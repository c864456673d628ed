"""All that the command can say of a system, computed together."""

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
    """What was asked for; None where it was not.

    Attributes:
        scores: Of every run.
        intervals: Of the scores of a single run.
        pooled: Means and intervals of several runs.
        breakdowns: Parts of the data; all runs are counted together.
        false_positives: Counted likewise.
        comparison: With another system.
    """

    scores: list[Scores]
    intervals: Estimates[Interval] | None = None
    pooled: Estimates[Spread] | None = None
    breakdowns: dict[Panel, dict[str, LabelScore]] | None = None
    false_positives: FalsePositives | None = None
    comparison: Comparison | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything that was asked for, ready for `json.dumps`.

        Returns:
            Of a single run `Scores.to_json()`, of several {"runs": a list of
            them}; beside that, under their names here, what else there is.
        """
        found = dataclasses.asdict(self)
        runs = found.pop("scores")
        rest = {
            name: value for name, value in found.items() if value is not None
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
    """Scores a system and whatever else is wanted.

    Args:
        runs: Of every run of the system its pairs, as `match` gives them, all
            with the same gold.
        intervals: Whether to tell how sure the scores are. Of several runs,
            which are pooled, it is always told.
        parts: Whether to score the parts of the data.
        seen: Mentions of the training data, as `mentions` gives them; adds a
            panel to the parts.
        others: Of every run of another system its pairs, to compare with.

    Returns:
        The findings.

    Raises:
        DataError: If a sentence is unlabelled, or if something is to be
            resampled and there are no sentences or two runs differ in gold.
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


# numpy takes longer to load than everything that plain scores need.


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
