"""Plots of a search as SVG files, without a library."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from biaffine_tf.tune.space import Parameter
from biaffine_tf.tune.study import Row

_WIDTH, _HEIGHT = 480, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 465, 30, 275
_COLOURS = {"complete": "#00796b", "pruned": "#b0bec5"}
_TICKS = 5


class Point(NamedTuple):
    """A trial in a plot."""

    x: float
    y: float
    state: str


def history(rows: Sequence[Row]) -> str:
    """Draws the F1 of each trial in the order of trials."""
    points = [
        Point(row.number, row.f1, row.state)
        for row in rows
        if row.f1 is not None
    ]
    return _draw("F1 by trial", "trial", points, "{:.0f}".format)


def parameter(one: Parameter, rows: Sequence[Row]) -> str:
    """Draws the F1 of trials by the value of a flag."""
    known = [
        row for row in rows if row.f1 is not None and one.name in row.values
    ]
    scale, name_of = _scale(one)
    points = [
        Point(scale(row.values[one.name]), row.f1 or 0.0, row.state)
        for row in known
    ]
    ticks = len(one.choices) or _TICKS
    bounds = (0.0, len(one.choices) - 1.0) if one.choices else None
    return _draw(f"F1 by {one.name}", one.name, points, name_of, ticks, bounds)


def _scale(
    one: Parameter,
) -> tuple[Callable[[Any], float], Callable[[float], str]]:
    """Returns functions from values to positions, and from these to names."""
    if one.choices:
        return (
            lambda value: float(one.choices.index(str(value))),
            lambda at: one.choices[
                min(max(round(at), 0), len(one.choices) - 1)
            ],
        )
    if one.is_log:
        return lambda value: math.log10(value), lambda at: f"{10**at:.2g}"
    return float, lambda at: f"{at:.4g}"


def _draw(
    title: str,
    axis: str,
    points: Sequence[Point],
    name_of: Callable[[float], str],
    ticks: int = _TICKS,
    bounds: tuple[float, float] | None = None,
) -> str:
    """Draws points; pruned trials are grey."""
    low_x, high_x = bounds or _bounds([point.x for point in points])
    low_y, high_y = _bounds([point.y for point in points])

    def place(value: float, low: float, high: float, a: int, b: int) -> float:
        return round(a + (value - low) / (high - low) * (b - a), 1)

    parts = [
        _text(_WIDTH / 2, 18, title, "middle"),
        _text((_LEFT + _RIGHT) / 2, _HEIGHT - 8, axis, "middle"),
        f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" '
        'stroke="#607d8b"/>',
    ]
    for step in range(ticks):
        share = step / max(ticks - 1, 1)
        x = low_x + share * (high_x - low_x)
        at = place(x, low_x, high_x, _LEFT + 15, _RIGHT - 15)
        parts.append(_text(at, _BOTTOM + 16, name_of(x), "middle"))
        y = low_y + share * (high_y - low_y)
        at = place(y, low_y, high_y, _BOTTOM - 10, _TOP + 10)
        parts.append(_text(_LEFT - 6, at + 4, f"{y:.3f}", "end"))
    for point in points:
        x = place(point.x, low_x, high_x, _LEFT + 15, _RIGHT - 15)
        y = place(point.y, low_y, high_y, _BOTTOM - 10, _TOP + 10)
        colour = _COLOURS.get(point.state, "#e53935")
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} '
        f'{_HEIGHT}" font-family="sans-serif" font-size="12">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">'
        f"{html.escape(text)}</text>"
    )
