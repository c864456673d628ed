"""A model scored in training, and what is kept of it."""

import numpy as np
import pytest
import tiny

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.inference.dev_scoring import DevScorer
from biaffine_tf.inference.predictor import Predictor

pytestmark = pytest.mark.slow  # traces models

SENTENCES = tiny.sentences(40, seed=4)
CONFIDENCE = {"confidence": {"temperature": 1.5, "bias": 0.5}}


def _answers(predictor):
    return [
        [(span.key, span.score) for span in sentence.spans]
        for sentence in predictor.predict(SENTENCES)
    ]


def test_the_kept_model_answers_as_its_directory(tmp_path):
    """Though training went on, and the scores were calibrated."""
    path = str(tmp_path / "model")
    tokenizer = tiny.tokenizer(tmp_path)
    config = ExperimentConfig(
        model=tiny.model_config(),
        data={"tokenizer": tokenizer.fingerprint},
    )
    tiny.write_model(path, config, model_seed=7)
    model = tiny.model(seed=7)
    scorer = DevScorer(config, tokenizer, tiny.LABELS, SENTENCES)
    kept, write = scorer(model)
    write(str(tmp_path / "kept.jsonl"))
    for variable in model.saved_weights().values():
        variable.assign_add(np.full(variable.shape, 0.5, np.float32))
    later, _ = scorer(model)
    assert later.micro != kept.micro
    model_directory.write_confidence(path, CONFIDENCE)

    loaded = scorer.load(model, path)
    wanted = _answers(Predictor.from_directory(path))
    assert _answers(loaded) == wanted
    assert any(wanted)
    predicted = loaded.predict(SENTENCES)
    assert evaluation.score(zip(SENTENCES, predicted, strict=True)) == kept
    found = [
        [span.key for span in one.spans]
        for one in formats.read(str(tmp_path / "kept.jsonl"))
    ]
    assert found == [[key for key, _ in one] for one in wanted]
