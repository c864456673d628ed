"""Renders the content of a report and writes the file."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

from biaffine_tf.evaluation.breakdown import Panel
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.files import atomic_write
from biaffine_tf.reports.html import charts, sentences
from biaffine_tf.reports.html.content import Content, Shown, gather
from biaffine_tf.reports.html.words import (
    ERROR_EXPLANATIONS,
    PANEL_EXPLANATIONS,
    format_query,
    visible,
)
from biaffine_tf.reports.run_facts import format_value

if TYPE_CHECKING:
    import jinja2

_STYLES = (
    "page.css",
    "cards.css",
    "tables.css",
    "matrix.css",
    "charts.css",
    "brackets.css",
    "sentences.css",
)
# In order of dependency; together they are one module.
_SCRIPTS = ("measure.js", "brackets.js", "filters.js", "cards.js", "browser.js")


def write_report(
    path: str | os.PathLike[str],
    pairs: Iterable[Pair],
    *,
    title: str,
    **shown: Unpack[Shown],
) -> None:
    """Writes a report as a self-contained HTML file.

    Args:
        path: Path of the file, written atomically.
        pairs: Gold and predicted form of each sentence, as returned by `match`.
            Calibration and thresholds are shown if all predicted spans have
            scores.
        title: Title of the page.
        **shown: Optional content; see `content.Shown`.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            the two systems differ in gold.
    """
    content = gather(pairs, title=title, **shown)
    with atomic_write(path) as file:
        file.write(render(content))


def render(content: Content) -> str:
    """Renders the page.

    Args:
        content: Content of the page.

    Returns:
        HTML. Its content security policy permits only its own style and script,
        so that even unescaped markup would be inert.
    """
    # Slow to import.
    import markupsafe

    from biaffine_tf.reports.table import EXPLANATIONS, PANEL_TITLES

    style, script = static(_STYLES), static(_SCRIPTS)
    names = "AB" if len(content.systems) > 1 else [""]
    quality = {
        name: system.score_quality
        for name, system in zip(names, content.systems, strict=True)
    }
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            content=content,
            systems=content.systems,
            comparison=content.comparison,
            Panel=Panel,
            score_explanations=EXPLANATIONS,
            explanations=ERROR_EXPLANATIONS,
            panel_titles=PANEL_TITLES,
            panel_explanations=PANEL_EXPLANATIONS,
            numbers={label: i for i, label in enumerate(content.labels)},
            geometry=charts,
            reliability=charts.reliability_chart(
                {
                    name: one.reliability if one else None
                    for name, one in quality.items()
                }
            )
            if any(quality.values())
            else None,
            calibration=charts.reliability_chart(
                content.calibration, "All candidates"
            )
            if content.calibration
            else None,
            thresholds=[
                charts.threshold_chart(name, one.curve)
                for name, one in quality.items()
                if one
            ],
            learning=charts.learning_charts(content.history),
            style=markupsafe.Markup(style),
            script=markupsafe.Markup(script),
            data=markupsafe.Markup(sentences.to_json(content)),
            policy=policy(style, script),
        )
    )


def environment() -> jinja2.Environment:
    """Makes the environment of the templates."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=True,
        finalize=lambda value: (
            visible(value) if type(value) is str else value
        ),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["setting"] = format_value
    made.filters["query"] = format_query
    return made


def policy(style: str, script: str | None = None) -> str:
    """Makes the content security policy of a page.

    Args:
        style: The page's only style.
        script: Its only script; None if it has none.
    """
    parts = ["default-src 'none'", f"style-src {_source(style)}"]
    if script is not None:
        parts.append(f"script-src {_source(script)}")
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def static(names: Iterable[str]) -> str:
    """Returns the joined content of files of the folder static."""
    folder = importlib.resources.files(__package__) / "static"
    return "\n".join((folder / n).read_text(encoding="utf-8") for n in names)


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
