"""Calibration and thresholds, from the dev set into predictions."""

import json
import math
import pathlib
import shutil

import numpy as np
import pytest
import tiny
from heads.plain_candidates import candidates_from_logits

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.objectives import (
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.commands import completion
from biaffine_tf.config import Decoder, DecodingConfig, ExperimentConfig
from biaffine_tf.decoding import Candidate, decode
from biaffine_tf.inference.postprocessing import Postprocessor
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import Sentence

pytestmark = pytest.mark.slow  # traces a model for each setting

SENTENCES = tiny.sentences(60, seed=3)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A model directory as training leaves it; its weights are random."""
    folder = tmp_path_factory.mktemp("models")
    path = str(folder / "model")
    vocabulary = tiny.tokenizer(folder).vocabulary
    config = ExperimentConfig(
        model=tiny.model_config(), decoding=DecodingConfig(nested=True)
    )
    model_directory.write_description(path, config, tiny.LABELS, vocabulary)
    # Opinions of all strengths: margins from -14 to 11, a tenth above 3.
    model = tiny.model(seed=5)
    bilinear = model.head.bilinear
    values = bilinear.numpy() * 100
    values[-1, :, -1] = [16, 0, 0, 0]  # biases of the classes
    bilinear.assign(values)
    model_directory.save_weights(path, model)
    history = [
        {"epoch": 1, "loss": 2.0, "micro_f1": 0.1, "seconds": 1.0},
    ]
    (folder / "model" / "history.json").write_text(
        json.dumps({"epochs": history})
    )
    return path


def _complete(directory, **options):
    options = {"calibrate": True, "objective": None, "report": True} | options
    completion.complete(directory, SENTENCES, lambda: SENTENCES[:20], **options)


def _stamps(directory):
    names = ("confidence.json", "predictions.jsonl", "report.html")
    return {name: (directory / name).stat().st_mtime_ns for name in names}


def test_a_directory_is_completed_once(directory, tmp_path, capsys):
    folder = pathlib.Path(directory)
    _complete(directory)
    assert "temperature" in capsys.readouterr().out
    stamps = _stamps(folder)
    _complete(directory)
    assert _stamps(folder) == stamps
    # A report alone is made again from what is known.
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "All candidates" in page
    (folder / "report.html").unlink()
    _complete(directory)
    assert (folder / "report.html").read_text(encoding="utf-8") == page
    stamps = _stamps(folder)
    # With another objective, what depends on it is made again.
    _complete(
        directory, objective=ThresholdObjective(metric=ThresholdMetric.F1)
    )
    assert "thresholds for f1" in capsys.readouterr().out
    assert all(
        made > before
        for made, before in zip(
            _stamps(folder).values(), stamps.values(), strict=True
        )
    )
    confidence = model_directory.read_confidence(directory)
    assert confidence.thresholds
    # What is written is what the model says from now on.
    predictor = Predictor.from_directory(directory)
    assert predictor.confidence == confidence
    predicted = formats.read(str(folder / "predictions.jsonl"))
    for written, said in zip(
        predicted, predictor.predict(SENTENCES), strict=True
    ):
        assert [s.key for s in written.spans] == [s.key for s in said.spans]
        assert [s.score for s in written.spans] == pytest.approx(
            [s.score for s in said.spans], abs=1e-6
        )


@pytest.mark.parametrize(
    "objective", [None, ThresholdObjective(metric=ThresholdMetric.F1)]
)
def test_labels_that_the_model_lacks_are_missed(
    directory, tmp_path, capsys, objective
):
    """In scores, calibration, thresholds and report alike."""
    # Without what other tests have fitted to the labels as they are.
    fitted = (model_directory.CONFIDENCE, model_directory.REPORT)
    copy = str(
        shutil.copytree(
            directory,
            tmp_path / "copy",
            ignore=shutil.ignore_patterns(*fitted),
        )
    )
    sentences = [
        one.replace_spans(
            [
                s._replace(label="ship") if s.label == "both" else s
                for s in spans
            ]
        )
        for one in SENTENCES
        for spans in [one.spans]
    ]
    ships = sum(s.label == "ship" for one in sentences for s in one.spans)
    assert ships > 10
    predictor = Predictor.from_directory(copy, calibrated=False)
    scores = evaluation.score(
        zip(sentences, predictor.predict(sentences), strict=True)
    )
    ship = scores.labels["ship"]
    assert (ship.gold, ship.predicted, ship.f1) == (ships, 0, 0.0)
    f1s = [one.f1 for one in scores.labels.values()]
    assert scores.macro.f1 == pytest.approx(sum(f1s) / len(f1s))
    everything = [s for one in sentences for s in one.spans]
    correct = sum(one.correct for one in scores.labels.values())
    assert scores.micro.recall == pytest.approx(correct / len(everything))
    completion.complete(
        copy,
        sentences,
        lambda: SENTENCES[:20],
        calibrate=True,
        objective=objective,
        report=True,
    )
    page = (pathlib.Path(copy) / "report.html").read_text(encoding="utf-8")
    assert "ship" in page
    # The fit is loaded with the model like any other.
    calibrated = Predictor.from_directory(copy)
    found = list(calibrated.predict(sentences))
    assert not any(s.label == "ship" for one in found for s in one.spans)
    fit = model_directory.read_fit(copy)
    assert fit.plain_scores.labels["ship"].gold == ships


def test_few_sentences_are_not_calibrated(directory, capsys):
    predictor = Predictor.from_directory(directory, calibrated=False)
    assert completion.fit(predictor, SENTENCES[:4], None) is None
    assert "only 4 sentences" in capsys.readouterr().out


def _all_pairs(predictor, sentence):
    """Best label of every pair, from the logits as a whole."""
    ids = predictor.tokenizer.encode(sentence.text).ids
    row = [predictor.tokenizer.cls_id, *ids, predictor.tokenizer.sep_id]
    logits = predictor.model(np.array([row], np.int32)).numpy()[0]
    return candidates_from_logits(logits, predictor.labels, least=-math.inf)


@pytest.mark.parametrize("least", [0.01, 0.2, 0.6])
def test_candidates_are_all_pairs_of_at_least_a_score(directory, least):
    predictor = Predictor.from_directory(directory, calibrated=False)
    cases = 0
    found = predictor.candidates(SENTENCES[:20], min_score=least)
    for sentence, candidates in zip(SENTENCES, found, strict=False):
        expected = {
            (one.start, one.end, one.label): one.score
            for one in _all_pairs(predictor, sentence)
            if one.score >= least
        }
        got = {(o.start, o.end, o.label): o.score for o in candidates}
        assert got.keys() == expected.keys()
        assert list(got.values()) == pytest.approx(
            [expected[key] for key in got], rel=1e-4
        )
        cases += len(got)
    assert cases > 50


@pytest.mark.parametrize("decoder", [Decoder.GREEDY, Decoder.EXACT])
@pytest.mark.parametrize("threshold", [0.05, 0.4, 0.9])
def test_thresholds_below_and_above_one_half(directory, decoder, threshold):
    """Also pairs that "none" wins can be entities, if thresholds say so."""
    predictor = Predictor.from_directory(
        directory, nested=False, decoder=decoder
    )
    confidence = Confidence(
        temperature=1.7, thresholds={"sky": threshold}, default_threshold=0.5
    )
    predictor.confidence = confidence
    for sentence, predicted in zip(
        SENTENCES[:20], predictor.predict(SENTENCES[:20]), strict=True
    ):
        candidates = confidence.apply(_all_pairs(predictor, sentence))
        expected = decode(candidates, decoder=decoder)
        assert [s.key for s in predicted.spans] == [
            (one.start, one.end, one.label) for one in expected
        ]
        assert [s.score for s in predicted.spans] == pytest.approx(
            [one.score for one in expected], rel=1e-3
        )


def _candidate(start, end, margin, label="sky"):
    return Candidate(start, end, label, margin, margin, margin)


def test_one_entity_where_thresholds_let_none_through():
    confidence = Confidence(temperature=2.0, thresholds={}, default_threshold=1)
    candidates = [_candidate(0, 1, 1.0), _candidate(2, 4, 2.0)]
    never = Postprocessor(DecodingConfig(), confidence)
    assert never(candidates, None, "abcdef") == []
    always = Postprocessor(DecodingConfig(force_one_entity=True), confidence)
    (found,) = always(candidates, _candidate(4, 5, -1.0), "abcdef")
    assert (found.start, found.end) == (2, 4)
    assert found.score == pytest.approx(1 / (1 + math.exp(-1)))  # calibrated
    (found,) = always([], _candidate(4, 5, -1.0), "abcdef")
    assert (found.start, found.end) == (4, 5)


def test_one_entity_keeps_to_the_constraints():
    config = DecodingConfig(force_one_entity=True, forbidden_inside="c")
    always = Postprocessor(config, Confidence())
    candidates = [_candidate(2, 4, 2.0)]
    (found,) = always(candidates, _candidate(4, 5, -1.0), "abcdef")
    assert (found.start, found.end) == (4, 5)
    assert always(candidates, None, "abcdef") == []


def test_sentences_without_a_token(directory):
    predictor = Predictor.from_directory(directory)
    assert list(predictor.candidates([Sentence("")])) == [[]]
