"""Computes the content of a report."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from biaffine_tf.calibration.scaling import (
    Reliability,
    find_outcomes,
    measure_reliability,
)
from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.breakdown import Panel, breakdowns, mentions
from biaffine_tf.evaluation.confusion import (
    ConfusionMatrix,
    LabelPair,
    OverfittedString,
    confusion_matrix,
    label_pairs,
    overfitted_strings,
)
from biaffine_tf.evaluation.estimates import Comparison
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.metrics import Scores
from biaffine_tf.evaluation.taxonomy import Error, ErrorClass, classify
from biaffine_tf.reports.findings import Findings, evaluate
from biaffine_tf.reports.html.curves import (
    ThresholdCurve,
    threshold_curve,
)
from biaffine_tf.spans import Sentence


@dataclasses.dataclass(frozen=True, slots=True)
class ScoreQuality:
    """Calibration and threshold curve of the scores of a system's entities.

    Attributes:
        reliability: Calibration metrics.
        curve: Metrics by threshold.
    """

    reliability: Reliability
    curve: ThresholdCurve


@dataclasses.dataclass(frozen=True, slots=True)
class System:
    """Predictions of a system, and their evaluation.

    Attributes:
        name: Name on the page.
        pairs: Gold and predicted form of each sentence.
        findings: Scores, intervals, breakdowns.
        errors: Errors of each sentence.
        matrix: Confusion matrix of labels.
        label_pairs: Confused labels.
        score_quality: None if not every entity has a score.
        score_note: Reason for that; empty if no entity has a score.
    """

    name: str
    pairs: Sequence[Pair]
    findings: Findings
    errors: list[list[Error]]
    matrix: ConfusionMatrix
    label_pairs: list[LabelPair]
    score_quality: ScoreQuality | None
    score_note: str

    @property
    def scores(self) -> Scores:
        """Scores of the system."""
        return self.findings.scores[0]

    @property
    def error_counts(self) -> dict[ErrorClass, int]:
        """Number of errors by class, in the order of the classes."""
        counts = collections.Counter(e.kind for es in self.errors for e in es)
        return {kind: counts[kind] for kind in ErrorClass}


@dataclasses.dataclass(frozen=True, slots=True)
class Content:
    """Content of a page.

    Attributes:
        title: Title.
        systems: One or two systems.
        comparison: Comparison of the two.
        labels: All labels, in alphabetical order.
        buckets: Buckets of any system, by panel.
        overfitted: Over-fitted strings of each system; None without training
            data.
        history: Entries of the run's epochs; may be empty.
        settings: Facts of the run, by name.
        language: Language of the facts.
        calibration: Reliability of the scores of all candidates, by name; may
            be empty.
        test: Scores on test data, with intervals; may be empty.
    """

    title: str
    systems: tuple[System, ...]
    comparison: Comparison | None
    labels: tuple[str, ...]
    buckets: dict[Panel, list[str]]
    overfitted: tuple[list[OverfittedString], ...] | None
    history: Sequence[dict[str, Any]]
    settings: Mapping[str, Any]
    calibration: dict[str, Reliability] = dataclasses.field(
        default_factory=dict
    )
    test: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    language: str = "en"


class About(TypedDict, total=False):
    """Facts of the run on the page.

    Attributes:
        settings: Values by name.
        language: Language of both, such as "en".
    """

    settings: Mapping[str, Any]
    language: str


class Shown(About, total=False):
    """Optional content of a page.

    Attributes:
        training: Labelled training sentences: adds scores of seen and unseen
            mentions, and over-fitted strings.
        history: "epochs" of history.json: adds learning curves.
        calibration: Reliability of the scores of all candidates by name, such
            as "before" and "after" calibration: adds a chart.
        other: The same gold with predictions of a second system: adds a
            comparison.
        names: Names of the two systems; not shown for a single one.
        test: Scores on other data, with intervals, as in `scores.json`: adds a
            table.
    """

    training: Iterable[Sentence] | None
    history: Sequence[dict[str, Any]] | None
    calibration: Mapping[str, Reliability] | None
    other: Iterable[Pair] | None
    names: tuple[str, str]
    test: Mapping[str, Any] | None


def gather(
    pairs: Iterable[Pair], *, title: str, **shown: Unpack[Shown]
) -> Content:
    """Computes the content of a page; takes the arguments of `write_report`.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            the two systems differ in gold.
    """
    training, other = shown.get("training"), shown.get("other")
    known = None if training is None else list(training)
    seen = None if known is None else mentions(known)
    all_pairs = [list(pairs)] + ([] if other is None else [list(other)])
    names = shown.get("names", ("A", "B"))
    # The first system is compared with the other, if there is one.
    findings = [
        evaluate(
            [each],
            intervals=True,
            parts=True,
            seen=seen,
            others=[] if index else all_pairs[1:],
        )
        for index, each in enumerate(all_pairs)
    ]
    systems = tuple(
        _system(*each) for each in zip(names, all_pairs, findings, strict=False)
    )
    labels = {label for one in systems for label in one.scores.labels}
    parts = findings[0].breakdowns or {}
    if other is not None:  # in order, with buckets that only one of them has
        parts = breakdowns(itertools.chain.from_iterable(all_pairs), seen=seen)
    return Content(
        title=title,
        systems=systems,
        comparison=findings[0].comparison,
        labels=tuple(sorted(labels)),
        buckets={panel: list(scores) for panel, scores in parts.items()},
        overfitted=None
        if known is None
        else tuple(overfitted_strings(each, known) for each in all_pairs),
        history=list(shown.get("history") or ()),
        # A model without candidates has nothing to show.
        calibration={
            name: reliability
            for name, reliability in (shown.get("calibration") or {}).items()
            if reliability.bins
        },
        settings=shown.get("settings", {}),
        language=shown.get("language", "en"),
        test=shown.get("test") or {},
    )


def _system(name: str, pairs: Sequence[Pair], findings: Findings) -> System:
    errors = [classify(*pair) for pair in pairs]
    quality, note = _score_quality(pairs, findings.scores[0])
    return System(
        name=name,
        pairs=pairs,
        findings=findings,
        errors=errors,
        matrix=confusion_matrix(pairs),
        label_pairs=label_pairs(e for one in errors for e in one),
        score_quality=quality,
        score_note=note,
    )


def _score_quality(
    pairs: Sequence[Pair], scores: Scores
) -> tuple[ScoreQuality | None, str]:
    spans = [span for _, predicted in pairs for span in predicted.spans or ()]
    if all(span.score is None for span in spans):
        return None, ""
    try:
        outcomes = find_outcomes(pairs)
    except DataError as error:  # the rest of the report is still useful
        return None, str(error)
    gold = sum(label.gold for label in scores.labels.values())
    return ScoreQuality(
        reliability=measure_reliability(outcomes.scores, outcomes.right),
        curve=threshold_curve(outcomes, gold),
    ), ""
