"""Charts of a report, drawn as SVG by templates/macros.html.jinja.

Not made by a library: so text uses the page's font, colours follow its light or
dark style, the security policy needs no exception for styles, and a chart takes
a kilobyte or two. Positions are in a view box of `WIDTH` by `HEIGHT`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from biaffine_tf.calibration.scaling import Reliability
from biaffine_tf.reports.html.curves import ThresholdCurve

WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 350, 12, 206  # of the plot area
_MAX_TICKS = 7
_MAX_POINTS = 150
# Ratio of losses above which their axis is logarithmic.
_LOGARITHMIC = 20
_MIN_RADIUS, _MAX_RADIUS = 2.5, 7.0
# Charts of scores: keys of history's entries by series, by vertical axis.
_LEARNING = {
    "F1": {"micro": "micro_f1", "macro": "macro_f1", "cluener": "cluener_f1"},
    "micro scores": {
        "precision": "micro_precision",
        "recall": "micro_recall",
        "F1": "micro_f1",
    },
}

Scale = Callable[[float], float]


class Tick(NamedTuple):
    """A tick on an axis with its text."""

    at: float
    text: str


class Axis(NamedTuple):
    """An axis: name, ticks, and function from values to positions."""

    name: str
    ticks: tuple[Tick, ...]
    scale: Scale


class Point(NamedTuple):
    """A point of a series with its tooltip."""

    x: float
    y: float
    radius: float
    text: str


class Series(NamedTuple):
    """A line in one of three styles.

    Attributes:
        name: Name in the legend.
        style: Index of the line style.
        path: SVG path; empty if only points are drawn.
        points: Marked points.
    """

    name: str
    style: int
    path: str
    points: tuple[Point, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        title: Title.
        description: Text alternative.
        x: Horizontal axis.
        y: Vertical axis.
        series: Lines.
        has_diagonal: Whether to draw the diagonal as ideal.
        mark: Highlighted point.
    """

    title: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    has_diagonal: bool = False
    mark: Point | None = None


def reliability_chart(
    systems: Mapping[str, Reliability | None], title: str = "Reliability"
) -> Chart:
    """Draws the reliability diagram of one or more systems.

    Args:
        systems: Reliability by name, which may be "" for a single one; None
            (not for all) if scores are missing.
        title: Title of the chart.

    Returns:
        The chart; the area of a point is proportional to its entities.
    """
    x = _unit_axis("score", LEFT, RIGHT)
    y = _unit_axis("share that is right", BOTTOM, TOP)
    series = []
    errors = []
    for style, (name, reliability) in enumerate(systems.items()):
        if reliability is None:
            continue
        largest = max(one.count for one in reliability.bins)
        points = tuple(
            Point(
                x.scale(one.confidence),
                y.scale(one.accuracy),
                max(_MIN_RADIUS, _MAX_RADIUS * math.sqrt(one.count / largest)),
                f"{one.count} entities score {one.lower:.2f} to "
                f"{one.upper:.2f}, {one.confidence:.3f} on average; "
                f"{one.accuracy:.3f} of them are right",
            )
            for one in reliability.bins
        )
        series.append(Series(name, style, _line(points), points))
        errors.append(f"{name} {reliability.error:.4f}".strip())
    return Chart(
        title=title,
        description=f"Expected calibration error: {', '.join(errors)}.",
        x=x,
        y=y,
        series=tuple(series),
        has_diagonal=True,
    )


def threshold_chart(name: str, curve: ThresholdCurve) -> Chart:
    """Draws precision, recall and F1 by threshold.

    Args:
        name: Name of the system.
        curve: Its curve.

    Returns:
        The chart, with the best F1 marked.
    """
    x = _unit_axis("minimum score", LEFT, RIGHT)
    y = _unit_axis("micro scores", BOTTOM, TOP)
    best = curve.best
    shown = np.linspace(0, len(curve.f1) - 1, _MAX_POINTS).round().astype(int)
    shown = np.unique(np.append(shown, best))
    sides = {
        "precision": curve.precision,
        "recall": curve.recall,
        "F1": curve.f1,
    }
    threshold, f1 = float(curve.thresholds[best]), float(curve.f1[best])
    text = f"best F1 {f1:.4f} at {threshold:.3f}"
    places = [x.scale(float(at)) for at in curve.thresholds[shown]]
    return Chart(
        title=f"Threshold: {name}" if name else "Threshold",
        description=f"Of all thresholds, {text}; without one {curve.f1[0]:.4f}",
        x=x,
        y=y,
        series=tuple(
            Series(
                side,
                style,
                _line(zip(places, map(y.scale, values[shown]), strict=True)),
            )
            for style, (side, values) in enumerate(sides.items())
        ),
        mark=Point(x.scale(threshold), y.scale(f1), 4.0, text),
    )


def learning_charts(history: Sequence[dict[str, Any]]) -> list[Chart]:
    """Draws the learning curves of a run.

    Args:
        history: Entries of history.json, one per epoch.

    Returns:
        Two charts of scores and one of the loss, as far as available.
    """
    charts = []
    for y_name, keys in _LEARNING.items():
        curves = {name: _finite(history, key) for name, key in keys.items()}
        curves = {name: points for name, points in curves.items() if points}
        if not curves:
            continue
        bests = {
            name: max(points, key=lambda point: (point[1], -point[0]))
            for name, points in curves.items()
        }
        summary = ", ".join(
            f"{name} {value:.4f} (epoch {epoch:g})" if value else f"{name} 0"
            for name, (epoch, value) in bests.items()
        )
        charts.append(
            _learning_chart(
                f"{y_name[0].upper()}{y_name[1:]} after each epoch",
                f"Best: {summary}",
                _unit_axis(y_name, BOTTOM, TOP),
                curves,
            )
        )
    losses = _finite(history, "loss")
    if losses:
        values = [loss for _, loss in losses]
        charts.append(
            _learning_chart(
                "Training loss",
                f"From {values[0]:.4g} to {values[-1]:.4g}.",
                _loss_axis(min(values), max(values)),
                {"loss": losses},
            )
        )
    return charts


def round_steps(low: float, high: float) -> list[float]:
    """Chooses a few round numbers that cover a range."""
    span = high - low
    # Smaller spans than any value shown count as none.
    rough = (span if span > 1e-9 else 1.0) / (_MAX_TICKS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [n * step for n in range(first, max(last, first + 1) + 1)]


def _learning_chart(
    title: str,
    description: str,
    y: Axis,
    curves: dict[str, list[tuple[float, float]]],
) -> Chart:
    x = _epoch_axis([epoch for curve in curves.values() for epoch, _ in curve])
    series = []
    for style, (name, values) in enumerate(curves.items()):
        points = tuple(
            Point(x.scale(e), y.scale(v), 2.5, f"{name}, epoch {e:g}: {v:.4f}")
            for e, v in values
        )
        series.append(Series(name, style, _line(points), points))
    return Chart(title, description, x, y, tuple(series))


def _unit_axis(name: str, first: float, last: float) -> Axis:
    """Makes an axis from 0 to 1."""
    scale = linear(0, 1, first, last)
    ticks = tuple(Tick(scale(n / 5), f"{n / 5:g}") for n in range(6))
    return Axis(name, ticks, scale)


def _epoch_axis(epochs: Sequence[float]) -> Axis:
    first, last = min(epochs), max(epochs)
    if first == last:
        scale = linear(first - 1, last + 1, LEFT, RIGHT)
    else:
        scale = linear(first, last, LEFT + 6, RIGHT - 6)
    every = max(1, math.ceil((last - first + 1) / _MAX_TICKS))
    shown = range(int(first), int(last) + 1, every)
    ticks = tuple(Tick(scale(epoch), str(epoch)) for epoch in shown)
    return Axis("epoch", ticks, scale)


def _loss_axis(low: float, high: float) -> Axis:
    if low > 0 and high / low > _LOGARITHMIC:
        ends = math.floor(math.log10(low)), math.ceil(math.log10(high))
        decades = linear(*ends, BOTTOM, TOP)
        powers = range(ends[0], ends[1] + 1)
        ticks = tuple(Tick(decades(p), f"{10.0**p:g}") for p in powers)
        return Axis(
            "loss (logarithmic)",
            ticks,
            lambda value: decades(math.log10(value)),
        )
    steps = round_steps(min(low, 0.0), max(high, 0.0))
    scale = linear(steps[0], steps[-1], BOTTOM, TOP)
    return Axis("loss", tuple(Tick(scale(s), f"{s:g}") for s in steps), scale)


def linear(low: float, high: float, first: float, last: float) -> Scale:
    """Makes a linear scale from `low` at `first` to `high` at `last`."""
    factor = (last - first) / (high - low)
    return lambda value: round(first + (float(value) - low) * factor, 1)


def _line(points: Iterable[Sequence[Any]]) -> str:
    """Makes the SVG path of a line through points."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y, *_ in points)


def _finite(
    history: Sequence[dict[str, Any]], name: str
) -> list[tuple[float, float]]:
    """Returns (epoch, value) of the entries that have the value."""
    points: list[tuple[float, float]] = []
    for number, entry in enumerate(history, start=1):
        epoch, value = entry.get("epoch"), entry.get(name)
        if _is_number(value):
            points.append((epoch if _is_number(epoch) else number, value))
    return points


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
