"""Data types of the whole package: spans, entities, sentences, label maps.

All offsets are characters (Unicode code points) of the text exactly as given,
half-open `[start, end)`. Only the readers and writers of formats with
inclusive ends convert.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from biaffine_tf.errors import DataError


class Span(NamedTuple):
    """A labelled half-open range of characters.

    Attributes:
        start: First character.
        end: One past the last character.
        label: Entity label.
        score: Confidence of a prediction in [0, 1]; None for gold spans.
    """

    start: int
    end: int
    label: str
    score: float | None = None

    @property
    def key(self) -> tuple[int, int, str]:
        """Identity of the entity: start, end and label, without the score."""
        return self.start, self.end, self.label


class Entity(NamedTuple):
    """A predicted entity with its text.

    Attributes:
        start: First character.
        end: One past the last character.
        label: Entity label.
        text: The characters `[start, end)` of the text.
        score: Probability of the label, calibrated if the model is.
    """

    start: int
    end: int
    label: str
    text: str
    score: float


@dataclasses.dataclass(frozen=True, slots=True)
class Sentence:
    """One input text.

    Attributes:
        text: The text exactly as given.
        spans: Gold or predicted spans in file order; None if unlabelled.
        id: Identifier given by the source, or None if it gives none (a position
            in a file is not an identifier).
        words: Character range of each word of a source that is divided into
            words (CoNLL columns, lists of tokens); None for plain text.
        file: File that it was read from, for messages.
        line: One-based line in `file` on which the sentence starts.
        document: Document of the source that it belongs to, if known.
        index: Position from 0 in the JSON array that it was read from.
        extra: Other keys of its JSON object, and keys whose original values
            must be kept for writing them back unchanged; ignored when
            sentences are compared.
        labelled: Labels that its source labels throughout; None for all. No
            span of another label does not mean that there is none.
    """

    text: str
    spans: tuple[Span, ...] | None = None
    id: str | None = None
    words: tuple[tuple[int, int], ...] | None = None
    file: str | None = None
    line: int | None = None
    document: str | None = None
    index: int | None = dataclasses.field(default=None, compare=False)
    extra: Mapping[str, Any] | None = dataclasses.field(
        default=None, compare=False, repr=False
    )
    labelled: tuple[str, ...] | None = dataclasses.field(
        default=None, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        for span in self.spans or ():
            if not 0 <= span.start < span.end <= len(self.text):
                raise DataError(
                    f"span [{span.start}, {span.end}) of label "
                    f"{span.label!r} is outside its text of "
                    f"{len(self.text)} characters",
                    file=self.file,
                    line=self.line,
                    remedy="offsets count characters of the text, from 0, "
                    "half-open; correct the span or pass --on_bad_data=skip",
                )

    def surface(self, span: Span) -> str:
        """Returns the text of a span."""
        return self.text[span.start : span.end]

    def replace_spans(self, spans: Iterable[Span] | None) -> Sentence:
        """Returns the sentence with other spans."""
        return dataclasses.replace(
            self, spans=None if spans is None else tuple(spans)
        )


class LabelMap:
    """Labels and their ids; id 0 is "none", the order is stored.

    Example:
        >>> labels = LabelMap(["address", "name"])
        >>> labels.id("name"), labels.name(2), labels.num_classes
        (2, 'name', 3)
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Creates the map.

        Args:
            names: Labels of ids 1, 2, ... in this order; "none" is implied.

        Raises:
            DataError: If a label is empty, repeated or spans lines.
        """
        self._names = tuple(names)
        self._ids = {name: i for i, name in enumerate(self._names, start=1)}
        if len(self._ids) != len(self._names):
            repeated = sorted(
                {n for n in self._names if self._names.count(n) > 1}
            )
            raise DataError(f"labels repeat: {repeated}")
        for name in self._names:
            if not name.strip() or "\n" in name or "\r" in name:
                raise DataError(f"{name!r} cannot be a label")

    @property
    def names(self) -> tuple[str, ...]:
        """Labels of ids 1, 2, ... (without "none")."""
        return self._names

    @property
    def num_classes(self) -> int:
        """Number of labels including "none" (C)."""
        return len(self._names) + 1

    def id(self, name: str) -> int:
        """Returns the id of a label; raises KeyError if it is unknown."""
        return self._ids[name]

    def name(self, label_id: int) -> str:
        """Returns the label of an id from 1 to `num_classes - 1`."""
        if not 1 <= label_id < self.num_classes:
            raise IndexError(f"no label has id {label_id}")
        return self._names[label_id - 1]

    def __contains__(self, name: object) -> bool:
        return name in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelMap) and self._names == other._names

    def __hash__(self) -> int:
        return hash(self._names)

    def __repr__(self) -> str:
        return f"LabelMap({list(self._names)!r})"
