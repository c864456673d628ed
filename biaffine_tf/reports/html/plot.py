"""Geometry of the charts; templates/macros.html.jinja draws it.

Made by hand and not by a library: text stays text of the page's own font, the
colours are those of its light or dark style, and a chart is a kilobyte or two.
Positions are in the units of a view box of `WIDTH` by `HEIGHT`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 350, 12, 206  # of the plot within
MOST_TICKS = 7

Scale = Callable[[float], float]


class Tick(NamedTuple):
    """A mark on an axis: where, and what is written there."""

    at: float
    text: str


class Point(NamedTuple):
    """A point of a series, and what is said of it."""

    x: float
    y: float
    radius: float
    text: str


class Series(NamedTuple):
    """A line.

    Attributes:
        name: What the legend calls it.
        style: Which of the line styles it has, from 0.
        path: SVG path.
        points: Those that are marked.
    """

    name: str
    style: int
    path: str
    points: tuple[Point, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        title: Its title.
        description: What it shows, in words, for those who cannot see it.
        x_name: What the horizontal axis is.
        y_name: What the vertical axis is.
        x_ticks: Of the horizontal axis.
        y_ticks: Of the vertical axis.
        series: The lines.
        has_diagonal: Whether the diagonal is a goal.
        mark: A point to be pointed out.
    """

    title: str
    description: str
    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]
    has_diagonal: bool = False
    mark: Point | None = None


def linear(low: float, high: float, first: float, last: float) -> Scale:
    """The scale that takes `low` to `first` and `high` to `last`."""
    factor = (last - first) / (high - low)
    return lambda value: round(first + (value - low) * factor, 1)


def unit_scales() -> tuple[Scale, Scale]:
    """Horizontal and vertical scale of values in [0, 1]."""
    return linear(0, 1, LEFT, RIGHT), linear(0, 1, BOTTOM, TOP)


def unit_ticks(scale: Scale) -> tuple[Tick, ...]:
    """Ticks of an axis from 0 to 1."""
    return tuple(Tick(scale(n / 5), f"{n / 5:g}") for n in range(6))


def round_steps(low: float, high: float) -> list[float]:
    """Round numbers from below the lowest value to above the highest."""
    span = high - low
    # What is less than any figure shown is as good as nothing.
    rough = (span if span > 1e-9 else 1.0) / (MOST_TICKS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def line(points: Iterable[tuple[float, float]]) -> str:
    """SVG path of a line through points."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
