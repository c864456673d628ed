"""Renders `card.md.jinja` with the values of a model directory."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

from biaffine_tf.calibration.fitting import FittedConfidence
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.evaluation import PRF
from biaffine_tf.files import atomic_write
from biaffine_tf.model_directory.card_marking import mark, may_replace
from biaffine_tf.model_directory.confidence import read_fit
from biaffine_tf.model_directory.description import read_description
from biaffine_tf.model_directory.names import CARD, SCORES
from biaffine_tf.model_directory.scores import read_scores
from biaffine_tf.reports.html.words import visible
from biaffine_tf.reports.run_facts import count, format_value, settings_rows
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Windowing

# Characters that would be markup, including the separator of table cells.
# Underscores inside words are not.
_MARKUP = re.compile(r"[\\`*\[\]<>|~&$#]|(?<![^\W_])_|_(?![^\W_])")


class Markdown(str):
    """String that is already Markdown."""

    __slots__ = ()


def write_card(directory: str) -> None:
    """Writes the card, unless it is up to date or was edited.

    Args:
        directory: Model directory after training.

    Raises:
        ConfigError: If the directory is damaged.
    """
    scores = read_scores(directory)
    if scores is None:  # no epoch has ended yet
        return
    config, labels, _ = read_description(directory)
    title = os.path.basename(os.path.realpath(directory))
    text = mark(render(title, config, labels, scores, read_fit(directory)))
    path = os.path.join(directory, CARD)
    if not may_replace(path):
        print(
            f"{path}: not ours, or edited since, and left as it is; rename it "
            "to get a model card"
        )
    elif not _holds(path, text):
        with atomic_write(path) as file:
            file.write(text)


def render(
    title: str,
    config: ExperimentConfig,
    labels: LabelMap,
    scores: Mapping[str, Any],
    fit: FittedConfidence | None,
) -> str:
    """Renders the card.

    Args:
        title: Name of the directory.
        config: Settings of the experiment.
        labels: Labels of the model.
        scores: Content of `scores.json`; older runs recorded less.
        fit: Calibration and thresholds; None if nothing was fitted.

    Returns:
        Markdown, with the user's strings escaped.

    Raises:
        ConfigError: If the scores lack a metric.
    """
    # Slow to import.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        count=count,
        estimates=_estimates,
        rounded=lambda value: float(f"{value:.4g}"),
        setting=format_value,
    )
    model = config.model
    scored = scores.get("labels", {})
    values = dict(
        title=title,
        labels=labels,
        scores=scores,
        has_dev="micro" in scores,
        unscored=[
            name
            for name in labels
            if name not in scored or not scored[name]["gold"]
        ],
        average=scores.get("average"),
        intervals=scores.get("intervals"),
        test=scores.get("test"),
        training_counts=scores.get("training_counts", {}),
        eval_counts=scores.get("eval_counts", {}),
        fit=fit,
        thresholds=thresholds(fit) if fit and fit.objective else [],
        model=model,
        overlap=Windowing.of(model).overlap,
        encoder=model.encoder,
        decoding=config.decoding,
        settings=[
            row
            for section in (model, model.head, config.decoding, config.training)
            for row in settings_rows(section)
        ],
        data=config.data,
    )
    try:
        return environment.get_template("card.md.jinja").render(values)
    except jinja2.UndefinedError as error:
        raise ConfigError(
            f"{SCORES} of {title}: not the scores of a run that has "
            f"ended ({error})",
            remedy="delete it and start the command again",
        ) from error


def escape(value: object) -> object:
    """Escapes a string for a line or a table cell.

    Args:
        value: Anything; only strings that are not `Markdown` are changed.
            White space becomes single spaces, control characters U+FFFD.
    """
    if not isinstance(value, str) or isinstance(value, Markdown):
        return value
    shown = visible(re.sub(r"\s", " ", value))
    return Markdown(_MARKUP.sub(r"\\\g<0>", shown))


def thresholds(fit: FittedConfidence) -> list[tuple[str, float, str]]:
    """Returns labels with their thresholds and remarks."""
    confidence = fit.confidence
    cuts = {**(confidence.thresholds or {}), "": confidence.default_threshold}
    rows = []
    for label, cut in cuts.items():
        remarks = {
            "shared by rare labels": label in fit.sharing,
            "the metric is out of reach": label in fit.unmet,
            "lets none through": cut == 1,
        }
        remark = ", ".join(text for text, holds in remarks.items() if holds)
        rows.append((label or "any other", cut, remark))
    return rows


def _estimates(
    score: PRF | Mapping[str, float],
    intervals: Mapping[str, Mapping[str, float]] | None,
) -> Markdown:
    """Formats cells of precision, recall and F1, with intervals if known."""
    values = dataclasses.asdict(score) if isinstance(score, PRF) else score
    cells = []
    for name in ("precision", "recall", "f1"):
        cell = f"{values[name]:.4f}"
        if intervals is not None:
            interval = intervals[name]
            cell += f" ({interval['low']:.4f} to {interval['high']:.4f})"
        cells.append(cell)
    return Markdown(" | ".join(cells))


def _holds(path: str, text: str) -> bool:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read() == text
    except FileNotFoundError:
        return False
