"""Registry of annotation formats.

A format is a module that makes a `Format`, and a line in `biaffine_tf.formats`
that registers it. Detection, the values of --format, --to and --output_format,
file names of bulk prediction, and notes about lost scores and keys are derived
from it.
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
Describer = Callable[["Source", "ReadOptions"], str]
Writer = Callable[
    [Iterable["Sentence"], "WriteOptions", "Problems"], Iterator[Any]
]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Format(str):
    """An annotation format: its name, a string, with its functions.

    Attributes:
        name: Name, as in flags and JSON.
        full_name: Name in messages and help.
        suffix: Suffix of file names.
        recognises: Function that returns whether the head of an open file is
            in the format; formats registered later are tried first.
        read: Function that yields the sentences of an open file.
        write: Function that yields the content of a file of sentences: strings,
            bytes if `binary`, `output.NamedFile`s if `folder`. None if the
            format is only read.
        describe: Function that describes what is chosen for reading an open
            file; None if there is nothing to choose.
        spans: Whether the format holds spans.
        scores: Whether it holds scores.
        layers: Whether it has tag columns, one per layer of spans.
        keys: Whether it holds extra keys of sentences.
        ids: Whether it holds ids of sentences.
        documents: Whether it holds their documents.
        table: Whether it has named columns, one of which holds the texts
            (--text_column).
        unlabelled: Whether it tells unlabelled sentences from those without
            spans; if not, they are counted when written.
        binary: Whether files hold bytes that are no text.
        package: Optional package that it needs.
        folder: Whether it is written as a folder of files.
        files_in: Function that returns the files of the format in a folder.
        companions: Function that returns other files that a file needs.
    """

    name: str
    _: dataclasses.KW_ONLY
    full_name: str
    suffix: str
    recognises: Recogniser
    read: Reader
    write: Writer | None = None
    describe: Describer | None = None
    spans: bool = True
    scores: bool = False
    layers: bool = False
    keys: bool = False
    ids: bool = True
    documents: bool = True
    table: bool = False
    unlabelled: bool = True
    binary: bool = False
    package: str | None = None
    folder: bool = False
    files_in: Callable[[str], list[str]] | None = None
    companions: Callable[[str], list[str]] | None = None

    def __new__(cls, name: str, **_: Any) -> Self:
        """Makes the string."""
        return super().__new__(cls, name)

    def __repr__(self) -> str:
        # Fingerprints contain it, in the form of an earlier enum.
        return f"<Format.{self.name.upper()}: {self.name!r}>"

    def __reduce__(self) -> tuple[Callable[[str], Format], tuple[str]]:
        return find_format, (self.name,)


_FORMATS: dict[str, Format] = {}


def register(new: Format) -> None:
    """Registers a format; it is tried before all others."""
    _FORMATS[new.name] = new
    setattr(Format, new.name.upper(), new)  # Format.CONLL


def all_formats() -> list[Format]:
    """Returns all formats, in the order of detection."""
    return list(reversed(_FORMATS.values()))


def find_format(name: str, field: str = "format") -> Format:
    """Returns the format of a name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in _FORMATS:
        raise ConfigError(
            f"{field} cannot be {name!r}",
            remedy=f"choose one of {', '.join(sorted(_FORMATS))}",
        )
    return _FORMATS[name]


def files_in(folder: str) -> tuple[Format, list[str]] | None:
    """Returns the files of a folder that some format reads as a whole."""
    for one in all_formats():
        if one.files_in is not None and (files := one.files_in(folder)):
            return one, files
    return None


def companions(path: str) -> list[str]:
    """Returns the other files that reading a file depends on."""
    return [
        other
        for one in all_formats()
        if one.companions is not None
        for other in one.companions(path)
    ]
