"""What can be chosen about reading and writing.

A field of `ReadOptions` that has a help text is an argument of every command
that reads: see `commands/reading_arguments.py`.
"""
# ruff: noqa: RUF009 (`_option` makes a field)

from __future__ import annotations

import dataclasses
import enum
from typing import Any, TypeVar

from biaffine_tf.errors import ConfigError, OnBadData
from biaffine_tf.formats.registry import Format, find_format


class Unlabelled(enum.StrEnum):
    """How to treat sentences without labels."""

    KEEP = "keep"
    SKIP = "skip"


class TagScheme(enum.StrEnum):
    """How tags mark spans; `auto` tells them apart by the tags themselves."""

    AUTO = "auto"
    IOB1 = "iob1"
    BIO = "bio"
    IOE1 = "ioe1"
    IOE2 = "ioe2"
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

LAST_COLUMN = (-1,)
# Fields that earlier versions lacked.
_LATER = ("unlabelled", "trim_spans", "strict_tags", "ignore_labels")


def _option(
    default: Any, text: str, *, of: str | None = None, shared: bool = False
) -> Any:
    """A field that commands have an argument for.

    Args:
        default: Its default.
        text: Its help.
        of: Name of the only format that it is for.
        shared: Whether it holds for all files of a command, where others may
            be given for each.
    """
    metadata = {"help": text, "of": of, "shared": shared}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class ReadOptions:
    """How to read a file. Fields of a choice also take its name.

    Attributes that have a help text are as it says. Without `tag_columns` the
    last column is read, and it is counted as a problem if others look like
    tags, too. With `strict_tags`, `TagScheme.AUTO` never means IOB1 or IOE1, in
    which nearly everything is well-formed.

    Attributes:
        unlabelled: Keep sentences without labels, or leave them out and count
            them.
        ignore_labels: Leave spans and tags unread, right or wrong: all
            sentences are unlabelled.

    Raises:
        ConfigError: If a value is not one of its choices.
    """

    format: Format | None = _option(
        None, "Format; recognised from the content if not given."
    )
    on_bad_data: OnBadData = _option(
        OnBadData.ERROR,
        "Stop at a sentence that cannot be read, or skip and count it.",
        shared=True,
    )
    token_column: int = _option(
        0,
        "column of the tokens, from 0; negative ones count from the right.",
        of="conll",
    )
    tag_columns: tuple[int, ...] | None = _option(
        None,
        "column of the tags; several, with commas, hold nested layers. The "
        "last one if not given.",
        of="conll",
    )
    tag_scheme: TagScheme = _option(
        TagScheme.AUTO,
        "scheme of the tags; told from them if auto.",
        of="conll",
    )
    join: Join = _option(
        Join.AUTO,
        "join tokens to a text without or with spaces; told from them if auto.",
        of="conll",
    )
    segmentation_digit: SegmentationDigit = _option(
        SegmentationDigit.AUTO,
        "whether to strip a digit from each token (Weibo's 科0 技1).",
        of="conll",
    )
    unlabelled: Unlabelled = Unlabelled.KEEP
    trim_spans: bool = _option(
        False,
        "Cut white space off the ends of spans; drop and count spans of "
        "nothing else.",
    )
    strict_tags: bool = _option(
        False,
        "leave out and count spans of malformed tags, as seqeval's strict "
        "mode does, instead of repairing them as conlleval does.",
        of="conll",
        shared=True,
    )
    ignore_labels: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if isinstance(field.default, enum.StrEnum):
                self._choose(field.name, type(field.default))
        if self.format is not None:
            object.__setattr__(self, "format", find_format(self.format))
        if self.tag_columns is not None:
            object.__setattr__(self, "tag_columns", tuple(self.tag_columns))
        columns = self.columns_read
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

    @property
    def columns_read(self) -> tuple[int, ...]:
        """Columns of the tags that are read, as they are named."""
        return LAST_COLUMN if self.tag_columns is None else self.tag_columns

    @property
    def identity(self) -> dict[str, Any]:
        """Options that a reading depends on, by name.

        It goes into fingerprints: options that mean what they meant in an
        earlier version give what they gave there.
        """
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in _LATER
            or getattr(self, field.name) != field.default
        }
        return values | {"tag_columns": self.columns_read}

    def __repr__(self) -> str:
        values = ", ".join(f"{k}={v!r}" for k, v in self.identity.items())
        return f"ReadOptions({values})"

    def _choose(self, field: str, choices: type[enum.StrEnum]) -> None:
        value = parse_choice(choices, getattr(self, field), field)
        object.__setattr__(self, field, value)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How to write a file; each format heeds what it can hold.

    Attributes:
        with_scores: Write the scores of predicted spans.
        with_lines: Say where a sentence without an id was read: on which line
            or, in an array, at which index.
        first_number: Number of the first sentence, for those without an id.
        layers: Number of tag columns; several can hold nested spans.
        scheme: Scheme of the tags, BIO or BIOES.

    Raises:
        ConfigError: If there is no layer.
    """

    with_scores: bool = False
    with_lines: bool = False
    first_number: int = 0
    layers: int = 1
    scheme: TagScheme = TagScheme.BIO

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ConfigError(
                f"layers must be at least 1, got {self.layers}",
                remedy="give the number of tag columns",
            )


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


def parse_columns(text: str | None) -> tuple[int, ...] | None:
    """Column numbers as users write them: "1", "-1", "1,2"; None stays None.

    Raises:
        ConfigError: If something between the commas is no number.
    """
    if text is None:
        return None
    try:
        return tuple(int(column) for column in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--tag_columns cannot be {text!r}",
            remedy="give column numbers with commas: --tag_columns=1,2",
        ) from None
