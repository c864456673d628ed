"""Decodes well-formed tags only, as seqeval's strict mode does.

`tags.decode` repairs invalid sequences of tags, as conlleval does. Here they
mark nothing: a span counts only if its first tag may begin one, and the tag
after it may end it. The rules are those of `seqeval.scheme`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from biaffine_tf.formats.options import TagScheme
from biaffine_tf.formats.tags import OUTSIDE, WordSpan, split_tag


class _Tag(NamedTuple):
    """A tag as its role in BIOES and its label."""

    role: str
    label: str


class _Rules(NamedTuple):
    """Pairs of neighbouring tags that begin, continue and end a span.

    A rule has the roles of a tag and of the next one; "." is any role, "="
    requires equal labels, "!" different ones.
    """

    begin: frozenset[str]
    inside: frozenset[str]
    end: frozenset[str]


def _rules(begin: str, inside: str, end: str) -> _Rules:
    return _Rules(*(frozenset(text.split()) for text in (begin, inside, end)))


_WITH_SINGLES = _rules(".B .S", "BI= BE= II= IE=", "S. E.")
_RULES = {
    TagScheme.IOB1: _rules(
        "OI II! BI IB= BB=", "BI= II=", "II! IO IB BO BI! BB="
    ),
    TagScheme.BIO: _rules(".B", "BI= II=", "IO II! IB BO BI! BB"),
    TagScheme.IOE1: _rules("OI II! EI EE=", "II= IE=", "II! IO IE! EI= EE="),
    TagScheme.IOE2: _rules("OI OE EI EE II! IE!", "IE= II=", "E."),
    TagScheme.BIOES: _WITH_SINGLES,
    TagScheme.BMES: _WITH_SINGLES,
    TagScheme.BILOU: _WITH_SINGLES,
}


def decode_strict(tags: Sequence[str], scheme: TagScheme) -> list[WordSpan]:
    """Decodes the spans of well-formed tags.

    Args:
        tags: One tag per word.
        scheme: Tag scheme, not `AUTO`.

    Returns:
        Spans from left to right; they never overlap.

    Raises:
        TagError: If a tag is not of the scheme.
    """
    return list(_spans([*_parse(tags, scheme), _Tag(OUTSIDE, "")], scheme))


def _parse(tags: Sequence[str], scheme: TagScheme) -> Iterator[_Tag]:
    for index, tag in enumerate(tags):
        yield _Tag(*split_tag(tag, scheme, index))


def _spans(tags: Sequence[_Tag], scheme: TagScheme) -> Iterator[WordSpan]:
    rules = _RULES[scheme]
    previous, index = tags[-1], 0
    while index < len(tags):
        if not _match(rules.begin, previous, tags[index]):
            previous, index = tags[index], index + 1
            continue
        start, index = index, index + 1
        while _match(rules.inside, tags[index - 1], tags[index]):
            index += 1
        if _match(rules.end, tags[index - 1], tags[index]):
            yield WordSpan(start, index, tags[start].label)
        previous = tags[index - 1]


def _match(rules: frozenset[str], before: _Tag, tag: _Tag) -> bool:
    pairs = (
        before.role + tag.role,
        f".{tag.role}",
        f"{before.role}.",
    )
    same = "=" if before.label == tag.label else "!"
    return any(pair in rules or pair + same in rules for pair in pairs)
