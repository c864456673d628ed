"""Everything that a report shows, computed before anything is drawn."""

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
class Trust:
    """What the scores of a system's entities are worth.

    Attributes:
        reliability: Whether they come true.
        curve: What thresholds on them would do.
    """

    reliability: Reliability
    curve: ThresholdCurve


@dataclasses.dataclass(frozen=True, slots=True)
class System:
    """One system's predictions.

    Attributes:
        name: What the page calls it.
        pairs: Gold and predicted form of each sentence.
        findings: Scores, intervals, parts of the data.
        errors: Of each sentence.
        matrix: Labels of equal ranges, counted.
        label_pairs: Labels taken for others.
        trust: None if not every entity has a score.
        trust_note: Why there is none; empty if no entity has a score.
    """

    name: str
    pairs: Sequence[Pair]
    findings: Findings
    errors: list[list[Error]]
    matrix: ConfusionMatrix
    label_pairs: list[LabelPair]
    trust: Trust | None
    trust_note: str

    @property
    def scores(self) -> Scores:
        """The scores."""
        return self.findings.scores[0]

    @property
    def error_counts(self) -> dict[ErrorClass, int]:
        """How many errors every class has, in the order of the classes."""
        counts = collections.Counter(e.kind for es in self.errors for e in es)
        return {kind: counts[kind] for kind in ErrorClass}


@dataclasses.dataclass(frozen=True, slots=True)
class Content:
    """What a page shows.

    Attributes:
        title: Its title.
        systems: One or two.
        comparison: Of the two.
        labels: All labels, in alphabetical order.
        buckets: Of every panel, the buckets that any of the systems has.
        overfitted: Of each system, strings that training labels otherwise;
            None without training data.
        history: Entries of the run's epochs; empty if there are none.
        settings: Whatever is to be recorded of the run.
        language: Of the settings.
        calibration: How far scores of all candidates can be believed, by a
            name; empty if that is not known.
        test: Scores on test data, with intervals; empty if there are none.
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
    """What a page says of the run.

    Attributes:
        settings: Names and values.
        language: Language that they are in, such as "en".
    """

    settings: Mapping[str, Any]
    language: str


class Shown(About, total=False):
    """What a page shows besides one system's predictions.

    Attributes:
        training: Labelled sentences that the system was trained on: adds what
            is seen and unseen, and strings that training labels otherwise.
        history: "epochs" of a run's history.json: adds learning curves.
        calibration: How far the scores of all candidates can be believed, by
            a name, such as before and after calibration: adds a chart.
        other: The same gold with predictions of a second system, to be
            compared with the first.
        names: Of the two systems; with one system neither is shown.
        test: Scores on other data, with intervals, as `scores.json` holds
            them: adds a table.
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
    """Computes what a page shows; the arguments are those of `write_report`.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            the two systems differ in gold.
    """
    training, other = shown.get("training"), shown.get("other")
    known = None if training is None else list(training)
    seen = None if known is None else mentions(known)
    all_pairs = [list(pairs)] + ([] if other is None else [list(other)])
    names = shown.get("names", ("A", "B"))
    # The first is compared with the others, if there are any.
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
    if other is not None:  # the order of buckets that only one of them has
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
        # Of a model that holds nothing for possible there is nothing to show.
        calibration={
            name: found
            for name, found in (shown.get("calibration") or {}).items()
            if found.bins
        },
        settings=shown.get("settings", {}),
        language=shown.get("language", "en"),
        test=shown.get("test") or {},
    )


def _system(name: str, pairs: Sequence[Pair], findings: Findings) -> System:
    errors = [classify(*pair) for pair in pairs]
    trust, note = _trust(pairs, findings.scores[0])
    return System(
        name=name,
        pairs=pairs,
        findings=findings,
        errors=errors,
        matrix=confusion_matrix(pairs),
        label_pairs=label_pairs(e for one in errors for e in one),
        trust=trust,
        trust_note=note,
    )


def _trust(pairs: Sequence[Pair], scores: Scores) -> tuple[Trust | None, str]:
    spans = [span for _, found in pairs for span in found.spans or ()]
    if all(span.score is None for span in spans):
        return None, ""
    try:
        found = find_outcomes(pairs)
    except DataError as error:  # a report of the rest is better than none
        return None, str(error)
    gold = sum(label.gold for label in scores.labels.values())
    return Trust(
        reliability=measure_reliability(found.scores, found.right),
        curve=threshold_curve(found, gold),
    ), ""
