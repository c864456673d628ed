"""The command of a selection, and the judgements that it rests on."""

import json

import pytest
import tiny

from biaffine_tf import formats
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.commands import selection
from biaffine_tf.commands.flag_types import given
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.inference import loading
from biaffine_tf.inference.base import MIN_SCORE, BasePredictor

NUMBER = 8


pytestmark = pytest.mark.slow  # runs the command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("selection")
    config = ExperimentConfig(model=tiny.model_config())
    tiny.write_model(folder / "model", config, model_seed=3)
    texts = tiny.sentences(40, seed=2)
    formats.write(folder / "texts.jsonl", texts, "span_jsonl")
    formats.write(folder / "labelled.jsonl", texts[:4], "cluener")
    return folder


def pick(folder, name="picked.jsonl", **settings):
    settings = {
        "model_dir": folder / "model",
        "input": [folder / "texts.jsonl"],
        "labelled": folder / "labelled.jsonl",
        "output": folder / name,
        "number": NUMBER,
    } | settings
    with given(selection.define_selection_flags, settings):
        selection.main()
    return list(formats.read(settings["output"]))


def test_a_judgement_holds_entities_and_candidates(folder):
    sentences = tiny.sentences(12, seed=5)
    with loading.load(str(folder / "model"), {}) as predictor:
        for confidence in (
            Confidence(),
            Confidence(temperature=2.0, bias=-0.5),
            Confidence(thresholds={}, default_threshold=0.3),
        ):
            predictor.confidence = confidence
            expected = [*predictor.predict(sentences)]
            found = [*predictor.judge(sentences)]
            assert [one for one, _ in found] == sentences
            for sentence, (_, judgement) in zip(expected, found, strict=True):
                assert judgement.entities == list(sentence.spans)
                keys = {one.key for one in judgement.candidates}
                likely = {
                    one.key
                    for one in judgement.entities
                    if one.score >= MIN_SCORE
                }
                assert likely <= keys
                assert all(s.score >= MIN_SCORE for s in judgement.candidates)
            below = [
                span
                for _, one in found
                for span in one.candidates
                if span.key not in {e.key for e in one.entities}
            ]
            assert below  # candidates that are no entities
        plain = [*BasePredictor.judge(predictor, sentences)]
        assert all(one.entities == one.candidates for _, one in plain)


def test_picks_are_the_same_twice_and_hold_the_reason(folder, capsys):
    first = pick(folder, plot=folder / "plot.html")
    said = capsys.readouterr().out
    pick(folder, "again.jsonl")
    files = (folder / name for name in ("picked.jsonl", "again.jsonl"))
    assert len({file.read_bytes() for file in files}) == 1
    assert len(first) == NUMBER
    assert f"{NUMBER} of 40 sentences" in said
    assert [one.extra["selection"]["rank"] for one in first] == [
        *range(1, NUMBER + 1)
    ]
    assert (folder / "plot.html").exists()
    with loading.load(str(folder / "model"), {}) as predictor:
        for one, predicted in zip(first, predictor.predict(first), strict=True):
            keys = [span.key for span in predicted.spans]
            assert [span.key for span in one.spans] == keys


def test_labelled_texts_are_not_picked_again(folder, capsys):
    labelled = {one.text for one in formats.read(folder / "labelled.jsonl")}
    every = pick(folder, "every.jsonl", number=40)
    assert not labelled & {one.text for one in every}
    assert "near-duplicate of a labelled sentence" in capsys.readouterr().out


def test_picks_are_written_for_tools_or_bare(folder):
    pick(folder, "tasks.json", output_format="label_studio")
    tasks = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    assert len(tasks) == NUMBER
    assert all("predictions" in one for one in tasks)
    bare = pick(folder, "bare.jsonl", suggest=False, strategy="random")
    assert all(one.spans is None for one in bare)


def test_what_cannot_be_picked_from_is_refused(folder):
    with pytest.raises(ConfigError, match="reads its input twice"):
        pick(folder, input=["-"])
    with pytest.raises(ConfigError, match="is the input"):
        pick(folder, output=folder / "texts.jsonl")
    with pytest.raises(ConfigError, match="there is no folder"):
        pick(folder, plot=folder / "missing" / "plot.html")
    with pytest.raises(DataError, match="no such file"):
        pick(folder, labelled=folder / "missing.jsonl")
