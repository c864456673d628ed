"""From what is to be shown to the file."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from biaffine_tf.calibration.scaling import Reliability
from biaffine_tf.evaluation.breakdown import Panel
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.files import atomic_write
from biaffine_tf.reports.html import charts, plot, sentences
from biaffine_tf.reports.html.content import Content, gather
from biaffine_tf.reports.html.words import (
    ERROR_EXPLANATIONS,
    PANEL_EXPLANATIONS,
    format_query,
    format_setting,
    visible,
)
from biaffine_tf.spans import Sentence

_STYLES = (
    "page.css",
    "cards.css",
    "tables.css",
    "matrix.css",
    "charts.css",
    "brackets.css",
    "sentences.css",
)
# In the order in which they need one another; together they are one module.
_SCRIPTS = ("measure.js", "brackets.js", "filters.js", "cards.js", "browser.js")


def write_report(
    path: str | os.PathLike[str],
    pairs: Iterable[Pair],
    *,
    title: str,
    training: Iterable[Sentence] | None = None,
    history: Sequence[dict[str, Any]] | None = None,
    calibration: Mapping[str, Reliability] | None = None,
    other: Iterable[Pair] | None = None,
    names: tuple[str, str] = ("A", "B"),
    settings: dict[str, Any] | None = None,
    test: Mapping[str, Any] | None = None,
) -> None:
    """Writes a report as one HTML file that needs nothing else.

    Args:
        path: The file; an old one is replaced only by a complete one.
        pairs: Gold and predicted form of each sentence, as `match` gives
            them. Calibration and thresholds are shown if all predicted spans
            have scores.
        title: Title of the page.
        training: Labelled sentences that the system was trained on: adds what
            is seen and unseen, and strings that training labels otherwise.
        history: "epochs" of a run's history.json: adds learning curves.
        calibration: How far the scores of all candidates can be believed, by
            a name, such as before and after calibration: adds a chart.
        other: The same gold with predictions of a second system, to be
            compared with the first.
        names: Of the two systems; with one system neither is shown.
        settings: Whatever of the run is to be recorded on the page.
        test: Scores on other data, with intervals, as `scores.json` holds
            them: adds a table.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            the two systems differ in gold.
    """
    content = gather(
        pairs,
        title=title,
        training=training,
        history=history,
        calibration=calibration,
        other=other,
        names=names,
        settings=settings,
        test=test,
    )
    with atomic_write(path) as file:
        file.write(render(content))


def render(content: Content) -> str:
    """The page.

    Args:
        content: What it shows.

    Returns:
        HTML. Its content security policy lets in nothing but its own style
        and script, so that even markup that slipped through would be inert.
    """
    # They take longer to load than everything else here.
    import jinja2
    import markupsafe

    from biaffine_tf.reports.table import EXPLANATIONS, PANEL_TITLES

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        finalize=lambda value: (
            visible(value) if type(value) is str else value
        ),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["setting"] = format_setting
    environment.filters["query"] = format_query
    style, script = _static(_STYLES), _static(_SCRIPTS)
    names = "AB" if len(content.systems) > 1 else [""]
    trust = {
        name: system.trust
        for name, system in zip(names, content.systems, strict=True)
    }
    return environment.get_template("page.html.jinja").render(
        content=content,
        systems=content.systems,
        comparison=content.comparison,
        Panel=Panel,
        score_explanations=EXPLANATIONS,
        explanations=ERROR_EXPLANATIONS,
        panel_titles=PANEL_TITLES,
        panel_explanations=PANEL_EXPLANATIONS,
        numbers={label: i for i, label in enumerate(content.labels)},
        geometry=plot,
        reliability=charts.reliability_chart(
            {
                name: one.reliability if one else None
                for name, one in trust.items()
            }
        )
        if any(trust.values())
        else None,
        calibration=charts.calibration_chart(content.calibration)
        if content.calibration
        else None,
        thresholds=[
            charts.threshold_chart(name, one.curve)
            for name, one in trust.items()
            if one
        ],
        learning=charts.learning_charts(content.history),
        style=markupsafe.Markup(style),
        script=markupsafe.Markup(script),
        data=markupsafe.Markup(sentences.to_json(content)),
        policy="; ".join(
            (
                "default-src 'none'",
                f"style-src {_source(style)}",
                f"script-src {_source(script)}",
                "base-uri 'none'",
                "form-action 'none'",
            )
        ),
    )


def _static(names: Iterable[str]) -> str:
    folder = importlib.resources.files(__package__) / "static"
    return "\n".join((folder / n).read_text(encoding="utf-8") for n in names)


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
