"""Intervals beside the dev scores: of the predictions that were scored."""

import json

import pytest
from reports.card import card_samples

from biaffine_tf import formats, model_directory
from biaffine_tf.evaluation.bootstrap import intervals
from biaffine_tf.spans import Span

SENTENCES = card_samples.labelled(["person", "place"])
PAIRS = list(zip(SENTENCES, card_samples.predictions(SENTENCES), strict=True))


@pytest.fixture
def directory(tmp_path):
    return card_samples.make_directory(tmp_path / "model", SENTENCES)


def _scores(directory):
    return json.loads((directory / "scores.json").read_text())


def _keep(directory, sentences=SENTENCES):
    model_directory.keep_intervals(str(directory), sentences)
    return _scores(directory)


def _rewrite(directory, change):
    path = directory / "predictions.jsonl"
    formats.write(
        path, [change(one) for one in list(formats.read(path))], "span_jsonl"
    )


def test_they_are_those_of_the_pairs_and_nothing_else_changes(directory):
    before = _scores(directory)
    after = _keep(directory)
    found = after.pop("intervals")
    assert found == intervals(PAIRS).to_json()
    assert after == before


def test_they_outlive_the_predictions(directory):
    """Thresholds change these later on."""
    scores = _keep(directory)
    _rewrite(directory, lambda one: one.replace_spans([]))
    assert _keep(directory) == scores
    assert "intervals" in scores


def _drop(sentence):
    return sentence.replace_spans(sentence.spans[1:])


def _add_to_the_first(sentence):
    more = [Span(5, 8, "person")] if sentence.id == "0" else []
    return sentence.replace_spans([*sentence.spans, *more])


@pytest.mark.parametrize("change", [_drop, _add_to_the_first])
def test_predictions_that_were_not_scored_say_nothing(directory, change):
    _rewrite(directory, change)
    before = _scores(directory)
    assert _keep(directory) == before


@pytest.mark.parametrize("content", [None, "", "{", '{"text": "ab"}\n'])
def test_no_predictions_no_intervals(directory, content):
    path = directory / "predictions.jsonl"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert "intervals" not in _keep(directory)


def test_other_sentences_say_nothing(directory):
    assert "intervals" not in _keep(directory, SENTENCES[::-1])
    assert "intervals" not in _keep(directory, SENTENCES[:-1])
    assert "intervals" in _keep(directory)


def test_nothing_is_kept_before_an_epoch_has_ended(directory):
    (directory / "scores.json").unlink()
    model_directory.keep_intervals(str(directory), SENTENCES)
    assert not (directory / "scores.json").exists()


def test_spans_given_twice_or_scored_count_as_they_were_scored(directory):
    """What is compared is what the scores count."""
    _rewrite(
        directory,
        lambda one: one.replace_spans(
            Span(s.start, s.end, s.label, 0.5) for s in one.spans
        ),
    )
    assert _keep(directory)["intervals"] == intervals(PAIRS).to_json()
