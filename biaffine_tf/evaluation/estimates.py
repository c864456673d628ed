"""What is said of a score beside its value: intervals, spreads, differences.

Each of them is told of every metric of `Scores`, under the same names: where
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
        low: Its lower end.
        high: Its upper end.
        level: Share of such intervals that hold the true value, e.g. 0.95.
    """

    low: float
    high: float
    level: float


@dataclasses.dataclass(frozen=True, slots=True)
class Spread:
    """A metric over several runs (seeds) of one system.

    Attributes:
        mean: Mean over the runs.
        deviation: Standard deviation over the runs (divisor runs - 1): how
            far one run lies from another on these very sentences; 0 for a
            single run.
        interval: Of the mean, for other sentences and other seeds.
    """

    mean: float
    deviation: float
    interval: Interval


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """How far system A is above system B.

    Attributes:
        value: Metric of A minus metric of B.
        interval: Of that difference; for other sentences and, of several
            runs, other seeds.
        p_value: Probability of a difference at least as large, of either
            sign, if the two systems were the same.
    """

    value: float
    interval: Interval
    p_value: float


@dataclasses.dataclass(frozen=True, slots=True)
class Figures(Generic[T]):
    """Something said of a precision, a recall and an F1."""

    precision: T
    recall: T
    f1: T


@dataclasses.dataclass(frozen=True, slots=True)
class Estimates(Generic[T]):
    """Something said of every metric of `Scores`.

    Attributes:
        micro: Of `Scores.micro`.
        macro: Of `Scores.macro`.
        cluener: Of `Scores.cluener`.
        labels: Of each of `Scores.labels`.
    """

    micro: Figures[T]
    macro: Figures[T]
    cluener: Figures[T]
    labels: dict[str, Figures[T]]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain dictionaries, ready for `json.dumps`."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """System A against system B on the same gold.

    Attributes:
        test: Name of the test behind the p-values.
        differences: Of every metric of `Scores`, A minus B.
    """

    test: str
    differences: Estimates[Difference]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain dictionaries, ready for `json.dumps`."""
        return dataclasses.asdict(self)
