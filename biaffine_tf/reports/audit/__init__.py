"""Finds inconsistencies in labelled data (no TensorFlow).

With out-of-fold predictions, also where a model confidently disagrees.

    python -m biaffine_tf.evaluation.audit FILE... [--predictions=FILE]

Example:
    >>> findings = audit(formats.read("train.json"))
    >>> for conflict in findings.label_conflicts[:10]:
    ...     print(conflict.text, conflict.labels, conflict.places[0])
"""

from __future__ import annotations

from collections.abc import Iterable

from biaffine_tf.evaluation.matching import match
from biaffine_tf.evaluation.metrics import require_spans
from biaffine_tf.reports.audit.disagreements import disagreements
from biaffine_tf.reports.audit.edges import (
    bracket_variants,
    edge_variants,
)
from biaffine_tf.reports.audit.mentions import collect, label_conflicts
from biaffine_tf.reports.audit.occurrences import compare_occurrences
from biaffine_tf.reports.audit.report import (
    Audit,
    BoundaryVariant,
    BracketVariant,
    Disagreement,
    EdgeVariant,
    Finding,
    LabelConflict,
    Place,
    Unlabelled,
)
from biaffine_tf.spans import Sentence

__all__ = [
    "Audit",
    "BoundaryVariant",
    "BracketVariant",
    "Disagreement",
    "EdgeVariant",
    "Finding",
    "LabelConflict",
    "Place",
    "Unlabelled",
    "audit",
]


def audit(
    sentences: Iterable[Sentence],
    predictions: Iterable[Sentence] | None = None,
) -> Audit:
    """Finds inconsistencies in labelled data.

    Args:
        sentences: Labelled sentences; all are kept in memory.
        predictions: The same sentences with scored predictions of models that
            were not trained on them (out of fold).

    Returns:
        The findings.

    Raises:
        DataError: If a sentence is unlabelled, or predictions do not belong
            to the sentences or have no scores.
    """
    sentences = list(sentences)
    for sentence in sentences:
        require_spans(sentence, "gold")
    mentions = collect(sentences)
    unlabelled, boundaries = compare_occurrences(sentences, mentions)
    confident = {}
    if predictions is not None:
        confident = disagreements(match(sentences, predictions))._asdict()
    return Audit(
        sentences=len(sentences),
        spans=sum(map(len, mentions.values())),
        label_conflicts=label_conflicts(mentions),
        unlabelled=unlabelled,
        boundaries=boundaries,
        edges=edge_variants(sentences),
        brackets=bracket_variants(sentences),
        **confident,
    )
