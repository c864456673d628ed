"""biaffine_tf.train: what run_classifier.py does, called from Python."""

import json

import pytest
import tiny_runs
from absl import flags as absl_flags

import biaffine_tf
from biaffine_tf import formats
from biaffine_tf.commands.flag_types import FLAGS
from biaffine_tf.errors import ConfigError


@pytest.mark.slow
def test_a_model_is_trained_as_by_the_command(corpus, tmp_path, capsys):
    settings = {
        "eval_data": [corpus / "dev.jsonl"],
        "vocab_file": corpus / "vocab.txt",
        "bert_config_file": str(corpus / "bert_config.json"),
        "max_seq_length": 40,
        "learning_rate": 3e-3,
        "train_batch_size": 8,
        "num_train_epochs": 2,
        "num_buckets": 2,
        "nested": True,
        "report": False,
        "context_pieces": 0,  # an old name
        "max_span_width": None,  # not given
    }
    # A flag of the program that calls is none of ours.
    absl_flags.DEFINE_string("loss", "mine", "", absl_flags.FLAGS)
    try:
        called = tmp_path / "called"
        result = biaffine_tf.train(corpus / "train.jsonl", called, **settings)
        assert "loss" not in FLAGS
    finally:
        delattr(absl_flags.FLAGS, "loss")
    typed = tmp_path / "typed"
    flags = [
        f"--train_data={corpus / 'train.jsonl'}",
        f"--eval_data={corpus / 'dev.jsonl'}",
        *tiny_runs.encoder_flags(corpus),
        "--noreport",
    ]
    tiny_runs.run(typed, *flags)
    tiny_runs.assert_same_weights(typed, called)
    scores = json.loads((called / "scores.json").read_text())
    assert result.scores == scores
    assert result.model_dir == str(called)
    dev = list(formats.read(corpus / "dev.jsonl"))
    assert "engine=onnx" in repr(result.predictor)
    found, written = (
        [(span.key, span.score) for one in some for span in one.spans]
        for some in (
            result.predictor.predict(dev),
            formats.read(called / "predictions.jsonl"),
        )
    )
    assert [key for key, _ in found] == [key for key, _ in written]
    assert [score for _, score in found] == pytest.approx(
        [score for _, score in written], abs=1e-5
    )
    # As after a kill between the epochs and the form.
    (called / "onnx" / "form.json").unlink()
    capsys.readouterr()
    again = biaffine_tf.train(corpus / "train.jsonl", called, **settings)
    said = capsys.readouterr().out
    assert "already trained" in said and "onnx: predicts as the model" in said
    assert again.scores == scores
    assert (called / "onnx" / "form.json").exists()
    # Another run in the directory leaves nothing of this one's.
    biaffine_tf.train(
        corpus / "train.jsonl",
        called,
        **settings | {"num_train_epochs": 1, "overwrite": True, "onnx": False},
    )
    assert not (called / "onnx").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"learning_rat": 1},
            "no setting 'learning_rat'; did you mean learnin",
        ),
        ({"learning_rate": -1}, "--learning_rate must be positive and finite"),
        ({"loss": "hinge"}, "--loss must be one of"),
        ({"nested": "yes"}, "--nested must be true or false"),
        ({"eval_data": "absent.jsonl"}, "absent.jsonl"),
        ({"plan": True}, "plan does not train"),
    ],
)
def test_mistakes_are_exceptions_of_one_line(tmp_path, settings, message):
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "ab", "spans": []}\n', encoding="utf-8")
    with pytest.raises(biaffine_tf.errors.BiaffineError) as caught:
        biaffine_tf.train(path, tmp_path / "model", **settings)
    assert message in str(caught.value)
    assert isinstance(caught.value, ConfigError) or "eval_data" in settings
    assert not list(FLAGS)
