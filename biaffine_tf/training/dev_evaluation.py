"""Scores a model in training on the dev set, and keeps the best weights."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tqdm import tqdm

from biaffine_tf import model_directory
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.evaluation import Scores
from biaffine_tf.files import write_json
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.training import nothing_found
from biaffine_tf.training.adversarial import METRICS as ADVERSARIAL_METRICS
from biaffine_tf.training.averaging import WeightAverage
from biaffine_tf.training.loop import Entry, Evaluated
from biaffine_tf.training.metrics import MetricMeans, describe
from biaffine_tf.training.position import Position

# Scores a model on the dev set; returns the scores and a writer of predictions.
Evaluate = Callable[[SpanModel], tuple[Scores, Callable[[str], None]]]

_AVERAGE = "average_"  # prefix of the scores of averaged weights


class _Scored(NamedTuple):
    """Scores of the model, or none without a dev set.

    Attributes:
        scores: Scores, or None.
        write_predictions: Writes what was predicted, or None.
    """

    scores: Scores | None = None
    write_predictions: Callable[[str], None] | None = None

    @property
    def f1(self) -> float:
        """Micro F1; 0 without scores."""
        return self.scores.micro.f1 if self.scores else 0.0


class DevEvaluation:
    """Scores the dev set after each epoch, and keeps the best model.

    With an average of the weights it scores both, and keeps the better one.
    Without a dev set it keeps the latest model, averaged if possible, without
    scores.

    Args:
        config: Settings of the run.
        model: Model in training.
        output_dir: Model directory.
        evaluate: Scores the model; None without a dev set.
        average: Average of the weights, or None.
    """

    history_key = "epochs"

    def __init__(
        self,
        config: ExperimentConfig,
        model: SpanModel,
        output_dir: str,
        *,
        evaluate: Evaluate | None,
        average: WeightAverage | None = None,
    ) -> None:
        self._config = config
        self._model = model
        self._output_dir = output_dir
        self._evaluate = evaluate
        self._average = average

    def evaluate(
        self,
        at: Position,
        metrics: MetricMeans,
        *,
        seconds: float,
        history: list[Entry],
    ) -> Evaluated:
        """Scores, reports, and keeps the best model."""
        begun = time.perf_counter()
        plain, averaged = self._score(), None
        if self._average is not None and self._average.exists:
            with self._average.applied():
                averaged = self._score()
        evaluation_seconds = time.perf_counter() - begun
        values = metrics.means() | {"sentences": metrics.count}
        values |= _flat(plain.scores)
        if averaged is not None:
            more = _flat(averaged.scores)
            values |= {f"{_AVERAGE}{key}": value for key, value in more.items()}
        entry = {
            "epoch": at.epoch,
            **values,
            "training_seconds": seconds,
            "evaluation_seconds": evaluation_seconds,
            "seconds": seconds + evaluation_seconds,
        }
        best, f1 = max(map(_f1, history), default=0.0), _f1(entry)
        tqdm.write(_summary(entry, self._names, is_best=f1 > best))
        # At an F1 of 0, the latest model has learnt the most.
        if f1 > best or not best:
            self._keep(entry, plain, averaged)
        hint = nothing_found.hint([*history, entry], config=self._config)
        if hint is not None:
            tqdm.write(hint)
        curves = {f"epoch/{name}": value for name, value in values.items()}
        for label, score in plain.scores.labels.items() if plain.scores else ():
            curves[f"dev_f1/{label}"] = score.f1
        return Evaluated(entry, curves, at.epoch)

    @property
    def _names(self) -> tuple[str, ...]:
        """Names of the training metrics to print."""
        return (*self._model.head.metric_names, *ADVERSARIAL_METRICS)

    def _score(self) -> _Scored:
        if self._evaluate is None:
            return _Scored()
        return _Scored(*self._evaluate(self._model))

    def stop_reason(self, history: list[Entry]) -> str | None:
        """Returns a reason if no epoch has improved for as long as allowed."""
        patience = self._config.training.early_stopping_patience
        if patience is None or not history:
            return None
        scores = [_f1(entry) for entry in history]
        if len(scores) - 1 - scores.index(max(scores)) < patience:
            return None
        return f"no better micro F1 for {patience} epochs"

    def describe_kept(self, history: list[Entry], saved_step: int) -> str:
        """Names the epoch of the kept model."""
        del saved_step
        if not history:
            return "no epoch has ended, so there is no model"
        scores = model_directory.read_scores(self._output_dir) or {}
        return f"{self._output_dir} keeps the model of epoch {scores['epoch']}"

    def _keep(
        self, entry: Entry, plain: _Scored, averaged: _Scored | None
    ) -> None:
        """Keeps the better one; without scores the averaged one."""
        kept, facts = plain, {}
        weights: contextlib.AbstractContextManager[None]
        weights = contextlib.nullcontext()
        if averaged is not None and (
            plain.scores is None or averaged.f1 > plain.f1
        ):
            assert self._average is not None
            kept, weights = averaged, self._average.applied()
            facts = {"average": self._average.kind.description}
        scores, write_predictions = kept
        folder = self._output_dir
        with weights:
            model_directory.save_weights(folder, self._model)
        if write_predictions is not None:
            write_predictions(os.path.join(folder, model_directory.PREDICTIONS))
        write_json(
            os.path.join(folder, model_directory.SCORES),
            {
                **(scores.to_json() if scores else {}),
                "epoch": entry["epoch"],
                **facts,
                "seed": self._config.training.seed,
                "complete": False,
            },
        )


def _flat(scores: Scores | None) -> dict[str, float]:
    if scores is None:
        return {}
    return {
        f"{name}_{metric}": getattr(getattr(scores, name), metric)
        for name in ("micro", "macro", "cluener")
        for metric in ("precision", "recall", "f1")
    }


def _f1(entry: Entry) -> float:
    """Returns the better micro F1 of plain and averaged weights."""
    return max(entry.get(f"{prefix}micro_f1", 0.0) for prefix in ("", _AVERAGE))


def _summary(
    entry: Entry, metric_names: Sequence[str], *, is_best: bool
) -> str:
    metrics = describe({k: entry[k] for k in metric_names if k in entry})
    trained = f"epoch {entry['epoch']}: {metrics}"
    if "micro_f1" not in entry:
        return f"{trained} ({entry['training_seconds']:.0f} s)"
    average = ""
    if f"{_AVERAGE}micro_f1" in entry:
        average = f"; averaged {entry[f'{_AVERAGE}micro_f1']:.4f}"
    return (
        f"{trained}; dev micro F1 "
        f"{entry['micro_f1']:.4f}, macro F1 {entry['macro_f1']:.4f}, cluener "
        f"F1 {entry['cluener_f1']:.4f}{average} "
        f"({entry['training_seconds']:.0f} + "
        f"{entry['evaluation_seconds']:.0f} s)"
        + (" (best so far)" if is_best else "")
    )
