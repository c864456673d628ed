"""Completes a model directory after training.

Calibrates scores and fits thresholds on the dev set, as requested; writes the
dev predictions with calibrated scores, a report and a model card; scores the
test data with the finished model; writes its ONNX form. Without a dev set it
only does the last two and writes the card.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from biaffine_tf import formats, model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.fitting import (
    FittedConfidence,
    fit_confidence,
)
from biaffine_tf.calibration.objectives import ThresholdObjective
from biaffine_tf.calibration.scaling import Scaling
from biaffine_tf.config import PREDICTION_PRECISION
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.decoding import Candidate
from biaffine_tf.evaluation.partial import judged
from biaffine_tf.inference.postprocessing import decoder_of
from biaffine_tf.inference.strongest import Strongest
from biaffine_tf.inference.testing import is_due, update_test_scores
from biaffine_tf.reports.card.writing import write_card
from biaffine_tf.reports.html import write_report
from biaffine_tf.reports.html.content import About
from biaffine_tf.spans import Sentence, Span

if TYPE_CHECKING:
    from biaffine_tf.inference.predictor import Predictor
    from biaffine_tf.inference.windowed import WindowedPredictor

FOLDS = 5
# Candidates below this are uninformative, and there are millions.
_MIN_SCORE = 0.01
# A weak model has many candidates even so; these many per sentence, on average
# and with the highest scores, are enough.
_CANDIDATES_PER_SENTENCE = 20


def complete(
    directory: str,
    sentences: Sequence[Sentence] | None,
    training: Callable[[], Iterable[Sentence]],
    *,
    calibrate: bool,
    objective: ThresholdObjective | None,
    report: bool,
    about: About | None = None,
    test: Corpus | None = None,
    onnx: bool = False,
    load: Callable[[str], Predictor] | None = None,
) -> None:
    """Does the steps that are missing, or were done with other settings.

    A kill at any moment leaves steps to do, and none half done. The digests
    come last; a directory that has digests must match them.

    Args:
        directory: Model directory after training.
        sentences: Its labelled dev set; None if it was trained without.
        training: Function that reads the training data.
        calibrate: Whether to calibrate scores.
        objective: Objective of the thresholds; None for no thresholds.
        report: Whether to write a report.
        about: Facts of the run for the report.
        test: Labelled test data to score the model on, or None.
        onnx: Whether to write the ONNX form, where it can be.
        load: Makes a predictor of the directory, if one is needed; None for
            `Predictor.from_directory`.

    Raises:
        ConfigError: If the directory is damaged.
    """
    _check_digests(directory, fits=calibrate and sentences is not None)
    if sentences is None:
        confidence = model_directory.read_confidence(directory)
        update_test_scores(directory, test, confidence)
    else:
        _complete_with_dev(
            directory,
            sentences,
            training,
            calibrate=calibrate,
            objective=objective,
            report=report,
            about=about or {},
            test=test,
            load=load or _load,
        )
    if onnx:
        from biaffine_tf.export.model_form import update_form

        update_form(directory, sentences, training)
    write_card(directory)
    if not model_directory.is_sealed(directory):
        model_directory.seal(directory)


def _check_digests(directory: str, *, fits: bool) -> None:
    """Checks the digests; confidence.json may be deleted to fit it again."""
    name = model_directory.CONFIDENCE
    if fits and not os.path.lexists(os.path.join(directory, name)):
        model_directory.check_digests(directory, besides=[name])
        model_directory.unseal(directory)
    else:
        model_directory.check_digests(directory)


def _complete_with_dev(
    directory: str,
    sentences: Sequence[Sentence],
    training: Callable[[], Iterable[Sentence]],
    *,
    calibrate: bool,
    objective: ThresholdObjective | None,
    report: bool,
    about: About,
    test: Corpus | None,
    load: Callable[[str], Predictor],
) -> None:
    """Does the missing steps; arguments are those of `complete`."""
    # New thresholds will change the predictions that were scored.
    model_directory.keep_intervals(directory, sentences)
    fitted = model_directory.read_fitted(directory) or {}
    settings = _settings(directory, objective)
    is_stale = calibrate and fitted.get("settings") != settings
    page = os.path.join(directory, model_directory.REPORT)
    is_untested = not is_stale and is_due(
        directory, test, model_directory.read_confidence(directory)
    )
    is_reported = not report or os.path.exists(page)
    if is_stale or is_untested or not is_reported:
        _predict_again(
            directory,
            sentences,
            training,
            objective=objective,
            settings=settings if is_stale else None,
            page=page if report else None,
            about=about,
            test=test,
            load=load,
        )


def _predict_again(
    directory: str,
    sentences: Sequence[Sentence],
    training: Callable[[], Iterable[Sentence]],
    *,
    objective: ThresholdObjective | None,
    settings: dict[str, Any] | None,
    page: str | None,
    about: About,
    test: Corpus | None,
    load: Callable[[str], Predictor],
) -> None:
    """Does the steps that need predictions of the dev set.

    Args:
        directory: As for `complete`, like the rest.
        sentences: Dev set.
        training: Function that reads the training data.
        objective: Objective of the thresholds.
        settings: Settings of the fit to make; None to make none.
        page: Path of the report to write, or None.
        about: Facts of the run for the report.
        test: Test data.
        load: Makes the predictor.
    """
    predictor = load(directory)
    fitted = None
    if settings is not None:
        fitted = fit(predictor, sentences, objective)
        predictor.confidence = (
            Confidence() if fitted is None else fitted.confidence
        )
    predicted = list(judged(sentences, predictor.predict(sentences)))
    formats.write(
        os.path.join(directory, model_directory.PREDICTIONS),
        predicted,
        "span_jsonl",
        with_scores=True,
    )
    config = model_directory.read_config(directory)
    is_as_users_load = (
        config.training.evaluation_precision is PREDICTION_PRECISION
    )
    tested = update_test_scores(
        directory,
        test,
        predictor.confidence,
        predictor if is_as_users_load else None,
    )
    if page is not None:
        known = (
            fitted
            if settings is not None
            else model_directory.read_fit(directory)
        )
        history = model_directory.read_history(directory)
        write_report(
            page,
            zip(sentences, predicted, strict=True),
            title=os.path.basename(os.path.realpath(directory)),
            training=training(),
            history=history,
            calibration=None
            if known is None
            else {"before": known.before, "after": known.held_out},
            test=tested,
            **about,
        )
    if fitted is not None:
        model_directory.write_confidence(
            directory, {"settings": settings, **fitted.to_json()}
        )
        _print(fitted)


def _load(directory: str) -> Predictor:
    # TensorFlow is loaded only if there is something to do.
    from biaffine_tf.inference.predictor import Predictor

    config = model_directory.read_config(directory)
    return Predictor.from_directory(
        directory, precision=config.training.evaluation_precision
    )


def fit(
    predictor: WindowedPredictor,
    sentences: Sequence[Sentence],
    objective: ThresholdObjective | None,
) -> FittedConfidence | None:
    """Fits the calibration, and thresholds if there is an objective."""
    distinct = len({sentence.text for sentence in sentences})
    if distinct < FOLDS:
        print(f"scores are not calibrated: only {distinct} sentences")
        return None
    candidates = _strongest(
        predictor,
        sentences,
        max_candidates=_CANDIDATES_PER_SENTENCE * len(sentences),
    )
    found = (
        sentence.replace_spans(spans)
        for sentence, spans in zip(sentences, candidates, strict=True)
    )
    pairs = list(zip(sentences, judged(sentences, found), strict=True))
    # A temperature alone cannot correct scores at 0.5.
    return fit_confidence(
        pairs,
        decode=decoder_of(predictor.decoding),
        objective=objective,
        scaling=Scaling.PLATT,
        folds=FOLDS,
    )


def _strongest(
    predictor: WindowedPredictor,
    sentences: Sequence[Sentence],
    *,
    max_candidates: int,
) -> list[list[Span]]:
    """Finds the highest-scored candidates of all sentences together.

    Args:
        predictor: Predictor of the model.
        sentences: Sentences; their spans are ignored.
        max_candidates: Maximum number of candidates in total. Of those with
            the score of the next one, none is taken.
    """
    strongest = Strongest(max_candidates)
    kept: list[list[Candidate]] = []
    held = 0
    for candidates in predictor.candidates(
        sentences, min_score=_MIN_SCORE, strongest=strongest
    ):
        kept.append(candidates)
        held += len(candidates)
        if held > 2 * max_candidates:
            kept = _above(strongest.floor, kept)
            held = sum(map(len, kept))
    return [
        [Span(o.start, o.end, o.label, o.score) for o in candidates]
        for candidates in _above(strongest.floor, kept)
    ]


def _above(
    floor: float, sentences: Iterable[list[Candidate]]
) -> list[list[Candidate]]:
    """Candidates whose log-odds exceed a floor."""
    return [
        [
            one
            for one in candidates
            if one.log_odds is not None and one.log_odds > floor
        ]
        for candidates in sentences
    ]


def _settings(
    directory: str, objective: ThresholdObjective | None
) -> dict[str, Any]:
    """Returns the settings of a fit, to notice when they change."""
    decoding = model_directory.read_config(directory).decoding
    values = None
    if objective is not None:
        values = {
            "aim": str(objective.metric),
            "target": objective.target,
            "certainty": objective.certainty,
        }
    return {"decoding": decoding.to_dict(), "goal": values}


def _print(fit: FittedConfidence) -> None:
    """Prints the calibration and its held-out metrics."""
    print(
        f"scores: temperature {fit.confidence.temperature:.2f}, bias "
        f"{fit.confidence.bias:.2f}; expected calibration error "
        f"{fit.before.error:.4f}, calibrated {fit.held_out.error:.4f} "
        "(held out)"
    )
    for note in fit.notes:
        print(note)
    if fit.held_out_scores is not None and fit.objective is not None:
        plain, held_out = fit.plain_scores.micro, fit.held_out_scores.micro
        print(
            f"thresholds for {fit.objective.metric}: micro precision "
            f"{held_out.precision:.4f}, recall {held_out.recall:.4f}, F1 "
            f"{held_out.f1:.4f} (held out); without {plain.precision:.4f}, "
            f"{plain.recall:.4f}, {plain.f1:.4f}"
        )
