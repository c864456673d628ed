"""Explanations on the page, and formatting of values."""

from __future__ import annotations

import re
import urllib.parse

from biaffine_tf.evaluation.breakdown import Panel
from biaffine_tf.evaluation.taxonomy import ErrorClass

# Control characters except tab and line feed, characters that change the
# writing direction, and lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)

ERROR_EXPLANATIONS = {
    ErrorClass.WRONG_LABEL: "the range is right, the label is not",
    ErrorClass.TOO_LONG: "the prediction contains the gold entity",
    ErrorClass.TOO_SHORT: "the prediction is inside the gold entity",
    ErrorClass.SHIFTED: "prediction and gold entity overlap without nesting",
    ErrorClass.SPLIT: "one gold entity, predicted in several parts",
    ErrorClass.MERGED: "several gold entities, predicted as one",
    ErrorClass.SPURIOUS: "a prediction without a gold entity",
    ErrorClass.MISSED: "a gold entity without a prediction",
    ErrorClass.CROSSING: "the prediction crosses a nested gold entity",
}

PANEL_EXPLANATIONS = {
    Panel.BOUNDARIES: "Right start and end, whatever the label",
    Panel.WIDTH: "Characters of the entity",
    Panel.PARTS: "Flat entities, and nested ones",
    Panel.DEPTH: "Position of nested entities",
    Panel.MENTION: "Whether the training data has the string",
    Panel.ENTITIES: "Whether gold has an entity in the sentence",
    Panel.LENGTH: "Characters of the sentence",
}


def format_query(values: dict[str, str]) -> str:
    """Formats the values of filters as a URL query.

    Args:
        values: Values by the names of filters.
    """
    return urllib.parse.urlencode(values, errors="replace")


def visible(text: str) -> str:
    """Replaces control characters of a text by U+FFFD.

    Args:
        text: Any text; the result has the same length.
    """
    return _HIDDEN.sub("\ufffd", text)
