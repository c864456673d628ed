"""The precision that a model is scored in is the one that it predicts in."""

import json

import hostile
import pytest

import biaffine_tf
from biaffine_tf import model_directory
from biaffine_tf.config import (
    PREDICTION_PRECISION,
    Precision,
    TrainingConfig,
)
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference import loading
from biaffine_tf.inference.predictor import Predictor

HALF = Precision.BFLOAT16
TEXTS = ["ab天地", "the cat é", "天地ab ， " * 9]


def entities(predictor):
    return [[(*one,) for one in found] for found in predictor(TEXTS)]


def write(folder, **training):
    settings = {"training": TrainingConfig(**training)}
    return hostile.write_model(folder, hostile.model("char"), **settings)


@pytest.mark.slow
@pytest.mark.parametrize("xla", [False, True])
def test_a_model_in_training_predicts_in_another_precision(tmp_path, xla):
    """As it will when it is loaded, and trains on as before."""
    path = write(tmp_path)
    want = {
        precision: entities(
            Predictor.from_directory(path, precision=precision, xla=xla)
        )
        for precision in (HALF, PREDICTION_PRECISION)
    }
    assert want[HALF] != want[PREDICTION_PRECISION]
    config, labels, tokenizer = model_directory.read_description(path)
    model = SpanModel(
        config.model, num_classes=labels.num_classes, xla=xla, dtype=str(HALF)
    )
    model.build_weights()
    model_directory.load_weights(path, model)
    for precision in (None, PREDICTION_PRECISION, None):
        found = entities(
            Predictor(model, tokenizer, labels, precision=precision)
        )
        assert found == want[precision or HALF]


def test_it_is_recorded_and_known_of_older_models(tmp_path):
    path = write(tmp_path, precision=HALF)
    values = json.loads((tmp_path / "config.json").read_text())
    assert values["training"].pop("evaluation_precision") == "float32"
    assert loading.inspect(path, {}).notes == ()
    (note,) = loading.inspect(path, {"precision": "mixed_bfloat16"}).notes
    assert note.startswith(f"{path}: predicts in mixed_bfloat16, but")
    assert "thresholds are of float32" in note
    # Before, models were scored in the precision of their training.
    values["version"] = 3
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert loading.inspect(path, {"precision": HALF}).notes == ()
    (note,) = loading.inspect(path, {}).notes
    assert "predicts in float32, but" in note
    assert note.endswith("precision=mixed_bfloat16 predicts as it was scored")


@pytest.mark.slow
def test_loading_warns_once(tmp_path, recwarn):
    path = write(tmp_path, precision=HALF)
    biaffine_tf.load(path).close()
    assert not [one for one in recwarn if one.category is UserWarning]
    with pytest.warns(UserWarning, match="predicts in mixed_bfloat16") as said:
        biaffine_tf.load(path, precision="mixed_bfloat16").close()
    assert [one.filename for one in said] == [__file__]
