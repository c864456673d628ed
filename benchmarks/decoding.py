"""Decoders: milliseconds, and how they grow with the candidates.

python benchmarks/decoding.py [--quick] [--json=FILE]

Candidates are made up, and there are more of them than any trained model
proposes: for flat entities thousands in a document that has two for every
character, for nested ones hundreds in a sentence of 200 characters, or all on
top of each other, where every pair of them crosses or nests. All decoders get
the same candidates, which they find as Python objects: what it takes to make
these is no part of it.

"sorting" is what Python takes to sort the candidates by position, which grows
as n log n but for what the machine's caches do to a hundred times the data;
what exact flat decoding takes is compared with that. Nothing here has a second
thread or waits for anything: goals are about the processor's time, which a busy
machine lengthens less than the wall's. Both are in the table.
"""

from __future__ import annotations

import contextlib
import functools
import math
import pathlib
import statistics
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import harness, options, plots
from benchmarks.harness import Measurement, Worker
from benchmarks.report import Goal, Report
from benchmarks.workers.ours_decoding import SORTING
from biaffine_tf.decoding import Candidate, Decoder

NAME = "decoding"
FLAT_GOAL_MS = 50.0
NESTED_GOAL_MS = 20.0
# Growth beyond that of sorting; less could not be told from noise.
GROWTH_GOAL = 1.25

_FLAT_COUNTS = (1_000, 10_000, 100_000)
_NESTED_COUNTS = (100, 200, 400, 800)
_NESTED_GOAL_COUNT = 400
_SENTENCE = 200  # characters
_SUBJECTS = (*map(str, Decoder), SORTING)
_LABELS = ("a", "b", "c", "d")
_ROUND_SECONDS, _QUICK_ROUND_SECONDS = 0.3, 0.03
_MAX_REPEATS = 1000


class Case(NamedTuple):
    """Candidates to decode.

    Attributes:
        name: What they are; rows of one name and several sizes make a line.
        size: How many candidates there are.
        nested: Whether entities may nest.
        sentences: The candidates of each sentence.
    """

    name: str
    size: int
    nested: bool
    sentences: Sequence[Sequence[Candidate]]


# Rounds of each case and subject.
Measured = list[tuple[Case, dict[str, list[Measurement]]]]


def main() -> int:
    """Measures all cases; the exit code says whether the goals are met."""
    chosen = options.parse(NAME, __doc__)
    options.require_packages("matplotlib")
    report = Report(NAME, chosen)
    measured = [
        (case, measure(case, chosen, report))
        for case in made_up_cases(chosen.seed)
    ]
    add_goals(measured, report)
    return report.finish(_plot(measured))


def made_up_cases(seed: int) -> list[Case]:
    """Flat, nested, and nested all on top of each other."""
    random = np.random.default_rng(seed)
    flat = [
        Case("flat", count, False, [_spread(random, count, count // 2, 20)])
        for count in _FLAT_COUNTS
    ]
    nested = [
        Case("nested", count, True, [_spread(random, count, _SENTENCE, 60)])
        for count in _NESTED_COUNTS
    ]
    on_top = [
        Case("nested, on top", count, True, [_on_top(random, count)])
        for count in _NESTED_COUNTS
    ]
    return flat + nested + on_top


def _spread(
    random: np.random.Generator, count: int, length: int, widest: int
) -> list[Candidate]:
    starts = random.integers(0, length, count)
    return _candidates(
        random, starts, starts + random.integers(1, widest + 1, count)
    )


def _on_top(random: np.random.Generator, count: int) -> list[Candidate]:
    return _candidates(
        random, random.permutation(count), count + random.permutation(count)
    )


def _candidates(
    random: np.random.Generator, starts: np.ndarray, ends: np.ndarray
) -> list[Candidate]:
    labels = random.integers(len(_LABELS), size=len(starts))
    margins = random.gamma(2.0, 2.0, len(starts))
    return [
        Candidate(start, end, _LABELS[label], margin, logit=margin)
        for start, end, label, margin in zip(
            starts.tolist(),
            ends.tolist(),
            labels.tolist(),
            margins.tolist(),
            strict=True,
        )
    ]


def measure(
    case: Case, chosen: options.Options, report: Report
) -> dict[str, list[Measurement]]:
    """Measures all subjects on one case, into the report's rows."""
    seconds = _QUICK_ROUND_SECONDS if chosen.quick else _ROUND_SECONDS
    with contextlib.closing(
        Worker(
            "benchmarks.workers.ours_decoding:Decodings",
            sentences=case.sentences,
            nested=case.nested,
        )
    ) as worker:
        subjects = {}
        for subject in _SUBJECTS:
            once = worker.measure(decoder=subject).seconds
            subjects[subject] = functools.partial(
                worker.measure,
                decoder=subject,
                repeats=min(_MAX_REPEATS, math.ceil(seconds / once)),
            )
        measured = harness.alternate(
            subjects,
            rounds=chosen.rounds,
            title=f"{case.name}, {case.size}:",
        )
        kept = worker.about["kept"]
    for subject, found in measured.items():
        report.rows.append(
            {
                **harness.row(
                    case.name,
                    [1000 / m.rate for m in found],
                    unit="ms",
                    candidates=case.size,
                    decoder=subject,
                    kept=kept.get(subject),
                ),
                "processor ms": harness.rounded(_milliseconds(found)),
                "elsewhere": harness.elsewhere(found),
            }
        )
    return measured


def add_goals(measured: Measured, report: Report) -> None:
    """Milliseconds of the made-up cases, and growth of the flat ones."""
    exact = str(Decoder.EXACT)
    flat = {c.size: found for c, found in measured if c.name == "flat"}
    small, large = (flat[count] for count in _FLAT_COUNTS[1:])
    report.goals.append(
        Goal.at_most(
            "exact flat, 10 000 candidates, ms",
            FLAT_GOAL_MS,
            _milliseconds(small[exact]),
        )
    )
    growth, of_sorting = (
        _growth(small[subject], large[subject]) for subject in (exact, SORTING)
    )
    report.details["growth, 100 000 over 10 000 candidates"] = {
        exact: harness.rounded(growth),
        SORTING: harness.rounded(of_sorting),
        "n log n": harness.rounded(10 * math.log(1e5) / math.log(1e4)),
    }
    report.goals.append(
        Goal.at_most(
            "exact flat, growth from 10 000 to 100 000 over that of sorting",
            GROWTH_GOAL,
            growth / of_sorting,
        )
    )
    report.goals += [
        Goal.at_most(
            f"exact {case.name}, {case.size} candidates, ms",
            NESTED_GOAL_MS,
            _milliseconds(found[exact]),
        )
        for case, found in measured
        if case.nested and case.size == _NESTED_GOAL_COUNT
    ]


def _milliseconds(found: Sequence[Measurement]) -> float:
    """The processor's, of decoding once: median over the rounds."""
    return statistics.median(map(_processor_ms, found))


def _growth(
    small: Sequence[Measurement], large: Sequence[Measurement]
) -> float:
    return statistics.median(
        _processor_ms(b) / _processor_ms(a)
        for a, b in zip(small, large, strict=True)
    )


def _processor_ms(one: Measurement) -> float:
    return 1000 * one.extra["processor_seconds"] / one.units


def _plot(measured: Measured) -> plots.Draw:
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for case, found in measured:
        curves = panels.setdefault(case.name, {})
        for subject, rounds in found.items():
            point = (case.size, _milliseconds(rounds))
            curves.setdefault(subject, []).append(point)
    return plots.lines(
        panels, labels=("candidates", "processor ms"), title="Decoding one text"
    )


if __name__ == "__main__":
    sys.exit(main())
