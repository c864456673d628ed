"""Options for reading and writing.

A field of `ReadOptions` with a help text is an argument of every command that
reads files: see `commands/reading_arguments.py`.
"""
# ruff: noqa: RUF009 (`_option` makes a field)

from __future__ import annotations

import dataclasses
import enum
import json
import os
from typing import Any, TypeVar

from biaffine_tf.errors import ConfigError, OnBadData
from biaffine_tf.formats.registry import Format, find_format


class Unlabelled(enum.StrEnum):
    """Policy for sentences without labels."""

    KEEP = "keep"
    SKIP = "skip"


class TagScheme(enum.StrEnum):
    """Tag scheme; `auto` detects it from the tags."""

    AUTO = "auto"
    IOB1 = "iob1"
    BIO = "bio"
    IOE1 = "ioe1"
    IOE2 = "ioe2"
    BIOES = "bioes"
    BMES = "bmes"
    BILOU = "bilou"
    IO = "io"
    SUFFIX = "suffix"


class Offsets(enum.StrEnum):
    """Meaning of the two numbers of a span; `auto` is that of its format."""

    AUTO = "auto"
    CHARACTERS = "characters"
    INCLUSIVE = "inclusive"
    ONE_BASED = "one_based"
    UTF16 = "utf16"
    BYTES = "bytes"
    ONE_BASED_HALF_OPEN = "one_based_half_open"
    UTF16_INCLUSIVE = "utf16_inclusive"


class Join(enum.StrEnum):
    """Joining of words to a text: without spaces or with spaces."""

    AUTO = "auto"
    CHARS = "chars"
    WORDS = "words"


class SegmentationDigit(enum.StrEnum):
    """Treatment of the digit after each word of the Weibo corpus (科0 技1)."""

    AUTO = "auto"
    STRIP = "strip"
    KEEP = "keep"


Choice = TypeVar("Choice", bound=enum.StrEnum)

LAST_COLUMN = (-1,)
# Fields that are missing in fingerprints of earlier versions.
_LATER = (
    *("unlabelled", "trim_spans", "strict_tags", "ignore_labels"),
    *("tag_names", "text_column", "offsets", "label_map"),
)


def _option(
    default: Any, text: str, *, of: str | None = None, shared: bool = False
) -> Any:
    """Makes a field for which commands have an argument.

    Args:
        default: Default value.
        text: Help text.
        of: Name of the format that it is for; None for all.
        shared: Whether it applies to all files of a command; other fields can
            be given for each.
    """
    metadata = {"help": text, "of": of, "shared": shared}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class ReadOptions:
    """Options for reading a file. Enum fields accept names, too.

    Fields with a help text are documented by it. Without `tag_columns` the last
    column is read, and it is counted as a problem if others look like tags,
    too. With `strict_tags`, `TagScheme.AUTO` never means IOB1 or IOE1, in which
    nearly everything is well-formed.

    Attributes:
        unlabelled: Keep sentences without labels, or drop and count them.
        ignore_labels: Do not read spans and tags, valid or not: all sentences
            are unlabelled.

    Raises:
        ConfigError: If a value is not one of its choices.
    """

    format: Format | None = _option(
        None, "Format; detected from the content if not given."
    )
    on_bad_data: OnBadData = _option(
        OnBadData.ERROR,
        "Stop at a sentence that cannot be read, or skip and count it.",
        shared=True,
    )
    token_column: int = _option(
        0,
        "column of the words, from 0; negative numbers count from the right.",
        of="conll",
    )
    tag_columns: tuple[int, ...] | None = _option(
        None,
        "column of the tags; several, separated by commas, are layers of "
        "nested spans; the last one if not given.",
        of="conll",
    )
    tag_scheme: TagScheme = _option(
        TagScheme.AUTO,
        "tag scheme; auto detects it, but for io (bare labels). suffix has "
        "the position last: PER-B.",
        of="conll",
    )
    join: Join = _option(
        Join.AUTO,
        "join words to a text without or with spaces; auto detects which.",
        of="conll",
    )
    segmentation_digit: SegmentationDigit = _option(
        SegmentationDigit.AUTO,
        "whether to strip a digit from each word (Weibo's 科0 技1).",
        of="conll",
    )
    unlabelled: Unlabelled = Unlabelled.KEEP
    trim_spans: bool = _option(
        False,
        "Strip white space from the ends of spans; drop and count spans of "
        "nothing else.",
    )
    offsets: Offsets = _option(
        Offsets.AUTO,
        "JSON: meaning of the start and end of a span: characters (half-open, "
        "from 0), inclusive or one-based ones (both, unless half-open), UTF-16 "
        "units (as JavaScript counts) or bytes of UTF-8; auto: that of the "
        "format.",
    )
    strict_tags: bool = _option(
        False,
        "drop and count spans of malformed tags, as seqeval's strict mode "
        "does, instead of repairing them as conlleval does.",
        of="conll",
        shared=True,
    )
    tag_names: tuple[str, ...] | None = _option(
        None,
        "names of numbered tags, with commas in the order of their numbers, or "
        "a file of them: one a line, or JSON.",
        of="hf",
    )
    text_column: str | None = _option(
        None,
        "column of the texts; text, sentence, content or the like if not "
        "given.",
        of="csv",
    )
    ignore_labels: bool = False
    label_map: tuple[tuple[str, str], ...] | None = _option(
        None,
        "Rename labels, as OLD:NEW,OLD:NEW or a JSON file of an object; spans "
        "of a label without a new name are left out and counted.",
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if isinstance(field.default, enum.StrEnum):
                self._choose(field.name, type(field.default))
        if self.format is not None:
            object.__setattr__(self, "format", find_format(self.format))
        if self.tag_names is not None:
            object.__setattr__(self, "tag_names", tuple(self.tag_names))
        if self.tag_columns is not None:
            object.__setattr__(self, "tag_columns", tuple(self.tag_columns))
        if self.label_map is not None:
            pairs = tuple(sorted(map(tuple, self.label_map)))
            object.__setattr__(self, "label_map", pairs)
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
        """Columns of the tags to read, as given."""
        return LAST_COLUMN if self.tag_columns is None else self.tag_columns

    @property
    def identity(self) -> dict[str, Any]:
        """Options that affect the sentences, by name, for fingerprints.

        Options with their default meaning give the fingerprints of earlier
        versions.
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
    """Options for writing a file; formats ignore what they cannot hold.

    Attributes:
        with_scores: Write the scores of predicted spans.
        with_lines: Write the line, or the index in the array, of sentences
            without an id.
        first_number: Number of the first sentence, for those without an id.
        predicted: Whether spans are a model's, not gold: formats of annotation
            tools hold them as suggestions.
        layers: Number of tag columns; several can hold nested spans.
        scheme: Scheme of the tags, BIO or BIOES.

    Raises:
        ConfigError: If `layers` is below 1.
    """

    with_scores: bool = False
    with_lines: bool = False
    first_number: int = 0
    predicted: bool = False
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
    """Converts a user's value to the member of an enum.

    Raises:
        ConfigError: If there is no such member.
    """
    try:
        return choices(value)
    except ValueError:
        raise ConfigError(
            f"{field} cannot be {value!r}",
            remedy=f"choose one of {', '.join(choices)}",
        ) from None


def parse_columns(text: str | None) -> tuple[int, ...] | None:
    """Parses column numbers such as "1", "-1", "1,2"; None stays None.

    Raises:
        ConfigError: If an element is no number.
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


def parse_label_map(text: str | None) -> tuple[tuple[str, str], ...] | None:
    """Parses "OLD:NEW,OLD:NEW", or reads a JSON file; None stays None.

    Raises:
        ConfigError: If it is neither.
    """
    if text is None:
        return None
    remedy = "give OLD:NEW,OLD:NEW or a JSON file of an object of labels"
    if os.path.isfile(path := os.path.expanduser(text)):
        try:
            with open(path, encoding="utf-8") as file:
                names = json.load(file)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"--label_map={text} cannot be read: {error}", remedy=remedy
            ) from None
        is_map = isinstance(names, dict) and all(
            new is None or isinstance(new, str) for new in names.values()
        )
        if not is_map:
            raise ConfigError(
                f"--label_map={text} is not an object of labels", remedy=remedy
            )
        return tuple((old, new or "") for old, new in names.items())
    pairs = [part.split(":") for part in text.split(",")]
    if not all(len(pair) == 2 and pair[0].strip() for pair in pairs):
        raise ConfigError(
            f"--label_map cannot be {text!r}, which is no file either",
            remedy=remedy,
        )
    names = {old.strip(): new.strip() for old, new in pairs}
    if len(names) < len(pairs):
        raise ConfigError(
            f"--label_map={text} renames a label twice", remedy=remedy
        )
    return tuple(names.items())
