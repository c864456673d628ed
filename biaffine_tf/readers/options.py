"""What can be chosen about reading: formats, tag schemes, bad data."""

from __future__ import annotations

import dataclasses
import enum
from typing import TypeVar

from biaffine_tf.errors import ConfigError


class Format(enum.StrEnum):
    """File formats; `span_jsonl` covers ours, CMeEE's and token lists."""

    CLUENER = "cluener"
    CONLL = "conll"
    SPAN_JSONL = "span_jsonl"
    TEXT = "text"


class OnBadData(enum.StrEnum):
    """What to do about a sentence that cannot be read."""

    ERROR = "error"
    SKIP = "skip"


class TagScheme(enum.StrEnum):
    """How tags mark spans; `auto` tells them apart by the tags themselves."""

    AUTO = "auto"
    IOB1 = "iob1"
    BIO = "bio"
    BIOES = "bioes"
    BMES = "bmes"
    BILOU = "bilou"


class Join(enum.StrEnum):
    """How tokens become a text: without spaces or with one between them."""

    AUTO = "auto"
    CHARS = "chars"
    WORDS = "words"


class SegmentationDigit(enum.StrEnum):
    """The digit behind each token of the Weibo corpus (科0 技1)."""

    AUTO = "auto"
    STRIP = "strip"
    KEEP = "keep"


Choice = TypeVar("Choice", bound=enum.StrEnum)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read a file. Enum fields also take their string values.

    Attributes:
        format: Format of the file; None recognises it from the content.
        on_bad_data: Stop at the first bad sentence, or skip and count it.
        token_column: Column of the tokens in a CoNLL file; from 0, negative
            ones count from the right.
        tag_columns: Columns of the tags; several hold nested layers.
        tag_scheme: Scheme of the tags.
        join: How the tokens of a CoNLL file become a text.
        segmentation_digit: Whether to strip a digit from each token.

    Raises:
        ConfigError: If a value is not one of its choices.
    """

    format: Format | None = None
    on_bad_data: OnBadData = OnBadData.ERROR
    token_column: int = 0
    tag_columns: tuple[int, ...] = (-1,)
    tag_scheme: TagScheme = TagScheme.AUTO
    join: Join = Join.AUTO
    segmentation_digit: SegmentationDigit = SegmentationDigit.AUTO

    def __post_init__(self) -> None:
        self._choose("on_bad_data", OnBadData)
        self._choose("tag_scheme", TagScheme)
        self._choose("join", Join)
        self._choose("segmentation_digit", SegmentationDigit)
        if self.format is not None:
            self._choose("format", Format)
        columns = tuple(self.tag_columns)
        object.__setattr__(self, "tag_columns", columns)
        if not columns or len(set(columns)) != len(columns):
            raise ConfigError(
                f"tag_columns must name different columns, got {columns}",
                remedy="give one or more column numbers, such as 1 or -1",
            )
        if self.token_column in columns:
            raise ConfigError(
                f"column {self.token_column} cannot be both the token column "
                "and a tag column",
                remedy="correct token_column or tag_columns",
            )

    def _choose(self, field: str, choices: type[enum.StrEnum]) -> None:
        value = parse_choice(choices, getattr(self, field), field)
        object.__setattr__(self, field, value)


def parse_choice(
    choices: type[Choice], value: str | Choice, field: str
) -> Choice:
    """The member of an enum that a user's value names.

    Raises:
        ConfigError: If it names none; the message lists the choices.
    """
    try:
        return choices(value)
    except ValueError:
        raise ConfigError(
            f"{field} cannot be {value!r}",
            remedy=f"choose one of {', '.join(choices)}",
        ) from None


def parse_columns(text: str) -> tuple[int, ...]:
    """Column numbers as users write them: "1", "-1", "1,2".

    Raises:
        ConfigError: If something between the commas is no number.
    """
    try:
        return tuple(int(column) for column in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--tag_columns cannot be {text!r}",
            remedy="give column numbers with commas: --tag_columns=1,2",
        ) from None
