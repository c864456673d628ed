"""Calibration and thresholds of a model, with figures that can be believed.

Whatever is fitted to sentences looks better on them than it is. So all is also
fitted without each of a few folds of the sentences in turn, and what is said to
be held out is the folds as they look to the fits made without them.
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
    """What was fitted, to what, and how well it does.

    "Tuned" figures are of the very sentences that the fit has seen, "held out"
    ones of all sentences, each seen by a fit made without it.

    Attributes:
        confidence: The fit to all sentences, to be used with the model.
        scaling: What was fitted to the scores.
        objective: What the thresholds are for; None if there are none.
        before: Scores as the model gives them.
        tuned: Calibrated scores.
        held_out: Calibrated scores.
        plain_scores: Entities whose score exceeds 0.5, as the model gives it.
        tuned_scores: Entities above the thresholds, if there are any.
        held_out_scores: Likewise.
        sharing: Labels that share a threshold.
        unmet: Labels that the target is out of reach for: none of their
            candidates is let through for a precision, all are for a recall.
        notes: What is wrong, a line each.
        sentences: Number of sentences.
        candidates: Number of candidates.
        folds: Number of folds.
        seed: Of the dealing of sentences into folds.
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
        """The fields as plain values, ready for `json.dumps`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FittedConfidence:
        """The inverse of `to_json`."""
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
    """Calibrates the scores of a model and finds thresholds for an objective.

    Args:
        pairs: Gold sentences, and the same ones with all their candidates for
            spans, with scores of the model. Not those it was trained on.
        decode: The decoder that the thresholds are for. It must let candidates
            alone that share no character with the others.
        objective: What is wanted of thresholds; None to calibrate only.
        scaling: What is fitted to the scores.
        folds: Number of folds.
        seed: Of the dealing of sentences into folds; those of one text are in
            the same.

    Returns:
        The fit and its figures.

    Raises:
        DataError: If a sentence has no spans given (None), or a candidate no
            score in [0, 1].
        ConfigError: If there are fewer texts than folds.
    """
    fold_of = _deal([gold.text for gold, _ in pairs], folds, seed)
    found = find_outcomes(pairs)

    def fit(seen: np.ndarray) -> _Fit:
        return _fit(pairs, found, seen, objective, scaling, decode)

    held_out = np.empty_like(found.scores)
    held_out_pairs: list[Pair] = []
    for fold in range(folds):
        unseen = fold_of == fold
        confidence = fit(~unseen).confidence
        mask = unseen[found.sentences]
        held_out[mask] = confidence.calibrate(found.scores[mask])
        if objective is not None:
            held_out_pairs += _decoded(_at(pairs, unseen), confidence, decode)
    whole = fit(np.ones(len(pairs), bool))
    tuned = whole.confidence.calibrate(found.scores)
    tuned_scores = held_out_scores = None
    if objective is not None:
        tuned_scores = score(_decoded(pairs, whole.confidence, decode))
        held_out_scores = score(held_out_pairs)
    return FittedConfidence(
        confidence=whole.confidence,
        scaling=scaling,
        objective=objective,
        before=measure_reliability(found.scores, found.right),
        tuned=measure_reliability(tuned, found.right),
        held_out=measure_reliability(held_out, found.right),
        plain_scores=score(_decoded(pairs, _PLAIN, decode)),
        tuned_scores=tuned_scores,
        held_out_scores=held_out_scores,
        sharing=whole.sharing,
        unmet=whole.unmet,
        notes=(*whole.notes, *_missed(objective, held_out_scores)),
        sentences=len(pairs),
        candidates=len(found.scores),
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
    found: Outcomes,
    seen: np.ndarray,
    objective: ThresholdObjective | None,
    scaling: Scaling,
    decode: Decode,
) -> _Fit:
    """Fits all to the sentences seen, bool `[len(pairs)]`."""
    confidence, note = fit_scaling(
        found.select(seen[found.sentences]), scaling=scaling
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
    """Says so where the held-out figure falls short of the target."""
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
    """Fold of each text, int64 `[N]`; equal texts are in the same."""
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
    """Gold and what is decoded of the candidates."""
    decoded = []
    for gold, found in pairs:
        candidates = confidence.apply(to_candidates(found.spans or ()))
        kept = decode(candidates, found.text)
        spans = [Span(one.start, one.end, one.label, one.score) for one in kept]
        decoded.append((gold, found.replace_spans(spans)))
    return decoded


def _scores(values: Mapping[str, Any]) -> Scores:
    """The inverse of `Scores.to_json`."""
    averages = ("micro", "macro", "cluener")
    return Scores(
        **{name: PRF(**values[name]) for name in averages},
        labels={
            label: LabelScore(**label_score)
            for label, label_score in values["labels"].items()
        },
        sentences=values["sentences"],
    )
