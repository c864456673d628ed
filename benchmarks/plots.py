"""Plots: bars for rates, lines for growth."""

from __future__ import annotations

import functools
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Draw = Callable[[pathlib.Path], None]

_COLUMNS = 4


def bars(
    panels: Mapping[str, Mapping[str, float]], *, unit: str, title: str
) -> Draw:
    """A panel of horizontal bars for each group.

    Args:
        panels: Value of each bar, by its name, by the panel's title.
        unit: What the values are.
        title: Of the whole plot.

    Returns:
        A function that draws it into a file.
    """

    def draw(axis: Any, values: Mapping[str, float]) -> None:
        drawn = axis.barh(list(values), list(values.values()))
        axis.bar_label(drawn, fmt=_three_digits, padding=2)
        axis.invert_yaxis()
        axis.margins(x=0.2)
        axis.set(xlabel=unit)

    return functools.partial(_draw, panels, draw, title)


def lines(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    *,
    labels: tuple[str, str],
    title: str,
    scale: str = "log",
) -> Draw:
    """A panel of lines for each group.

    Args:
        panels: Points of each line, by its name, by the panel's title.
        labels: Of the axes.
        title: Of the whole plot.
        scale: Of both axes, as matplotlib calls it.

    Returns:
        A function that draws it into a file.
    """

    def draw(
        axis: Any, curves: Mapping[str, Sequence[tuple[float, float]]]
    ) -> None:
        for name, points in curves.items():
            x, y = zip(*points, strict=True)
            axis.plot(x, y, marker="o", label=name)
        axis.set(xscale=scale, yscale=scale)
        axis.set(xlabel=labels[0], ylabel=labels[1])
        axis.grid(visible=True, alpha=0.3)
        axis.legend()

    return functools.partial(_draw, panels, draw, title)


def _three_digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):,g}"


def _draw(
    panels: Mapping[str, Any],
    draw: Callable[[Any, Any], None],
    title: str,
    path: pathlib.Path,
) -> None:
    """Draws panels into a file, at most `_COLUMNS` side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(len(panels), _COLUMNS)
    rows = math.ceil(len(panels) / columns)
    figure, axes = pyplot.subplots(
        rows,
        columns,
        figsize=(6 * columns, 4 * rows),
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for axis, (heading, content) in zip(
        axes.flat, panels.items(), strict=False
    ):
        draw(axis, content)
        axis.set(title=heading)
    figure.suptitle(title)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
