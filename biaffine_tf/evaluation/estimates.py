"""Statistics of metrics: intervals, spreads, differences.

Each is given for every metric of `Scores`, under the same names: where
`scores.micro.f1` is the value, `intervals.micro.f1` is its interval.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Confidence level, e.g. 0.95.
    """

    low: float
    high: float
    level: float


@dataclasses.dataclass(frozen=True, slots=True)
class Spread:
    """A metric over several runs (seeds) of one system.

    Attributes:
        mean: Mean over the runs.
        deviation: Sample standard deviation over the runs on these sentences;
            0 for a single run.
        interval: Interval of the mean, for other sentences and other seeds.
    """

    mean: float
    deviation: float
    interval: Interval


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """Difference between systems A and B in a metric.

    Attributes:
        value: Metric of A minus metric of B.
        interval: Interval of that difference, for other sentences and, given
            several runs, other seeds.
        p_value: Probability of a difference at least as large, of either
            sign, if the two systems were the same.
    """

    value: float
    interval: Interval
    p_value: float


@dataclasses.dataclass(frozen=True, slots=True)
class PRFEstimates(Generic[T]):
    """Statistics of precision, recall and F1."""

    precision: T
    recall: T
    f1: T


@dataclasses.dataclass(frozen=True, slots=True)
class Estimates(Generic[T]):
    """Statistics of every metric of `Scores`.

    Attributes:
        micro: Statistics of `Scores.micro`.
        macro: Statistics of `Scores.macro`.
        cluener: Statistics of `Scores.cluener`.
        labels: Statistics of `Scores.labels`, by label.
    """

    micro: PRFEstimates[T]
    macro: PRFEstimates[T]
    cluener: PRFEstimates[T]
    labels: dict[str, PRFEstimates[T]]

    def to_json(self) -> dict[str, Any]:
        """Converts to plain dictionaries for `json.dumps`."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of systems A and B on the same gold.

    Attributes:
        test: Name of the significance test.
        differences: Difference of every metric of `Scores`, A minus B.
    """

    test: str
    differences: Estimates[Difference]

    def to_json(self) -> dict[str, Any]:
        """Converts to plain dictionaries for `json.dumps`."""
        return dataclasses.asdict(self)
