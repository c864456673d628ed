"""Checks of data before training (no TensorFlow).

Example:
    >>> from biaffine_tf import formats
    >>> from biaffine_tf.corpora import checks
    >>> examination = checks.examine(formats.read("train.json"))
    >>> examination.show()
    >>> examination.refuse_errors()
"""

from __future__ import annotations

from biaffine_tf.corpora.checks.check import Check, Row, Side
from biaffine_tf.corpora.checks.examination import (
    Examination,
    Settings,
    examine,
)
from biaffine_tf.corpora.checks.sizes import unlabelled_error

__all__ = [
    "Check",
    "Examination",
    "Row",
    "Settings",
    "Side",
    "examine",
    "unlabelled_error",
]
