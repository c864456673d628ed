"""Spellings of tags: `PER-B`, `B_PER`, `b-per`, bare labels, 0 or - for O.

A dialect maps tags to `PREFIX-label` and O, which `tags` decodes. One is chosen
only if all tags at the start of a file are spelt in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from biaffine_tf.formats.options import TagScheme
from biaffine_tf.formats.tags import OUTSIDE, looks_like_tag

_LETTERS = "BIESMLU"
_PLAIN = re.compile(rf"[{_LETTERS}]-.*\S.*")
_SEPARATORS = "-_:./|"  # the hyphen first, for the pattern
_ANY_DIALECT = re.compile(
    rf"(?i)[{_LETTERS}][{_SEPARATORS}].+|.+[{_SEPARATORS}][{_LETTERS}]"
)
_OUTSIDES = (OUTSIDE, "0", "-", "_")
_BARE = frozenset("BIESMLUObiesmluo")
# Limits for bare labels, so that prose in lines of equal length is none.
_MAX_BARE_LABELS = 60
_MIN_BARE_OUTSIDE = 0.1
_MIN_LIKELY = 0.8
# A line in three that ends in O is no prose.
_CERTAIN_OUTSIDE = 0.3
# Columns of tags have few different values, which bounds the search.
_FEW_VALUES, _MANY_VALUES = 12, 300
_LABEL = re.compile(r"[^\W\d_][\w./:-]*")

NO_LABELS = (
    "the tags have positions but no labels: write the label into each, such as "
    "B-PER and I-PER"
)
BARE_LABELS = (
    "if tags are bare labels, pass --tag_scheme=io (neighbours with one label "
    "are one span)"
)


class Dialect(NamedTuple):
    """Spelling of the tags of a column.

    Attributes:
        separator: Character between position and label.
        outside: Tag of words outside all spans, besides O.
        lower: Whether positions, and O, are in lower case.
        suffix: Whether the position is last.
        bare: Whether tags are labels without positions.
    """

    separator: str = "-"
    outside: str = OUTSIDE
    lower: bool = False
    suffix: bool = False
    bare: bool = False

    def normalise(self, tag: str) -> str:
        """Returns a tag as O or PREFIX-label, or something that is no tag."""
        if tag in (OUTSIDE, self.outside):
            return OUTSIDE
        if self.bare:
            return f"?{tag}" if _PLAIN.fullmatch(tag) else f"I-{tag}"
        if self.suffix:
            label, separator, letter = tag.rpartition(self.separator)
        else:
            letter, separator, label = tag.partition(self.separator)
        letters = _LETTERS.lower() if self.lower else _LETTERS
        if not separator or letter not in letters or len(letter) != 1:
            return f"?{tag}" if _PLAIN.fullmatch(tag) else tag
        return f"{letter.upper()}-{label}" if label.strip() else tag

    def fits(self, tag: str) -> bool:
        """Returns whether a tag is spelt in this dialect."""
        normal = self.normalise(tag)
        return normal == OUTSIDE or _PLAIN.fullmatch(normal) is not None

    def __str__(self) -> str:
        if self.bare:
            return f"LABEL, {self.outside}"
        tags = [
            (letter + self.separator + "LABEL")
            if not self.suffix
            else ("LABEL" + self.separator + letter)
            for letter in ("bi" if self.lower else "BI")
        ]
        return ", ".join([*tags, self.outside])


PLAIN = Dialect()
_OTHERS = [
    Dialect(separator, outside, lower, suffix)
    for suffix in (False, True)
    for lower in (False, True)
    for separator in _SEPARATORS
    for outside in (("o", *_OUTSIDES[1:]) if lower else _OUTSIDES)
]


def find_dialect(
    tags: Collection[str], scheme: TagScheme = TagScheme.AUTO
) -> Dialect | None:
    """Returns the dialect in which all tags are spelt.

    Args:
        tags: Different tags of a column.
        scheme: Scheme that the user named.

    Returns:
        The dialect, `PLAIN` if possible; None if no dialect is certain.
    """
    if scheme is TagScheme.IO:
        outsides = [one for one in _OUTSIDES if one in tags]
        return Dialect(outside=(outsides or [OUTSIDE])[0], bare=True)
    choices = [one for one in _OTHERS if one.suffix]
    if scheme is TagScheme.SUFFIX:
        fitting = [one for one in choices if _is_certain(one, tags)]
        return (fitting or [Dialect(suffix=True)])[0]
    if all(map(PLAIN.fits, tags)):
        return PLAIN
    return next((one for one in _OTHERS if _is_certain(one, tags)), None)


def is_tag_column(counts: Mapping[str, int], least: float) -> bool:
    """Returns whether the values of a column look like tags of any dialect.

    Args:
        counts: Number of rows by value.
        least: Minimum number of rows with a tag.
    """
    tagged = sum(n for value, n in counts.items() if looks_like_tag(value))
    if tagged >= least:
        return True
    # A column of tags has few distinct values.
    if len(counts) > max(_FEW_VALUES, min(least, _MANY_VALUES)):
        return False
    if not any(map(_ANY_DIALECT.fullmatch, counts)):
        return False
    for dialect in _OTHERS:
        fitting = {one: n for one, n in counts.items() if dialect.fits(one)}
        if sum(fitting.values()) >= least and _is_certain(dialect, fitting):
            return True
    return False


def strange_tags(counts: Mapping[str, int]) -> str:
    """Returns what to do if values look like tags that cannot be read.

    Args:
        counts: Number of rows by value of a column.

    Returns:
        A remedy for positions without labels, and labels without positions;
        "" if the values are no tags.
    """
    rows = sum(counts.values())
    known = [value for value in counts if value in _BARE]
    has_outside = any(value in counts for value in ("O", "o"))
    others = [value for value in counts if value not in ("O", "o")]
    if not has_outside or not others or rows < 4:
        return ""
    if len(known) == len(counts):
        return NO_LABELS
    outside = counts.get("O", 0) + counts.get("o", 0)
    if (
        outside < max(2, _MIN_BARE_OUTSIDE * rows)
        or len(others) > min(_MAX_BARE_LABELS, max(3, rows / 4))
        or not all(map(_LABEL.fullmatch, others))
    ):
        return ""
    likely = sum(counts[one] > 1 or one.isupper() for one in others)
    is_certain = counts.get("O", 0) >= max(3, _CERTAIN_OUTSIDE * rows)
    if is_certain or likely >= _MIN_LIKELY * len(others):
        return BARE_LABELS
    return ""


def _is_certain(dialect: Dialect, tags: Collection[str]) -> bool:
    """Returns whether all tags fit, some with a position and some without."""
    if dialect == PLAIN:
        return False
    if not all(map(dialect.fits, tags)):
        return False
    begun = any(dialect.normalise(tag)[0] in "BSU" for tag in tags)
    # Require the tag for O: otherwise "A-B" would pass for position and label.
    return begun and dialect.outside in tags
