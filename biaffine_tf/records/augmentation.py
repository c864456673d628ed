"""Augmentation of sentences of tokens and spans; no TensorFlow.

With characters as tokens, the result is what featurizing the changed text would
give. With WordPiece tokens it is that of the changed text with spaces around
what was inserted; mentions that begin or end inside a word are left alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

Cell = tuple[int, int, int]  # first token, last token, label id


class Example(NamedTuple):
    """A sentence.

    Attributes:
        tokens: Token ids without [CLS] and [SEP].
        cells: Its spans.
        source: Labels that its file labels; sentences with other ones are not
            mixed with it.
        weight: Weight of its pseudo labels, 0 for gold labels. It counts for
            the whole sentence, so others are not appended, and gold and pseudo
            labels not mixed.
    """

    tokens: tuple[int, ...]
    cells: tuple[Cell, ...]
    source: Hashable = None
    weight: float = 0.0


class _Mention(NamedTuple):
    """Tokens of a mention; its cells are counted from the first of them."""

    tokens: tuple[int, ...]
    cells: tuple[Cell, ...]


def outermost(cells: Iterable[Cell]) -> list[tuple[int, int]]:
    """Returns the ranges that no other span contains or crosses, in order."""
    ranges = sorted({(first, last) for first, last, _ in cells})
    return [
        (first, last)
        for first, last in ranges
        if not any(
            (a, b) != (first, last)
            and a <= last
            and b >= first
            and not (first <= a and b <= last)
            for a, b in ranges
        )
    ]


class Mentions:
    """Distinct mentions of a corpus, by their labels.

    Args:
        max_width: Maximum number of tokens of a mention; None for no limit.
        continuations: Ids of tokens that continue a word.
    """

    def __init__(
        self,
        *,
        max_width: int | None = None,
        continuations: Iterable[int] = (),
    ) -> None:
        self._max_width = max_width
        self._continuations = frozenset(continuations)
        self._lists: dict[Hashable, list[_Mention]] = {}
        self._numbers: dict[Hashable, dict[tuple[int, ...], int]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lists.values()))

    def add(self, example: Example) -> None:
        """Adds the outermost mentions of a sentence, with spans in them."""
        for first, last in self.ranges(example):
            key, mention = _mention(example, first, last)
            if self._max_width and len(mention.tokens) > self._max_width:
                continue
            numbers = self._numbers.setdefault(key, {})
            if mention.tokens not in numbers:
                numbers[mention.tokens] = len(numbers)
                self._lists.setdefault(key, []).append(mention)

    def ranges(self, example: Example) -> Iterator[tuple[int, int]]:
        """Yields the ranges of whole words among the outermost ones."""
        tokens = example.tokens
        for first, last in outermost(example.cells):
            after = tokens[last + 1 : last + 2]
            if self._continuations.isdisjoint((tokens[first], *after)):
                yield first, last

    def draw_another(
        self, example: Example, first: int, last: int, rng: np.random.Generator
    ) -> _Mention | None:
        """Draws another mention of the same labels; None if there is none."""
        key, mention = _mention(example, first, last)
        others = self._lists.get(key, ())
        own = self._numbers.get(key, {}).get(mention.tokens, len(others))
        count = len(others) - (own < len(others))
        if not count:
            return None
        number = int(rng.integers(count))
        return others[number + (number >= own)]


def _mention(
    example: Example, first: int, last: int
) -> tuple[Hashable, _Mention]:
    """Returns the key of a range in `Mentions`, and what it holds."""
    inside = sorted(
        (a - first, b - first, label)
        for a, b, label in example.cells
        if first <= a and b <= last
    )
    width = last - first
    labels = tuple(c for a, b, c in inside if (a, b) == (0, width))
    tokens = example.tokens[first : last + 1]
    key = (example.source, example.weight > 0, labels)
    return key, _Mention(tokens, tuple(inside))


def glue(left: Example, right: Example) -> Example:
    """Joins two sentences of the same source and weight."""
    shift = len(left.tokens)
    moved = ((a + shift, b + shift, c) for a, b, c in right.cells)
    return left._replace(
        tokens=left.tokens + right.tokens, cells=(*left.cells, *moved)
    )


def replace_mentions(
    example: Example,
    mentions: Mentions,
    *,
    probability: float,
    max_tokens: int,
    rng: np.random.Generator,
) -> Example:
    """Replaces mentions by others of the same label.

    An outermost mention is replaced together with the spans inside it, by
    another one with those inside that. Dai and Adel 2020
    (https://arxiv.org/abs/2010.11683) call it mention replacement.

    Args:
        example: The sentence.
        mentions: Mentions to draw from.
        probability: Probability of each mention.
        max_tokens: Maximum number of tokens; a mention that would exceed it is
            left as it is.
        rng: Random number generator.
    """
    for first, last in reversed(list(mentions.ranges(example))):
        if rng.random() >= probability:
            continue
        drawn = mentions.draw_another(example, first, last, rng)
        if drawn is None:
            continue
        growth = len(drawn.tokens) - (last + 1 - first)
        if len(example.tokens) + growth > max_tokens:
            continue
        before = [cell for cell in example.cells if cell[1] < first]
        after = [
            (a + growth, b + growth, c) for a, b, c in example.cells if a > last
        ]
        own = [(a + first, b + first, c) for a, b, c in drawn.cells]
        tokens = example.tokens
        example = example._replace(
            tokens=tokens[:first] + drawn.tokens + tokens[last + 1 :],
            cells=(*before, *own, *after),
        )
    return example


def drop_mentions(
    example: Example,
    mask_id: int,
    *,
    probability: float,
    rng: np.random.Generator,
) -> Example:
    """Replaces the tokens of mentions by [MASK].

    Args:
        example: The sentence.
        mask_id: Id of [MASK].
        probability: Probability of each outermost mention.
        rng: Random number generator.
    """
    tokens = list(example.tokens)
    for first, last in outermost(example.cells):
        if rng.random() < probability:
            tokens[first : last + 1] = [mask_id] * (last + 1 - first)
    return example._replace(tokens=tuple(tokens))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random changes of sentences during training.

    Attributes:
        replacement: Probability that a mention is replaced.
        dropping: Probability that a mention becomes [MASK].
        gluing: Probability that another sentence is appended.
        mentions: Mentions of the training data, for the replacement.
        mask_id: Id of [MASK], for the dropping.
        max_tokens: Maximum number of tokens of a sentence.
        keeps_lengths: Whether sentences keep within the length of their
            bucket, to respect a token budget.
        seed: Random seed.
    """

    replacement: float = 0.0
    dropping: float = 0.0
    gluing: float = 0.0
    mentions: Mentions = dataclasses.field(default_factory=Mentions)
    mask_id: int = -1
    max_tokens: int
    keeps_lengths: bool = False
    seed: Sequence[int] | int = 0

    def apply(
        self,
        example: Example,
        following: Example,
        *,
        epoch: int,
        number: int,
        max_tokens: int,
    ) -> Example:
        """Changes a sentence; the same for the same seed, epoch and number.

        Args:
            example: The sentence.
            following: Another sentence, to append.
            epoch: Number of the epoch.
            number: Position of the sentence in its epoch.
            max_tokens: Maximum number of tokens.
        """
        seeds = np.atleast_1d(self.seed).tolist()
        rng = np.random.default_rng([*seeds, epoch, number])
        if (
            rng.random() < self.gluing
            and example.source == following.source
            and example.weight == following.weight
            and len(example.tokens) + len(following.tokens) <= max_tokens
        ):
            example = glue(example, following)
        if self.replacement:
            example = replace_mentions(
                example,
                self.mentions,
                probability=self.replacement,
                max_tokens=max_tokens,
                rng=rng,
            )
        if self.dropping:
            example = drop_mentions(
                example, self.mask_id, probability=self.dropping, rng=rng
            )
        return example
