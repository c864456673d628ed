"""Tag schemes: IOB1, BIO (IOB2), IOE1, IOE2, BIOES, BMES, BILOU.

One lenient state machine decodes all of them, as conlleval does: a tag that
cannot follow the previous one starts a new span, and that is reported. The
schemes can share it because no letter has several meanings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from biaffine_tf.errors import ConfigError
from biaffine_tf.formats.options import TagScheme

OUTSIDE = "O"
# Every letter as its role in BIOES.
_ROLES = {
    "B": "B",
    "I": "I",
    "M": "I",
    "E": "E",
    "L": "E",
    "S": "S",
    "U": "S",
}
_LETTERS = {
    TagScheme.IOB1: "BI",
    TagScheme.BIO: "BI",
    TagScheme.IOE1: "IE",
    TagScheme.IOE2: "IE",
    TagScheme.BIOES: "BIES",
    TagScheme.BMES: "BMES",
    TagScheme.BILOU: "BILU",
}
_WITH_ENDS = (
    TagScheme.IOE2,
    TagScheme.BIOES,
    TagScheme.BMES,
    TagScheme.BILOU,
)
_WITHOUT_BEGINNINGS = (TagScheme.IOB1, TagScheme.IOE1, TagScheme.IOE2)
_TAG = re.compile(r"([BIESMLU])-(.*\S.*)")
_LIKE_A_TAG = re.compile(r"O|[A-Z][-_:].+|.+[-_:][BIESMLU]")

ORPHAN = "tag inside a span that was not begun: it begins one"
OTHER_LABEL = "tag inside a span of another label: it begins a span"
NOT_ENDED = "span without its end tag: it ends before the next tag"


class WordSpan(NamedTuple):
    """A labelled half-open range of words."""

    start: int
    end: int
    label: str


class TagError(ValueError):
    """A tag that is not in the scheme; the caller adds file and line.

    Attributes:
        index: Index of the tag.
    """

    def __init__(self, index: int, tag: str, scheme: TagScheme) -> None:
        self.index = index
        letters = _LETTERS.get(scheme)
        if letters is None:
            accepted = (
                "O or PREFIX-label in one of the schemes "
                "iob1, bio, ioe1, ioe2, bioes, bmes, bilou"
            )
        else:
            prefixes = ", ".join(f"{letter}-label" for letter in letters)
            accepted = f"O, {prefixes} (scheme {scheme})"
        super().__init__(f"the tag {tag!r} is none of {accepted}")


def looks_like_tag(text: str) -> bool:
    """Returns whether a text may be a tag, perhaps of an unknown scheme.

    Broader than `decode`, so that "B_city" gives an error about tags instead of
    being read as plain text.
    """
    return _LIKE_A_TAG.fullmatch(text) is not None


def guess_scheme(tags: Iterable[str]) -> TagScheme:
    """Guesses the scheme of a sample of tags.

    IOB1 and BIO use the same letters; in IOB1 most spans start with I-. So do
    IOE1 and IOE2; in IOE1 most spans end with I-.

    Args:
        tags: Tags of consecutive words, with "O" between sentences.

    Returns:
        The scheme; BIO by default.
    """
    letters = set()
    begun = ended = orphans = unended = 0
    previous, previous_label = OUTSIDE, ""
    for tag in [*tags, OUTSIDE]:
        letter, dash, label = tag.partition("-")
        if dash:
            letters.add(letter)
            begun += letter == "B"
            ended += letter == "E"
            orphans += letter == "I" and previous_label != label
        unended += previous == "I" and previous_label != label
        previous, previous_label = letter, label
    if letters & {"L", "U"}:
        return TagScheme.BILOU
    if "M" in letters:
        return TagScheme.BMES
    if "E" in letters and not letters & {"B", "S"}:
        return TagScheme.IOE1 if unended > ended else TagScheme.IOE2
    if letters & {"E", "S"}:
        return TagScheme.BIOES
    return TagScheme.IOB1 if orphans > begun else TagScheme.BIO


def decode(
    tags: Sequence[str],
    scheme: TagScheme = TagScheme.AUTO,
    report: Callable[[str, int], None] | None = None,
    guessed: TagScheme = TagScheme.BIO,
) -> list[WordSpan]:
    """Decodes tags to spans.

    Args:
        tags: One tag per word.
        scheme: Scheme whose prefixes are accepted; `AUTO` accepts all.
        report: Called with the kind of a problem and the index of its tag.
        guessed: Scheme that decides what is a problem, for `AUTO`.

    Returns:
        Spans from left to right; they never overlap.

    Raises:
        TagError: If a tag is neither O nor an accepted prefix and a label.
    """
    machine = _Machine(
        guessed if scheme is TagScheme.AUTO else scheme,
        report or (lambda kind, index: None),
    )
    for index, tag in enumerate(tags):
        role, label = split_tag(tag, scheme, index)
        if role == OUTSIDE:
            machine.close(index)
        else:
            machine.step(index, role, label)
    machine.close(len(tags))
    return machine.spans


def split_tag(tag: str, scheme: TagScheme, index: int) -> tuple[str, str]:
    """Splits a tag into its role in BIOES, or "O", and its label.

    Args:
        tag: The tag.
        scheme: Scheme whose prefixes are accepted; `AUTO` accepts all.
        index: Index of the tag, for the error.

    Raises:
        TagError: If it is neither O nor an accepted prefix and a label.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    match = _TAG.fullmatch(tag)
    if match is None or match[1] not in _LETTERS.get(scheme, _ROLES):
        raise TagError(index, tag, scheme)
    return _ROLES[match[1]], match[2]


def encode(
    spans: Iterable[WordSpan], length: int, scheme: TagScheme = TagScheme.BIO
) -> list[str]:
    """Encodes spans as tags; the inverse of `decode`.

    Args:
        spans: Spans that do not overlap.
        length: Number of words.
        scheme: BIO or BIOES.

    Returns:
        One tag per word.

    Raises:
        ConfigError: If the scheme is not BIO or BIOES.
    """
    if scheme not in (TagScheme.BIO, TagScheme.BIOES):
        raise ConfigError(
            f"tags cannot be written in the scheme {scheme}",
            remedy="choose one of bio, bioes",
        )
    tags = [OUTSIDE] * length
    for start, end, label in spans:
        if any(tag != OUTSIDE for tag in tags[start:end]):
            raise ValueError(f"[{start}, {end}) overlaps another span")
        tags[start:end] = [f"I-{label}"] * (end - start)
        tags[start] = f"B-{label}"
        if scheme is TagScheme.BIOES:
            tags[end - 1] = f"{'E' if end - start > 1 else 'S'}-{label}"
    return tags


class _Machine:
    """State of decoding: the open span and the finished ones."""

    def __init__(
        self, scheme: TagScheme, report: Callable[[str, int], None]
    ) -> None:
        self.spans: list[WordSpan] = []
        self._report = report
        self._inside_begins = scheme in _WITHOUT_BEGINNINGS
        self._needs_end = scheme in _WITH_ENDS
        self._start: int | None = None
        self._label = ""

    def step(self, index: int, role: str, label: str) -> None:
        """Processes a tag other than O."""
        begins = role in "BS"
        if not begins and (self._start is None or self._label != label):
            begins = True
            if not self._inside_begins:
                orphan = self._start is None
                self._report(ORPHAN if orphan else OTHER_LABEL, index)
        if begins:
            self.close(index)
            self._start, self._label = index, label
        if role in "ES":
            self._finish(index + 1)

    def close(self, index: int) -> None:
        """Ends the open span, if any, before a word."""
        if self._start is None:
            return
        if self._needs_end:
            self._report(NOT_ENDED, index - 1)
        self._finish(index)

    def _finish(self, end: int) -> None:
        assert self._start is not None
        self.spans.append(WordSpan(self._start, end, self._label))
        self._start = None
