"""Describes a selection: what was picked, and why, beside all sentences."""

from __future__ import annotations

import collections
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from biaffine_tf.reports.html.figures import (
    Figures,
    distribution_chart,
    share_chart,
    write_figures,
)
from biaffine_tf.selection.choosing import Choice
from biaffine_tf.selection.ordering import length_edges
from biaffine_tf.selection.survey import CERTAIN, Survey

_NO_DOUBT = "(certain)"


def describe(survey: Survey, choice: Choice) -> Iterator[str]:
    """Yields lines about what was picked.

    Args:
        survey: Predictions on all sentences.
        choice: The chosen ones.
    """
    picked = np.array(list(choice.sentences), np.int64)
    uncertainty = survey.uncertainty
    if len(picked):
        yield (
            "uncertainty in bits a character: "
            f"{_quartiles(uncertainty[picked])} of the picked, "
            f"{_quartiles(uncertainty)} of all"
        )
        yield "picked of all, by the label of most of the uncertainty:"
        yield from _table(_doubts(survey, None), _doubts(survey, picked))
        yield "by length in characters:"
        yield from _table(_ranges(survey, None), _ranges(survey, picked))
    for count, why in (
        (choice.of_labelled, "near-duplicate of a labelled sentence"),
        (choice.of_chosen, "near-duplicate of a picked sentence"),
        (choice.empty, "nothing but white space"),
    ):
        if count:
            yield f"left out: {count:,}, {why}"


def write_plot(
    path: str | os.PathLike[str], survey: Survey, picked: Sequence[int]
) -> None:
    """Writes a page with charts of the picked sentences beside all.

    Args:
        path: HTML file to write.
        survey: Predictions on all sentences.
        picked: Numbers of the picked ones.
    """
    chosen = np.array(picked, np.int64)
    uncertainty, lengths = survey.uncertainty, survey.lengths
    charts = (
        distribution_chart(
            "Uncertainty",
            "bits a character",
            {"all": uncertainty, "picked": uncertainty[chosen]},
        ),
        distribution_chart(
            "Length",
            "characters",
            {"all": lengths, "picked": lengths[chosen]},
        ),
        share_chart(
            "Predicted entities by label",
            "share of the entities",
            {
                "all": survey.count_labels(),
                "picked": survey.count_labels(picked),
            },
        ),
        share_chart(
            "Label of most of the uncertainty",
            "share of the sentences",
            {
                "all": _doubts(survey, None),
                "picked": _doubts(survey, chosen),
            },
        ),
    )
    facts = {"sentences": len(survey), "picked": len(chosen)}
    write_figures(path, Figures("Sentences to label next", facts, charts))


def _quartiles(values: np.ndarray) -> str:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{middle:.4f} (quartiles {low:.4f} to {high:.4f})"


def _doubts(survey: Survey, numbers: np.ndarray | None) -> dict[str, int]:
    """Counts sentences by the label of most of their uncertainty."""
    names = {number: name for name, number in survey.labels.items()}
    doubts = survey.doubts if numbers is None else survey.doubts[numbers]
    counts = collections.Counter(doubts.tolist())
    return {
        names.get(one, _NO_DOUBT): counts[one]
        for one in sorted(counts, key=lambda one: (one == CERTAIN, one))
    }


def _ranges(survey: Survey, numbers: np.ndarray | None) -> dict[str, int]:
    """Counts sentences by ranges of lengths."""
    lengths = survey.lengths
    edges = length_edges(lengths).tolist()
    lows = [int(lengths.min()), *(edge + 1 for edge in edges)]
    highs = [*edges, int(lengths.max())]
    own = lengths if numbers is None else lengths[numbers]
    return {
        f"{low:,} to {high:,}": int(((own >= low) & (own <= high)).sum())
        for low, high in zip(lows, highs, strict=True)
        if low <= high
    }


def _table(all_: Mapping[str, int], picked: Mapping[str, int]) -> Iterator[str]:
    for name, count in all_.items():
        yield f"  {name}: {picked.get(name, 0):,} of {count:,}"
