"""Plots: bars for rates, lines for growth."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Draw = Callable[[pathlib.Path], None]


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

    def draw(path: pathlib.Path) -> None:
        figure, axes = _figure(len(panels))
        for axis, (heading, values) in zip(axes, panels.items(), strict=True):
            drawn = axis.barh(list(values), list(values.values()))
            axis.bar_label(drawn, fmt=_three_digits, padding=2)
            axis.invert_yaxis()
            axis.margins(x=0.2)
            axis.set(title=heading, xlabel=unit)
        _save(figure, path, title)

    return draw


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

    def draw(path: pathlib.Path) -> None:
        figure, axes = _figure(len(panels))
        for axis, (heading, curves) in zip(axes, panels.items(), strict=True):
            for name, points in curves.items():
                x, y = zip(*points, strict=True)
                axis.plot(x, y, marker="o", label=name)
            axis.set(xscale=scale, yscale=scale)
            axis.set(title=heading, xlabel=labels[0], ylabel=labels[1])
            axis.grid(visible=True, alpha=0.3)
            axis.legend()
        _save(figure, path, title)

    return draw


def _three_digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):,g}"


def _figure(panels: int) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, panels, figsize=(6 * panels, 4), squeeze=False, layout="constrained"
    )
    return figure, axes[0]


def _save(figure: Any, path: pathlib.Path, title: str) -> None:
    from matplotlib import pyplot

    figure.suptitle(title)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
