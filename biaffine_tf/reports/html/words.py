"""What the page says of things, and how it writes values."""

from __future__ import annotations

import re
import urllib.parse

from biaffine_tf.evaluation.breakdown import Panel
from biaffine_tf.evaluation.taxonomy import ErrorClass

# Control characters but tab and line feed, what turns the direction of writing,
# and what UTF-8 does not have.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)

ERROR_EXPLANATIONS = {
    ErrorClass.WRONG_LABEL: "the range is right, the label is not",
    ErrorClass.TOO_LONG: "the prediction holds the gold entity",
    ErrorClass.TOO_SHORT: "the prediction lies within the gold entity",
    ErrorClass.SHIFTED: "both share characters and have some of their own",
    ErrorClass.SPLIT: "one gold entity, predicted in several pieces",
    ErrorClass.MERGED: "several gold entities, predicted as one",
    ErrorClass.SPURIOUS: "predicted where gold has nothing to go with it",
    ErrorClass.MISSED: "nothing predicted that would go with it",
    ErrorClass.CROSSING: "the prediction crosses a nested gold entity",
}

PANEL_EXPLANATIONS = {
    Panel.BOUNDARIES: "Right start and end, whatever the label",
    Panel.WIDTH: "Characters of the entity",
    Panel.PARTS: "Whether an entity holds another or lies in one",
    Panel.DEPTH: "Of the nested ones, how they lie",
    Panel.MENTION: "What the training data has of the very string",
    Panel.ENTITIES: "Whether gold has an entity in the sentence",
    Panel.LENGTH: "Characters of the sentence",
}


def format_query(values: dict[str, str]) -> str:
    """Values of filters as part of an address.

    Args:
        values: By the filters' names.
    """
    return urllib.parse.urlencode(values, errors="replace")


def visible(text: str) -> str:
    """A text of equal length without characters that act on the page.

    Args:
        text: Any; U+FFFD stands for those characters.
    """
    return _HIDDEN.sub("\ufffd", text)
