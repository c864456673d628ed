"""The charts of a report: reliability, thresholds, learning."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from biaffine_tf.calibration.scaling import Reliability
from biaffine_tf.reports.html.curves import ThresholdCurve
from biaffine_tf.reports.html.plot import (
    BOTTOM,
    LEFT,
    MOST_TICKS,
    RIGHT,
    TOP,
    Chart,
    Point,
    Scale,
    Series,
    Tick,
    line,
    linear,
    round_steps,
    unit_scales,
    unit_ticks,
)

_MOST_POINTS = 150
# From here on the first epochs would leave the others on the bottom line.
_LOGARITHMIC = 20
_LEAST_RADIUS, _MOST_RADIUS = 2.5, 7.0
# Charts of scores: what is on the vertical axis, and keys of history's entries.
_LEARNING = {
    "F1": {"micro": "micro_f1", "macro": "macro_f1", "cluener": "cluener_f1"},
    "micro scores": {
        "precision": "micro_precision",
        "recall": "micro_recall",
        "F1": "micro_f1",
    },
}


def reliability_chart(systems: dict[str, Reliability | None]) -> Chart:
    """Accuracy over score, a line per system.

    Args:
        systems: Of each by its name; None for one whose scores are missing, not
            for all. A single one may be named "".

    Returns:
        The chart; the area of a point is the share of entities it is of.
    """
    x, y = unit_scales()
    series = []
    for style, (name, reliability) in enumerate(systems.items()):
        if reliability is None:
            continue
        most = max(one.count for one in reliability.bins)
        points = tuple(
            Point(
                x(one.confidence),
                y(one.accuracy),
                max(_LEAST_RADIUS, _MOST_RADIUS * math.sqrt(one.count / most)),
                f"{one.count} entities score {one.lower:.2f} to "
                f"{one.upper:.2f}, {one.confidence:.3f} on average; "
                f"{one.accuracy:.3f} of them are right",
            )
            for one in reliability.bins
        )
        series.append(Series(name, style, line(p[:2] for p in points), points))
    errors = ", ".join(
        f"{name} {found.error:.4f}".strip()
        for name, found in systems.items()
        if found is not None
    )
    return Chart(
        title="Reliability",
        description=f"Expected calibration error: {errors}.",
        x_name="score",
        y_name="share that is right",
        x_ticks=unit_ticks(x),
        y_ticks=unit_ticks(y),
        series=tuple(series),
        has_diagonal=True,
    )


def calibration_chart(states: dict[str, Reliability]) -> Chart:
    """Reliability of all candidates in several states, a line per state."""
    return dataclasses.replace(
        reliability_chart(dict(states)), title="All candidates"
    )


def threshold_chart(name: str, curve: ThresholdCurve) -> Chart:
    """Precision, recall and F1 over the threshold on scores.

    Args:
        name: Of the system.
        curve: Its curve.

    Returns:
        The chart, with the best F1 marked.
    """
    x, y = unit_scales()
    best = curve.best
    shown = np.linspace(0, len(curve.f1) - 1, _MOST_POINTS).round().astype(int)
    shown = np.unique(np.append(shown, best))
    sides = {
        "precision": curve.precision,
        "recall": curve.recall,
        "F1": curve.f1,
    }
    threshold, f1 = float(curve.thresholds[best]), float(curve.f1[best])
    text = f"best F1 {f1:.4f} at {threshold:.3f}"
    return Chart(
        title=f"Threshold: {name}" if name else "Threshold",
        description=f"Of all thresholds, {text}; without one {curve.f1[0]:.4f}",
        x_name="least score",
        y_name="micro scores",
        x_ticks=unit_ticks(x),
        y_ticks=unit_ticks(y),
        series=tuple(
            Series(
                side,
                style,
                line(
                    (x(float(curve.thresholds[i])), y(float(values[i])))
                    for i in shown.tolist()
                ),
            )
            for style, (side, values) in enumerate(sides.items())
        ),
        mark=Point(x(threshold), y(f1), 4.0, text),
    )


def learning_charts(history: Sequence[dict[str, Any]]) -> list[Chart]:
    """Loss and scores of the epochs of a run.

    Args:
        history: Entries of the epochs.

    Returns:
        Two charts of scores and one of the loss, as far as they are there.
    """
    charts = []
    for y_name, keys in _LEARNING.items():
        curves = {name: _finite(history, key) for name, key in keys.items()}
        curves = {name: points for name, points in curves.items() if points}
        if curves:
            charts.append(_score_chart(y_name, curves))
    losses = _finite(history, "loss")
    if losses:
        charts.append(_loss_chart(losses))
    return charts


def _score_chart(
    y_name: str, curves: dict[str, list[tuple[float, float]]]
) -> Chart:
    x, x_ticks = _epochs([p for points in curves.values() for p in points])
    _, y = unit_scales()
    bests = {
        name: max(points, key=lambda point: (point[1], -point[0]))
        for name, points in curves.items()
    }
    return Chart(
        title=f"{y_name[0].upper()}{y_name[1:]} after each epoch",
        description="Best: "
        + ", ".join(
            f"{name} {value:.4f} (epoch {epoch:g})" if value else f"{name} 0"
            for name, (epoch, value) in bests.items()
        ),
        x_name="epoch",
        y_name=y_name,
        x_ticks=x_ticks,
        y_ticks=unit_ticks(y),
        series=_series(curves, x, y),
    )


def _loss_chart(losses: list[tuple[float, float]]) -> Chart:
    x, x_ticks = _epochs(losses)
    values = [loss for _, loss in losses]
    low, high = min(values), max(values)
    if low > 0 and high / low > _LOGARITHMIC:
        ends = math.floor(math.log10(low)), math.ceil(math.log10(high))
        powers_of_ten = linear(*ends, BOTTOM, TOP)
        powers = range(ends[0], ends[1] + 1)
        ticks = tuple(Tick(powers_of_ten(p), f"{10.0**p:g}") for p in powers)
        name, y = "loss (logarithmic)", _of_logarithm(powers_of_ten)
    else:
        steps = round_steps(min(low, 0.0), max(high, 0.0))
        y = linear(steps[0], steps[-1], BOTTOM, TOP)
        ticks = tuple(Tick(y(step), f"{step:g}") for step in steps)
        name = "loss"
    return Chart(
        title="Training loss",
        description=f"From {values[0]:.4g} to {values[-1]:.4g}.",
        x_name="epoch",
        y_name=name,
        x_ticks=x_ticks,
        y_ticks=ticks,
        series=_series({"loss": losses}, x, y),
    )


def _series(
    curves: dict[str, list[tuple[float, float]]], x: Scale, y: Scale
) -> tuple[Series, ...]:
    series = []
    for style, (name, values) in enumerate(curves.items()):
        points = tuple(
            Point(x(e), y(v), 2.5, f"{name}, epoch {e:g}: {v:.4f}")
            for e, v in values
        )
        series.append(Series(name, style, line(p[:2] for p in points), points))
    return tuple(series)


def _finite(
    history: Sequence[dict[str, Any]], name: str
) -> list[tuple[float, float]]:
    """(epoch, value) of the entries that have the value."""
    return [
        (_number(entry.get("epoch"), number), entry[name])
        for number, entry in enumerate(history, start=1)
        if _is_number(entry.get(name))
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _number(value: Any, otherwise: float) -> float:
    return value if _is_number(value) else otherwise


def _epochs(
    points: Sequence[tuple[float, float]],
) -> tuple[Scale, tuple[Tick, ...]]:
    first, last = (f(epoch for epoch, _ in points) for f in (min, max))
    if first == last:
        scale = linear(first - 1, last + 1, LEFT, RIGHT)
    else:
        scale = linear(first, last, LEFT + 6, RIGHT - 6)
    every = max(1, math.ceil((last - first + 1) / MOST_TICKS))
    shown = range(int(first), int(last) + 1, every)
    return scale, tuple(Tick(scale(epoch), str(epoch)) for epoch in shown)


def _of_logarithm(scale: Scale) -> Scale:
    return lambda value: scale(math.log10(value))
