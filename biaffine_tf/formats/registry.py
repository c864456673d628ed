"""The formats there are, and what each can do.

A format is one module that makes a `Format`, and one line where
`biaffine_tf.formats` registers it. How it is recognised, the values of
--format, --to and --output_format, names of files in bulk prediction, and what
is said of lost scores and keys follow from that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from biaffine_tf.errors import ConfigError

if TYPE_CHECKING:
    from biaffine_tf.formats.lines import Source
    from biaffine_tf.formats.options import ReadOptions, WriteOptions
    from biaffine_tf.formats.problems import Problems
    from biaffine_tf.spans import Sentence

Recogniser = Callable[["Source", "ReadOptions"], bool]
Reader = Callable[["Source", "ReadOptions", "Problems"], Iterator["Sentence"]]
Writer = Callable[
    [Iterable["Sentence"], "WriteOptions", "Problems"], Iterator[str]
]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Format(str):
    """An annotation format: its name, with what it can do.

    It is the string of its name, as flags and JSON have it.

    Attributes:
        name: Its name.
        full_name: Its name in messages and help.
        suffix: Of the names of files in it.
        recognises: Whether an open file is in it, by the head of the file;
            formats that are registered later are asked first.
        read: Gives the sentences of an open file, one at a time.
        write: Gives the content of a file of sentences, piece by piece.
        spans: Whether it holds spans.
        scores: Whether it holds their scores.
        layers: Whether spans are in tag columns, one for each layer.
        keys: Whether it holds other keys of a sentence.
    """

    name: str
    _: dataclasses.KW_ONLY
    full_name: str
    suffix: str
    recognises: Recogniser
    read: Reader
    write: Writer
    spans: bool = True
    scores: bool = False
    layers: bool = False
    keys: bool = False

    def __new__(cls, name: str, **_: Any) -> Self:
        """Makes the string."""
        return super().__new__(cls, name)

    def __repr__(self) -> str:
        # It is in fingerprints, as of the enum that it was.
        return f"<Format.{self.name.upper()}: {self.name!r}>"

    def __reduce__(self) -> tuple[Callable[[str], Format], tuple[str]]:
        return find_format, (self.name,)


_FORMATS: dict[str, Format] = {}


def register(new: Format) -> None:
    """Makes a format known; it goes before all that are."""
    _FORMATS[new.name] = new
    setattr(Format, new.name.upper(), new)  # Format.CONLL


def all_formats() -> list[Format]:
    """All formats, in the order in which they are asked."""
    return list(reversed(_FORMATS.values()))


def find_format(name: str, field: str = "format") -> Format:
    """The format of a name.

    Raises:
        ConfigError: If there is none; the message lists them.
    """
    if name not in _FORMATS:
        raise ConfigError(
            f"{field} cannot be {name!r}",
            remedy=f"choose one of {', '.join(sorted(_FORMATS))}",
        )
    return _FORMATS[name]
