"""Completes a model directory when its training has ended.

Calibrates scores on the dev set and fits thresholds, if asked for; writes the
dev predictions with calibrated scores, a report and a model card; scores the
test data with the finished model. Without a dev set there are test scores and
a card.
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
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.decoding import Candidate
from biaffine_tf.inference.postprocessing import decoder_of
from biaffine_tf.inference.strongest import Strongest
from biaffine_tf.inference.testing import is_due, update_test_scores
from biaffine_tf.reports.card.writing import write_card
from biaffine_tf.reports.html import write_report
from biaffine_tf.reports.html.content import About
from biaffine_tf.spans import Sentence, Span

if TYPE_CHECKING:
    from biaffine_tf.inference.predictor import Predictor

FOLDS = 5
# Candidates less likely than this say nothing, and there are millions.
_MIN_SCORE = 0.01
# Of a model that knows little, there are many even so: the likeliest so many
# for each sentence on average are enough.
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
) -> None:
    """Does what is not done yet, or was done with other settings.

    A kill at any moment leaves something to do, and nothing half done. The
    digests come last; a directory that has some must be as they say.

    Args:
        directory: A model directory whose training has ended.
        sentences: Its dev set, labelled; None if it was trained without.
        training: Reads what it was trained on.
        calibrate: Whether to fit what scores mean.
        objective: What thresholds are for; None for none.
        report: Whether to write a report.
        about: What it says of the run.
        test: Labelled data to score it on; None for none.

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
        )
    write_card(directory)
    if not model_directory.is_sealed(directory):
        model_directory.seal(directory)


def _check_digests(directory: str, *, fits: bool) -> None:
    """Refuses damage; what was deleted to be fitted again is none."""
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
) -> None:
    """Fits and reports what is due; arguments are those of `complete`."""
    # Thresholds are about to change the predictions that were scored.
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
) -> None:
    """Does what takes predictions of the dev set.

    Args:
        directory: As for `complete`, like the rest.
        sentences: The dev set.
        training: The training data.
        objective: What thresholds are for.
        settings: Of the fit that is to be made; None for none.
        page: The report to write; None for none.
        about: What it says of the run.
        test: The test data.
    """
    # Where nothing is to be done, TensorFlow is not loaded.
    from biaffine_tf.inference.predictor import Predictor

    config = model_directory.read_config(directory)
    predictor = Predictor.from_directory(
        directory, precision=config.training.evaluation_precision
    )
    fitted = None
    if settings is not None:
        fitted = fit(predictor, sentences, objective)
        predictor.confidence = (
            Confidence() if fitted is None else fitted.confidence
        )
    predicted = list(predictor.predict(sentences))
    formats.write(
        os.path.join(directory, model_directory.PREDICTIONS),
        predicted,
        "span_jsonl",
        with_scores=True,
    )
    tested = update_test_scores(directory, test, predictor.confidence)
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


def fit(
    predictor: Predictor,
    sentences: Sequence[Sentence],
    objective: ThresholdObjective | None,
) -> FittedConfidence | None:
    """Fits the calibration, and thresholds if there is an objective."""
    distinct = len({sentence.text for sentence in sentences})
    if distinct < FOLDS:
        print(f"scores are not calibrated: only {distinct} sentences")
        return None
    found = _strongest(
        predictor,
        sentences,
        most=_CANDIDATES_PER_SENTENCE * len(sentences),
    )
    pairs = [
        (sentence, sentence.replace_spans(spans))
        for sentence, spans in zip(sentences, found, strict=True)
    ]
    # A temperature alone leaves 0.5 where it is, and models are wrong there.
    return fit_confidence(
        pairs,
        decode=decoder_of(predictor.decoding),
        objective=objective,
        scaling=Scaling.PLATT,
        folds=FOLDS,
    )


def _strongest(
    predictor: Predictor, sentences: Sequence[Sentence], *, most: int
) -> list[list[Span]]:
    """The candidates of each sentence that are among the strongest of all.

    Args:
        predictor: Of the model.
        sentences: Their spans are ignored.
        most: Most candidates of all sentences together. Of those with the same
            score as the next one, none is taken.
    """
    strongest = Strongest(most)
    found: list[list[Candidate]] = []
    held = 0
    for candidates in predictor.candidates(
        sentences, min_score=_MIN_SCORE, strongest=strongest
    ):
        found.append(candidates)
        held += len(candidates)
        if held > 2 * most:
            found = _above(strongest.floor, found)
            held = sum(map(len, found))
    return [
        [Span(o.start, o.end, o.label, o.score) for o in candidates]
        for candidates in _above(strongest.floor, found)
    ]


def _above(
    floor: float, found: Iterable[list[Candidate]]
) -> list[list[Candidate]]:
    """Candidates whose log-odds exceed a floor."""
    return [
        [
            one
            for one in candidates
            if one.log_odds is not None and one.log_odds > floor
        ]
        for candidates in found
    ]


def _settings(
    directory: str, objective: ThresholdObjective | None
) -> dict[str, Any]:
    """What a fit depends on besides the model and its dev set."""
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
    """Says what was fitted, by figures that the fit was not made on."""
    print(
        f"scores: temperature {fit.confidence.temperature:.2f}, bias "
        f"{fit.confidence.bias:.2f}; expected calibration error "
        f"{fit.before.error:.4f}, calibrated {fit.held_out.error:.4f} "
        "(held out)"
    )
    for note in fit.notes:
        print(f"scores: {note}")
    if fit.held_out_scores is not None and fit.objective is not None:
        plain, held_out = fit.plain_scores.micro, fit.held_out_scores.micro
        print(
            f"thresholds for {fit.objective.metric}: micro precision "
            f"{held_out.precision:.4f}, recall {held_out.recall:.4f}, F1 "
            f"{held_out.f1:.4f} (held out); without {plain.precision:.4f}, "
            f"{plain.recall:.4f}, {plain.f1:.4f}"
        )
