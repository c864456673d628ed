"""Splits groups of sentences in two, stratified by label."""

from __future__ import annotations

import collections
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

# Counts of a unit: by label, and of sentences under the key SENTENCES.
Amounts = Mapping[str | None, int]
SENTENCES = None
# Label of sentences without entities; no other label is empty.
NO_ENTITY = ""

# Maximum factor by which rare labels may enlarge the chosen part.
_MAX_RATIO = 2
# Number of random moves to try: per unit, and in total.
_TRIES = 50
_MAX_TRIES = 20_000


def choose(
    units: Sequence[Amounts], *, fraction: float, seed: int
) -> list[bool]:
    """Chooses units with about the same fraction of every label.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the
    Stratification of Multi-Label Data", ECML 2011) for two parts: labels are
    processed from the rarest to the most frequent, and a unit is chosen if it
    adds more that is wanted than excess. Then labels that one part lacks are
    moved there, if the other part keeps some. Finally units are moved and
    exchanged at random as long as that helps, which large units such as
    documents need.

    Args:
        units: Counts of each unit. Units stay whole.
        fraction: Fraction of each count to choose, in (0, 1).
        seed: Random seed.

    Returns:
        Whether each unit is chosen. A unit with a label that no other has is
        not. All or none are chosen only if there is one unit.
    """
    dealing = _Dealing(units, fraction, random.Random(seed))
    dealing.deal()
    dealing.mend()
    dealing.refine()
    dealing.fill()
    return dealing.is_chosen


class _Dealing:
    """Units and the current choice among them."""

    def __init__(
        self, units: Sequence[Amounts], fraction: float, rng: random.Random
    ) -> None:
        self.is_chosen = [False] * len(units)
        self._units = units
        self._rng = rng
        totals: collections.Counter[str | None] = collections.Counter()
        self._having: dict[str, list[int]] = {}
        for number, unit in enumerate(units):
            totals.update(unit)
            for key in _labels(unit):
                self._having.setdefault(key, []).append(number)
        self._totals = totals
        self._missing = {key: fraction * n for key, n in totals.items()}
        self._max_size = _MAX_RATIO * self._missing.get(SENTENCES, 0) + 1
        self._inside: collections.Counter[str] = collections.Counter()
        self._sentences = 0

    def deal(self) -> None:
        """Makes the first choice, label by label."""
        rarest_first = sorted(
            self._having.items(), key=lambda item: (len(item[1]), item[0])
        )
        decided: set[int] = set()
        for key, having in rarest_first:
            waiting = [number for number in having if number not in decided]
            decided.update(waiting)
            if len(having) == 1:
                continue
            self._rng.shuffle(waiting)
            for number in waiting:
                if self._is_wanted(self._units[number], key):
                    self._move(number)

    def mend(self) -> None:
        """Moves labels to a part that lacks them, if the other keeps some."""
        for _, having in sorted(self._having.items()):
            if len(having) < 2:
                continue
            for to_chosen in (True, False):
                if not any(self.is_chosen[n] is to_chosen for n in having):
                    self._move_smallest(having, to_chosen=to_chosen)

    def refine(self) -> None:
        """Moves and exchanges units where that reduces the error."""
        parts: tuple[list[int], list[int]] = ([], [])
        for number, is_chosen in enumerate(self.is_chosen):
            parts[is_chosen].append(number)
        for _ in range(min(_MAX_TRIES, _TRIES * len(self._units))):
            places = [
                (part, self._rng.randrange(len(part))) for part in parts if part
            ]
            if self._rng.random() < 0.5:
                places = [self._rng.choice(places)]
            numbers = [part[place] for part, place in places]
            if not self._try(numbers):
                continue
            for part, place in places:
                part[place] = part[-1]
                part.pop()
            for number in numbers:
                parts[self.is_chosen[number]].append(number)

    def fill(self) -> None:
        """Moves a unit to an empty part, if there are several units."""
        if len(self._units) > 1 and len(set(self.is_chosen)) == 1:
            self._move_smallest(
                range(len(self._units)),
                to_chosen=not self.is_chosen[0],
                at_any_cost=True,
            )

    def _try(self, numbers: Sequence[int]) -> bool:
        """Moves units if that reduces the error and no part loses a label."""
        keys = {key for number in numbers for key in self._units[number]}
        before, moved = self._error(keys), []
        for number in numbers:
            if not self._keeps_labels(number):
                break
            self._move(number)
            moved.append(number)
        if len(moved) == len(numbers) and self._error(keys) < before:
            return True
        for number in moved:
            self._move(number)
        return False

    def _error(self, keys: Iterable[str | None]) -> float:
        """Sums the squared errors of counts, relative to their totals."""
        return sum(self._missing[key] ** 2 / self._totals[key] for key in keys)

    def _is_wanted(self, unit: Amounts, key: str) -> bool:
        """Whether the gain for the label exceeds the excess of others."""
        amount, missing = unit[key], self._missing[key]
        gain = (abs(missing) - abs(missing - amount)) / amount
        excesses = [
            min(max(0.0, other - self._missing[name]) / other, 1.0)
            for name, other in unit.items()
            if name != key
        ]
        return gain > sum(excesses) / max(1, len(excesses))

    def _move_smallest(
        self,
        numbers: Sequence[int],
        *,
        to_chosen: bool,
        at_any_cost: bool = False,
    ) -> None:
        """Moves the smallest unit that may be moved."""
        by_size = sorted(
            (n for n in numbers if self.is_chosen[n] is not to_chosen),
            key=lambda n: self._units[n].get(SENTENCES, 0),
        )
        smallest = next(filter(self._can_move, by_size), None)
        if smallest is None and at_any_cost:
            smallest = by_size[0]
        if smallest is not None:
            self._move(smallest)

    def _can_move(self, number: int) -> bool:
        """Whether a move keeps labels in both parts and the size in bounds."""
        size = self._sentences + self._units[number].get(SENTENCES, 0)
        is_too_large = not self.is_chosen[number] and size > self._max_size
        return not is_too_large and self._keeps_labels(number)

    def _keeps_labels(self, number: int) -> bool:
        """Whether the unit's part keeps all labels without it."""
        is_chosen = self.is_chosen[number]
        return all(
            (self._inside[key] if is_chosen else self._outside(key)) > 1
            for key in _labels(self._units[number])
        )

    def _outside(self, key: str) -> int:
        return len(self._having[key]) - self._inside[key]

    def _move(self, number: int) -> None:
        """Moves a unit into the chosen part, or out of it."""
        sign = -1 if self.is_chosen[number] else 1
        self.is_chosen[number] = not self.is_chosen[number]
        unit = self._units[number]
        for key, amount in unit.items():
            self._missing[key] -= sign * amount
        for key in _labels(unit):
            self._inside[key] += sign
        self._sentences += sign * unit.get(SENTENCES, 0)


def _labels(unit: Amounts) -> Iterator[str]:
    return (key for key in unit if key is not None)
