"""A page of nothing but charts, and the charts that compare distributions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from biaffine_tf.files import atomic_write
from biaffine_tf.reports.html import charts
from biaffine_tf.reports.html.charts import Axis, Chart, Point, Series, Tick
from biaffine_tf.reports.html.writing import environment, policy, static

_BINS = 30
# Values above this quantile of all are in the last bin: a few outliers would
# squeeze all others into the first.
_LAST = 0.995
_LEFT = 104  # of the plot area, beside names
_MAX_NAME = 14  # characters
_MAX_ROWS = 16
_STYLES = ("page.css", "charts.css")


class Figures(NamedTuple):
    """Content of a page of charts.

    Attributes:
        title: Title.
        facts: Numbers in its head, by name.
        charts: The charts.
    """

    title: str
    facts: Mapping[str, int]
    charts: tuple[Chart, ...]


class Geometry(NamedTuple):
    """Size and plot area of a chart, for the templates."""

    WIDTH: int = charts.WIDTH
    HEIGHT: int = charts.HEIGHT
    LEFT: int = charts.LEFT
    RIGHT: int = charts.RIGHT
    TOP: int = charts.TOP
    BOTTOM: int = charts.BOTTOM


def distribution_chart(
    title: str, unit: str, samples: Mapping[str, np.ndarray]
) -> Chart:
    """Draws histograms of samples over each other, as shares of each.

    Args:
        title: Title of the chart.
        unit: Name of the horizontal axis.
        samples: Values by name, at least 0; the first one gives the range.
    """
    first = next(iter(samples.values()))
    highest = float(np.quantile(first, _LAST)) if len(first) else 1.0
    steps = charts.round_steps(0.0, highest or 1.0)
    edges = np.linspace(0.0, steps[-1], _BINS + 1)
    if first.dtype.kind == "i":  # as many whole numbers in each bin
        width = -(-int(steps[-1]) // _BINS) or 1
        edges = np.arange(0.0, steps[-1] + width, width)
    shares = {
        name: np.histogram(np.minimum(values, edges[-1]), edges)[0]
        / max(len(values), 1)
        for name, values in samples.items()
    }
    x = _axis(unit, [*steps[:-1], float(edges[-1])], charts.LEFT, charts.RIGHT)
    top = max(float(one.max()) for one in shares.values())
    y = _percent_axis("share", top, charts.BOTTOM, charts.TOP)
    series = tuple(
        Series(name, style, _steps(x, y, edges, values))
        for style, (name, values) in enumerate(shares.items())
    )
    medians = ", ".join(
        f"{np.median(values):.3g} {name}"
        for name, values in samples.items()
        if len(values)
    )
    description = f"Median: {medians}."
    if any(len(one) and one.max() > edges[-1] for one in samples.values()):
        description += " Higher values are in the last bin."
    return Chart(title, description, x, y, series)


def share_chart(
    title: str, unit: str, counts: Mapping[str, Mapping[str, int]]
) -> Chart:
    """Draws a row of points for each name, the share of each sample.

    Args:
        title: Title of the chart.
        unit: Name of the horizontal axis.
        counts: Counts by name, by sample; the first one gives the order.
    """
    every = [name for name, _ in _by_count(next(iter(counts.values())))]
    names = every[:_MAX_ROWS]
    shares = {
        sample: {k: v / max(sum(own.values()), 1) for k, v in own.items()}
        for sample, own in counts.items()
    }
    top = max(max(own.values(), default=0) for own in shares.values())
    x = _percent_axis(unit, top, _LEFT, charts.RIGHT)
    height = charts.BOTTOM - charts.TOP
    places = {
        name: round(charts.TOP + height * (row + 0.5) / len(names), 1)
        for row, name in enumerate(names)
    }
    y = Axis(
        "",
        tuple(Tick(places[name], _short(name)) for name in names),
        lambda value: value,
    )
    series = tuple(
        Series(
            sample,
            style,
            "",
            tuple(
                Point(
                    x.scale(own.get(name, 0.0)),
                    places[name],
                    4.0,
                    f"{name}, {sample}: {counts[sample].get(name, 0):,}, "
                    f"{100 * own.get(name, 0.0):.1f} %",
                )
                for name in names
            ),
        )
        for style, (sample, own) in enumerate(shares.items())
    )
    totals = ", ".join(
        f"{sum(own.values()):,} {sample}" for sample, own in counts.items()
    )
    rest = len(every) - len(names)
    more = f" {rest:,} rarer names are not shown." if rest else ""
    return Chart(title, f"{totals}.{more}", x, y, series)


def write_figures(path: str | os.PathLike[str], figures: Figures) -> None:
    """Writes a self-contained HTML file of charts, atomically.

    Args:
        path: File to write.
        figures: Content.
    """
    import markupsafe

    style = static(_STYLES)
    page = (
        environment()
        .get_template("figures.html.jinja")
        .render(
            figures=figures,
            plain=Geometry(),
            with_names=Geometry(LEFT=_LEFT),
            style=markupsafe.Markup(style),
            policy=policy(style),
        )
    )
    with atomic_write(path) as file:
        file.write(page)


def _axis(name: str, steps: list[float], first: float, last: float) -> Axis:
    scale = charts.linear(steps[0], steps[-1], first, last)
    return Axis(name, tuple(Tick(scale(s), f"{s:.3g}") for s in steps), scale)


def _percent_axis(name: str, top: float, first: float, last: float) -> Axis:
    steps = charts.round_steps(0.0, 100 * top or 1.0)
    axis = _axis(f"{name}, %", steps, first, last)
    return axis._replace(scale=lambda value: axis.scale(100 * value))


def _steps(x: Axis, y: Axis, edges: np.ndarray, shares: np.ndarray) -> str:
    """Makes the SVG path of a histogram's outline."""
    path = f"M{x.scale(float(edges[0])):g} {y.scale(0.0):g}"
    for right, share in zip(edges[1:], shares, strict=True):
        path += f"V{y.scale(float(share)):g}H{x.scale(float(right)):g}"
    return path + f"V{y.scale(0.0):g}"


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
