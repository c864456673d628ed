"""Alias of `biaffine_tf.reports.audit`."""

from __future__ import annotations

from biaffine_tf.reports.audit import (
    Audit,
    BoundaryVariant,
    BracketVariant,
    Disagreement,
    EdgeVariant,
    Finding,
    LabelConflict,
    Place,
    Unlabelled,
    audit,
)

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
