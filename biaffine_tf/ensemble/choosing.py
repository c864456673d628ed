"""Chooses and calibrates the rule of an ensemble.

It is judged on sentences whose opinions come from members that were not trained
on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from biaffine_tf import evaluation
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.fitting import FittedConfidence, fit_confidence
from biaffine_tf.calibration.scaling import Scaling
from biaffine_tf.config import DecodingConfig
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.inference.ensemble import Combination, Opinion
from biaffine_tf.inference.postprocessing import decoder_of
from biaffine_tf.model_directory import Ensemble, EnsembleMember, Rule
from biaffine_tf.spans import Sentence

FOLDS = 5  # of the metrics of the calibration
# Averaged scores to try as the threshold; few, so that little is overfitted.
_THRESHOLDS = (0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05)


class Panel(NamedTuple):
    """Opinions on sentences, by equally many members on each.

    Attributes:
        sentences: Gold sentences.
        opinions: Opinions on each of them.
        weights: Weights of the members.
    """

    sentences: Sequence[Sentence]
    opinions: Sequence[Sequence[Opinion]]
    weights: tuple[float, ...]

    def judged(
        self, ensemble: Ensemble, decoding: DecodingConfig
    ) -> Iterator[tuple[Sentence, Sentence, Sentence]]:
        """Yields gold, entities and candidates of each sentence.

        Args:
            ensemble: Rule and calibration.
            decoding: Settings of decoding.
        """
        members = tuple(
            EnsembleMember(directory="", weight=one) for one in self.weights
        )
        combine = Combination(
            dataclasses.replace(ensemble, members=members), decoding
        )
        for gold, opinions in zip(self.sentences, self.opinions, strict=True):
            entities, candidates = combine(opinions, gold.text)
            yield (
                gold,
                gold.replace_spans(entities),
                gold.replace_spans(candidates),
            )

    def pairs(self, ensemble: Ensemble, decoding: DecodingConfig) -> list[Pair]:
        """Pairs the gold sentences with the entities of the ensemble."""
        return [
            (gold, found) for gold, found, _ in self.judged(ensemble, decoding)
        ]


class Choice(NamedTuple):
    """The rule of an ensemble, with its reasons.

    Attributes:
        rule: The rule.
        f1: Micro F1 of each rule, out of fold.
        reason: Why, in half a sentence.
    """

    rule: Rule
    f1: Mapping[Rule, float]
    reason: str


def fit_average_threshold(
    panel: Panel, ensemble: Ensemble, decoding: DecodingConfig
) -> float:
    """Returns the threshold of averaged scores with the best micro F1.

    A model keeps the label that beats "none", which its probability against
    all other labels may do far below 0.5.

    Args:
        panel: Out-of-fold opinions.
        ensemble: Members.
        decoding: Settings of decoding.
    """

    def f1_at(threshold: float) -> float:
        changed = dataclasses.replace(
            ensemble, rule=Rule.AVERAGE, average_threshold=threshold
        )
        return evaluation.score(panel.pairs(changed, decoding)).micro.f1

    return max(_THRESHOLDS, key=f1_at)


def choose_rule(
    panel: Panel, ensemble: Ensemble, decoding: DecodingConfig
) -> Choice:
    """Chooses the rule with the better micro F1; of equal ones, the average.

    Args:
        panel: Out-of-fold opinions.
        ensemble: Members and threshold.
        decoding: Settings of decoding.
    """
    f1 = {
        rule: evaluation.score(
            panel.pairs(dataclasses.replace(ensemble, rule=rule), decoding)
        ).micro.f1
        for rule in Rule
    }
    best = max(f1, key=lambda rule: (f1[rule], rule is Rule.AVERAGE))
    (other,) = (rule for rule in Rule if rule is not best)
    reason = (
        f"out-of-fold micro F1 {f1[best]:.4f}, {other} {f1[other]:.4f}, with "
        f"{len(panel.weights)} opinion"
        + ("s" if len(panel.weights) > 1 else "")
        + " on each sentence"
    )
    if len(panel.weights) == 1:
        reason += (
            ", which compares how one member decides, not how several agree; "
            "--fold_repeats=2 gives a second opinion"
        )
    return Choice(best, f1, reason)


def calibrate(
    panel: Panel, ensemble: Ensemble, decoding: DecodingConfig
) -> FittedConfidence | None:
    """Fits the calibration of averaged scores; None if there are few texts.

    Args:
        panel: Out-of-fold opinions.
        ensemble: Rule; its own calibration is ignored.
        decoding: Settings of decoding.
    """
    if len({one.text for one in panel.sentences}) < FOLDS:
        return None
    plain = dataclasses.replace(ensemble, confidence=Confidence())
    return fit_confidence(
        [
            (gold, candidates)
            for gold, _, candidates in panel.judged(plain, decoding)
        ],
        decode=decoder_of(decoding),
        scaling=Scaling.PLATT,
        folds=FOLDS,
    )
