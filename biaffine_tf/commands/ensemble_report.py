"""Scores of an ensemble and its members, printed and written."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.calibration.fitting import FittedConfidence
from biaffine_tf.calibration.scaling import find_outcomes, measure_reliability
from biaffine_tf.config import DecodingConfig
from biaffine_tf.ensemble.choosing import Choice, Panel
from biaffine_tf.evaluation.comparison import compare
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.files import write_json
from biaffine_tf.model_directory import Ensemble, Rule
from biaffine_tf.spans import Span

_RESAMPLES = 2000


class Report:
    """Scores of an ensemble; `write` keeps them in `scores.json`.

    Args:
        output_dir: Ensemble directory.
    """

    def __init__(self, output_dir: str) -> None:
        self._output_dir = output_dir
        self._scores: dict[str, Any] = {}

    def out_of_fold(
        self,
        panel: Panel,
        ensemble: Ensemble,
        decoding: DecodingConfig,
        choice: Choice,
        fitted: FittedConfidence | None,
    ) -> None:
        """Writes the out-of-fold predictions, and notes how they were judged.

        Args:
            panel: Out-of-fold opinions.
            ensemble: Rule and calibration.
            decoding: Settings of decoding.
            choice: Scores of both rules.
            fitted: The calibration, if there is one.
        """
        formats.write(
            os.path.join(self._output_dir, model_directory.OUT_OF_FOLD),
            (found for _, found in panel.pairs(ensemble, decoding)),
            "span_jsonl",
            with_scores=True,
        )
        self._scores["out_of_fold"] = {
            "micro_f1": {str(rule): f1 for rule, f1 in choice.f1.items()},
            "rule": str(ensemble.rule),
            "opinions": len(panel.weights),
        }
        if fitted is None:
            print("scores are not calibrated: there are too few sentences")
            return
        self._scores["out_of_fold"]["calibration_error"] = {
            "before": fitted.before.error,
            "held_out": fitted.held_out.error,
        }
        print(
            "out of fold: expected calibration error "
            f"{fitted.before.error:.4f}, calibrated "
            f"{fitted.held_out.error:.4f} (held out)"
        )

    def held_out(
        self,
        flag: str,
        panel: Panel,
        ensemble: Ensemble,
        decoding: DecodingConfig,
        names: Sequence[str],
    ) -> None:
        """Scores members and both rules on data that nothing was fitted on.

        Args:
            flag: Flag of the data.
            panel: Opinions of all members.
            ensemble: Rule and calibration.
            decoding: Settings of decoding.
            names: Names of the members.
        """
        members = {
            name: _member_pairs(panel, number)
            for number, name in enumerate(names)
        }
        rules = {
            str(rule): panel.pairs(
                dataclasses.replace(ensemble, rule=rule), decoding
            )
            for rule in Rule
        }
        f1 = {
            name: evaluation.score(pairs).micro.f1
            for name, pairs in {**members, **rules}.items()
        }
        best = max(members, key=lambda name: f1[name])
        chosen = rules[ensemble.rule]
        gain = compare(chosen, members[best], resamples=_RESAMPLES)
        difference = gain.differences.micro.f1
        mean = sum(f1[name] for name in members) / len(members)
        candidates = [
            (gold, found) for gold, _, found in panel.judged(ensemble, decoding)
        ]
        error = measure_reliability(*find_outcomes(candidates)[:2]).error
        self._scores[flag] = {
            **evaluation.score(chosen).to_json(),
            "micro_f1": f1,
            "mean_of_members": mean,
            "gain_over_best_member": dataclasses.asdict(difference),
            "calibration_error": error,
        }
        for name, value in f1.items():
            mark = " (the rule)" if name == ensemble.rule else ""
            print(f"{flag}: micro F1 {value:.4f} {name}{mark}")
        print(
            f"{flag}: {ensemble.rule} {f1[ensemble.rule] - mean:+.4f} over the "
            f"mean of its members, {difference.value:+.4f} over the best, "
            f"{best} ({difference.interval.low:+.4f} to "
            f"{difference.interval.high:+.4f}); expected calibration error "
            f"{error:.4f}"
        )

    def write(self) -> None:
        """Writes the scores."""
        write_json(
            os.path.join(self._output_dir, model_directory.SCORES),
            self._scores,
        )


def _member_pairs(panel: Panel, number: int) -> list[Pair]:
    return [
        (
            gold,
            gold.replace_spans(
                Span(*one[:3]) for one in opinions[number].entities
            ),
        )
        for gold, opinions in zip(panel.sentences, panel.opinions, strict=True)
    ]
