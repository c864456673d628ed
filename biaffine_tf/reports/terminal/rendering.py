"""Renders a sentence as rich text, with entities as coloured chips."""

from __future__ import annotations

import dataclasses
import enum
import unicodedata
from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text

from biaffine_tf.reports.terminal.palette import Palette
from biaffine_tf.spans import Sentence

# Legible on black and on white.
WRONG_STYLE = Style(color="#e5484d", bold=True)
MISSED_STYLE = Style(color="#d08000", bold=True)
_WRONG_ON_FILL = Style(color="#a80018", bold=True)
_MISSED_ON_FILL = Style(color="#7a4100", bold=True)
_MISSED_TEXT = Style(underline=True)

# Characters that reorder their neighbours on the screen.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
                       "\u2066\u2067\u2068\u2069")  # fmt: skip
_SUBSCRIPT_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Verdict(enum.StrEnum):
    """Correctness of a predicted or gold span; the value marks its label."""

    PLAIN = ""
    WRONG = "✗"
    MISSED = "○"


Tag = tuple[str, Verdict]  # label and its correctness


@dataclasses.dataclass(frozen=True)
class _Chip:
    """Labels of a range of characters."""

    start: int
    end: int
    tags: tuple[Tag, ...]
    number: str  # distinguishes crossing chips; empty for others

    @property
    def is_missed(self) -> bool:
        return all(verdict is Verdict.MISSED for _, verdict in self.tags)

    @property
    def label(self) -> str:
        """Label that determines the colour: predicted before missed."""
        return min(self.tags, key=lambda tag: tag[1] is Verdict.MISSED)[0]


def render(
    sentence: Sentence,
    *,
    gold: Sentence | None = None,
    palette: Palette | None = None,
) -> Text:
    """Marks the entities of a sentence: `[清华大学|organization]`.

    Nested entities are nested chips. The brackets of crossing entities have
    numbers: `[₁甲[₂乙|₁x]丙|₂y]`. The text is shown as it is, brackets
    included; only control characters, which would move the cursor or change the
    writing direction, are shown as symbols.

    Args:
        sentence: The sentence with predicted (or gold) spans.
        gold: The same text with gold spans: marks wrong entities
            `[北京|✗person]`, missed ones `[北京|○place]`, and a wrong label
            `[北京|✗person ○place]`.
        palette: Colours; by default those of the sentence's labels.

    Returns:
        Text for `rich.console.Console.print`; its `plain` reads the same
        without colours.
    """
    tags = _verdicts(sentence, gold)
    palette = palette or Palette(label for _, _, (label, _) in tags)
    chips = _chips(tags)
    result, open_chips, position = Text(), list[_Chip](), 0
    for boundary in sorted({p for c in chips for p in (c.start, c.end)}):
        part = visible(sentence.text[position:boundary])
        result.append(part, _text_style(open_chips, palette))
        for chip in [c for c in reversed(open_chips) if c.end == boundary]:
            _close(result, chip, palette)
            open_chips.remove(chip)
        for chip in (c for c in chips if c.start == boundary):
            result.append(f"[{chip.number}", _tag_style(chip, palette))
            open_chips.append(chip)
        position = boundary
    return result.append(visible(sentence.text[position:]))


def visible(text: str) -> str:
    """Replaces control characters; the length stays the same."""
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # the picture of the control: ␉ ␊ ␛
    if code == 0x7F:
        return "␡"
    # Other controls, lone surrogates, line and paragraph separators.
    hidden = unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
    return "�" if hidden or character in _DIRECTION else character


def _verdicts(
    sentence: Sentence, gold: Sentence | None
) -> list[tuple[int, int, Tag]]:
    """Returns every distinct span of both sides with its verdict."""
    predicted = dict.fromkeys(s.key for s in sentence.spans or ())
    if gold is None:
        return [(s, e, (label, Verdict.PLAIN)) for s, e, label in predicted]
    expected = dict.fromkeys(s.key for s in gold.spans or ())
    tags = []
    for key in predicted | expected:
        verdict = Verdict.PLAIN
        if key not in expected:
            verdict = Verdict.WRONG
        elif key not in predicted:
            verdict = Verdict.MISSED
        tags.append((key[0], key[1], (key[2], verdict)))
    return tags


def _chips(tags: Iterable[tuple[int, int, Tag]]) -> list[_Chip]:
    """Makes a chip per range, outer ones first."""
    by_range: dict[tuple[int, int], list[Tag]] = {}
    for start, end, tag in tags:
        by_range.setdefault((start, end), []).append(tag)
    ranges = sorted(by_range, key=lambda r: (r[0], -r[1]))
    crossing = _crossing(ranges)
    return [
        _Chip(
            *range_,
            tags=tuple(by_range[range_]),
            number=_number(crossing, range_),
        )
        for range_ in ranges
    ]


def _crossing(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [
        a
        for a in ranges
        if any(
            a[0] < b[0] < a[1] < b[1] or b[0] < a[0] < b[1] < a[1]
            for b in ranges
        )
    ]


def _number(crossing: list[tuple[int, int]], range_: tuple[int, int]) -> str:
    if range_ not in crossing:
        return ""
    return str(crossing.index(range_) + 1).translate(_SUBSCRIPT_DIGITS)


def _close(result: Text, chip: _Chip, palette: Palette) -> None:
    style = _tag_style(chip, palette)
    marks = {
        Verdict.PLAIN: style,
        Verdict.WRONG: style + _WRONG_ON_FILL,
        Verdict.MISSED: style if chip.is_missed else style + _MISSED_ON_FILL,
    }
    result.append(f"|{chip.number}", style)
    for index, (label, verdict) in enumerate(chip.tags):
        result.append(" " if index else "", style)
        result.append(f"{verdict}{visible(label)}", marks[verdict])
    result.append("]", style)


def _text_style(open_chips: Sequence[_Chip], palette: Palette) -> Style:
    if not open_chips:
        return Style.null()
    innermost = open_chips[-1]
    if innermost.is_missed:
        return _MISSED_TEXT
    return palette.text(innermost.label)


def _tag_style(chip: _Chip, palette: Palette) -> Style:
    return MISSED_STYLE if chip.is_missed else palette.tag(chip.label)
