"""Fits calibration and thresholds of a model, with cross-validated metrics.

Metrics on the sentences that a fit was made on are optimistic. So the fit is
repeated without each fold of the sentences in turn; "held out" metrics are of
all folds, each calibrated by the fit made without it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.objectives import (
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.calibration.scaling import (
    Outcomes,
    Reliability,
    Scaling,
    find_outcomes,
    fit_scaling,
    measure_reliability,
)
from biaffine_tf.calibration.sweeps import Decode, to_candidates
from biaffine_tf.calibration.thresholds import search
from biaffine_tf.errors import ConfigError
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.metrics import PRF, LabelScore, Scores, score
from biaffine_tf.json_files import rename_keys
from biaffine_tf.spans import Span

_PLAIN = Confidence(thresholds={})


@dataclasses.dataclass(frozen=True, kw_only=True)
class FittedConfidence:
    """A fitted calibration with its thresholds and metrics.

    "Tuned" metrics are of the sentences the fit was made on, "held out" ones of
    all sentences, each scored by a fit made without it.

    Attributes:
        confidence: Fit to all sentences, to be used with the model.
        scaling: Calibration method.
        objective: Objective of the thresholds; None without thresholds.
        before: Reliability of the model's uncalibrated scores.
        tuned: Reliability of the calibrated scores, tuned.
        held_out: Reliability of the calibrated scores, held out.
        plain_scores: Scores of entities whose uncalibrated score exceeds 0.5.
        tuned_scores: Scores of entities above the thresholds, tuned; None
            without thresholds.
        held_out_scores: The same, held out.
        sharing: Labels that share a threshold.
        unmet: Labels that cannot reach the target: none of their candidates
            pass for a precision target, all for a recall target.
        notes: Problems, a line each.
        sentences: Number of sentences.
        candidates: Number of candidates.
        folds: Number of folds.
        seed: Random seed of the assignment of sentences to folds.
    """

    confidence: Confidence
    scaling: Scaling
    objective: ThresholdObjective | None
    before: Reliability
    tuned: Reliability
    held_out: Reliability
    plain_scores: Scores
    tuned_scores: Scores | None
    held_out_scores: Scores | None
    sharing: tuple[str, ...]
    unmet: tuple[str, ...]
    notes: tuple[str, ...]
    sentences: int
    candidates: int
    folds: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as plain values for `json.dumps`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FittedConfidence:
        """Restores the fit from the result of `to_json`."""
        revive: dict[str, Callable[[Any], Any]] = {
            "confidence": Confidence.from_json,
            "scaling": Scaling,
            "objective": ThresholdObjective.from_dict,
            **dict.fromkeys(
                ("before", "tuned", "held_out"), Reliability.from_json
            ),
            **dict.fromkeys(
                ("plain_scores", "tuned_scores", "held_out_scores"), _scores
            ),
            **dict.fromkeys(("sharing", "unmet", "notes"), tuple),
        }
        return cls(
            **{
                name: revive[name](value)
                if name in revive and value is not None
                else value
                for name, value in rename_keys(
                    values, {"goal": "objective"}
                ).items()
            }
        )


def fit_confidence(
    pairs: Sequence[Pair],
    *,
    decode: Decode,
    objective: ThresholdObjective | None = None,
    scaling: Scaling = Scaling.TEMPERATURE,
    folds: int = 5,
    seed: int = 0,
) -> FittedConfidence:
    """Fits the calibration of a model, and thresholds for an objective.

    Args:
        pairs: Pairs of a gold sentence and the same sentence with all scored
            candidates as spans; not the model's training data.
        decode: The decoder that the thresholds are for. Candidates that share
            no character with others must not affect each other.
        objective: Objective of the thresholds; None to calibrate only.
        scaling: Calibration method.
        folds: Number of folds.
        seed: Random seed of the assignment of sentences to folds; equal texts
            are in the same fold.

    Returns:
        The fit with its metrics.

    Raises:
        DataError: If a sentence is unlabelled (spans is None), or a candidate
            has no score in [0, 1].
        ConfigError: If there are fewer distinct texts than folds.
    """
    fold_of = _deal([gold.text for gold, _ in pairs], folds, seed)
    outcomes = find_outcomes(pairs)

    def fit(seen: np.ndarray) -> _Fit:
        return _fit(pairs, outcomes, seen, objective, scaling, decode)

    held_out = np.empty_like(outcomes.scores)
    held_out_pairs: list[Pair] = []
    for fold in range(folds):
        unseen = fold_of == fold
        confidence = fit(~unseen).confidence
        mask = unseen[outcomes.sentences]
        held_out[mask] = confidence.calibrate(outcomes.scores[mask])
        if objective is not None:
            held_out_pairs += _decoded(_at(pairs, unseen), confidence, decode)
    whole = fit(np.ones(len(pairs), bool))
    tuned = whole.confidence.calibrate(outcomes.scores)
    tuned_scores = held_out_scores = None
    if objective is not None:
        tuned_scores = score(_decoded(pairs, whole.confidence, decode))
        held_out_scores = score(held_out_pairs)
    return FittedConfidence(
        confidence=whole.confidence,
        scaling=scaling,
        objective=objective,
        before=measure_reliability(outcomes.scores, outcomes.right),
        tuned=measure_reliability(tuned, outcomes.right),
        held_out=measure_reliability(held_out, outcomes.right),
        plain_scores=score(_decoded(pairs, _PLAIN, decode)),
        tuned_scores=tuned_scores,
        held_out_scores=held_out_scores,
        sharing=whole.sharing,
        unmet=whole.unmet,
        notes=(*whole.notes, *_missed(objective, held_out_scores)),
        sentences=len(pairs),
        candidates=len(outcomes.scores),
        folds=folds,
        seed=seed,
    )


class _Fit(NamedTuple):
    confidence: Confidence
    notes: tuple[str, ...]
    sharing: tuple[str, ...] = ()
    unmet: tuple[str, ...] = ()


def _fit(
    pairs: Sequence[Pair],
    outcomes: Outcomes,
    seen: np.ndarray,
    objective: ThresholdObjective | None,
    scaling: Scaling,
    decode: Decode,
) -> _Fit:
    """Fits to the pairs that the mask `seen`, bool `[len(pairs)]`, selects."""
    confidence, note = fit_scaling(
        outcomes.select(seen[outcomes.sentences]), scaling=scaling
    )
    if objective is None:
        return _Fit(confidence, (note,) if note else ())
    thresholds = search(
        _at(pairs, seen), confidence, objective=objective, decode=decode
    )
    notes = [note] if note else []
    if thresholds.unmet:
        share = (
            "none" if objective.metric == ThresholdMetric.PRECISION else "all"
        )
        notes.append(
            f"a {objective.metric} of {objective.target} is out of reach for "
            f"{', '.join(thresholds.unmet)}: {share} of their candidates pass"
        )
    return _Fit(
        thresholds.confidence,
        tuple(notes),
        thresholds.sharing,
        thresholds.unmet,
    )


def _missed(
    objective: ThresholdObjective | None, held_out: Scores | None
) -> Iterator[str]:
    """Yields a note if the held-out metric falls short of the target."""
    if objective is None or objective.target is None or held_out is None:
        return
    reached = getattr(held_out.micro, objective.metric)
    is_silent = not any(one.predicted for one in held_out.labels.values())
    if reached < objective.target and not is_silent:
        yield (
            f"held out, the micro {objective.metric} is {reached:.4f}, short "
            f"of {objective.target}"
        )


def _deal(texts: Sequence[str], folds: int, seed: int) -> np.ndarray:
    """Assigns texts to folds, int64 `[N]`; equal texts share a fold."""
    _, which = np.unique(np.array(texts, object), return_inverse=True)
    distinct = int(which.max(initial=-1)) + 1
    if not 2 <= folds <= distinct:
        raise ConfigError(
            f"{folds} folds of {distinct} different sentences",
            remedy="give at least 2 folds, and more sentences than folds",
        )
    dealt = np.random.default_rng(seed).permutation(distinct) % folds
    return dealt[which]


def _at(pairs: Sequence[Pair], mask: np.ndarray) -> list[Pair]:
    return [pairs[index] for index in np.flatnonzero(mask).tolist()]


def _decoded(
    pairs: Sequence[Pair], confidence: Confidence, decode: Decode
) -> list[Pair]:
    """Pairs the gold sentences with the decoded candidates."""
    decoded = []
    for gold, predicted in pairs:
        candidates = confidence.apply(to_candidates(predicted.spans or ()))
        kept = decode(candidates, predicted.text)
        spans = [Span(one.start, one.end, one.label, one.score) for one in kept]
        decoded.append((gold, predicted.replace_spans(spans)))
    return decoded


def _scores(values: Mapping[str, Any]) -> Scores:
    """Restores `Scores` from the result of `to_json`."""
    averages = ("micro", "macro", "cluener")
    return Scores(
        **{name: PRF(**values[name]) for name in averages},
        labels={
            label: LabelScore(**label_score)
            for label, label_score in values["labels"].items()
        },
        sentences=values["sentences"],
    )
