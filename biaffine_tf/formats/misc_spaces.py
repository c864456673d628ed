r"""White space between words, in the column MISC of CoNLL-U.

`SpaceAfter=No` says that none follows. White space other than one space is in
UDPipe's keys SpacesBefore, SpacesAfter and SpacesInToken, with the escapes \s,
\t, \r, \n, \p (|) and \\. `SpacesAtEnd`, of this project, ends a text:
SpacesAfter of a last word lies between sentences.

References: https://universaldependencies.org/format.html and
https://ufal.mff.cuni.cz/udpipe/1/users-manual
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

NONE = "_"
NO_SPACE = "SpaceAfter=No"
_BEFORE, _AFTER = "SpacesBefore", "SpacesAfter"
_WITHIN, _AT_END = "SpacesInToken", "SpacesAtEnd"
_MARKS = (NO_SPACE, *(f"{one}=" for one in (_BEFORE, _AFTER, _WITHIN, _AT_END)))
_ESCAPES = {"s": " ", "t": "\t", "r": "\r", "n": "\n", "p": "|", "\\": "\\"}
_ESCAPED = {value: f"\\{key}" for key, value in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\([strnp\\])")
_WHITE = str.maketrans("\t\r\n", "   ")

Ranges = tuple[tuple[int, int], ...]


def marks_spaces(misc: str) -> bool:
    """Returns whether a value of MISC says anything about white space."""
    return any(mark in misc for mark in _MARKS)


def join_by_misc(
    tokens: Sequence[str], misc: Sequence[str]
) -> tuple[str, Ranges]:
    """Joins words to a text as MISC says; a space follows where it is silent.

    Args:
        tokens: The words.
        misc: MISC of each.

    Returns:
        The text, and the half-open character range of each word.
    """
    parts: list[str] = []
    ranges, position, after = [], 0, ""
    for token, value in zip(tokens, misc, strict=True):
        before, following, at_end = "", " ", ""
        if value not in ("", NONE):
            keys = dict(one.partition("=")[::2] for one in value.split("|"))
            if keys.get("SpaceAfter") == "No":
                following = ""
            before = _unescape(keys.get(_BEFORE, ""))
            following = _unescape(keys.get(_AFTER, following))
            token = _unescape(keys.get(_WITHIN, token))
            at_end = _unescape(keys.get(_AT_END, ""))
        position += len(after) + len(before)
        ranges.append((position, position + len(token)))
        position += len(token)
        parts += (after, before, token)
        after = following
    return "".join((*parts, at_end)), tuple(ranges)


def divide_by_misc(
    text: str, words: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, str]]:
    """Yields word and MISC of each word, from which the text is joined again.

    Args:
        text: The text.
        words: Half-open character ranges from left to right, at least one;
            only white space is between them.
    """
    for index, (start, end) in enumerate(words):
        is_last = index + 1 == len(words)
        keys = []
        if index == 0 and start:
            keys.append(f"{_BEFORE}={_escape(text[:start])}")
        after = text[end : len(text) if is_last else words[index + 1][0]]
        if is_last:
            keys += [f"{_AT_END}={_escape(after)}"] if after else []
        elif not after:
            keys.append(NO_SPACE)
        elif after != " ":
            keys.append(f"{_AFTER}={_escape(after)}")
        token = text[start:end].translate(_WHITE)
        if token != text[start:end]:
            keys.append(f"{_WITHIN}={_escape(text[start:end])}")
        yield token, "|".join(keys) or NONE


def _escape(text: str) -> str:
    return "".join(_ESCAPED.get(one, one) for one in text)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPES[match[1]], text)
