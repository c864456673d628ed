"""TensorBoard's curves, read back from the files."""

import numpy as np
import pytest
import tensorflow as tf
import tiny
import tiny_runs

from biaffine_tf.training.curves import StepCurves
from biaffine_tf.training.optimizer import WarmupLinearDecay
from biaffine_tf.training.step_log import StepMetrics

STEPS = -(-tiny_runs.SENTENCES // tiny_runs.BATCH)  # of an epoch


@pytest.mark.slow
def test_a_run_is_drawn_by_step_and_by_epoch(corpus, tmp_path):
    tiny_runs.start(corpus, tmp_path, "--warmup_proportion=0.25")
    curves = tiny_runs.curves(tmp_path)
    total = STEPS * tiny_runs.EPOCHS
    for name in ("loss", "gradient_norm", "learning_rate"):
        curve = curves[f"step/{name}"]
        assert list(curve) == list(range(1, total + 1))
        assert all(np.isfinite(value) for value in curve.values())
    assert min(curves["step/gradient_norm"].values()) > 0
    schedule = WarmupLinearDecay(
        3e-3, total_steps=total, warmup_steps=round(total * 0.25)
    )
    for step, rate in curves["step/learning_rate"].items():
        assert rate == pytest.approx(float(schedule(step - 1)), rel=1e-5)
    speed = curves["step/sentences_per_second"]
    assert speed and all(value > 0 for value in speed.values())

    history = tiny_runs.history(tmp_path)
    for name in ("loss", "positive_accuracy", "micro_f1", "macro_f1"):
        drawn = curves[f"epoch/{name}"]
        assert list(drawn) == [1, 2, 3]
        assert list(drawn.values()) == pytest.approx(
            [entry[name] for entry in history], rel=1e-6
        )
    # But for the weight of the last, smaller batch.
    means = [
        np.mean([curves["step/loss"][e * STEPS + i + 1] for i in range(STEPS)])
        for e in range(tiny_runs.EPOCHS)
    ]
    assert means == pytest.approx([e["loss"] for e in history], rel=0.1)

    scores = tiny_runs.read_json(tmp_path, "scores.json")
    for label in tiny.LABELS:
        drawn = curves[f"dev_f1/{label}"]
        assert list(drawn) == [1, 2, 3]
        expected = scores["labels"][label]["f1"]
        assert drawn[scores["epoch"]] == pytest.approx(expected, rel=1e-6)


def _figures(step, loss):
    return StepMetrics(step, loss, 2.0, 0.1, 8, 1.0)


def test_long_runs_are_drawn_in_means(tmp_path):
    log = tf.summary.create_file_writer(str(tmp_path / "logs"))
    curves = StepCurves(log, total_steps=4000, unit="sentences")
    figures = [_figures(step, float(step)) for step in range(1, 12)]
    figures[5] = figures[5]._replace(gradient_norm=float("inf"), loss_scale=2.0)
    for number, some in enumerate((figures[:3], figures[3:9], figures[9:])):
        curves.add(some, seconds=2.0 * (number + 1))
    curves.end()
    drawn = tiny_runs.curves(tmp_path)
    # The step that a loss scale left out is in no mean.
    assert drawn["step/loss"] == pytest.approx({4: 2.5, 8: 20 / 3, 11: 10.0})
    speed = drawn["step/sentences_per_second"]
    assert speed == pytest.approx({9: 9 * 8 / 4})


@pytest.mark.parametrize("label", ["组织 机构", "a/b", "x:y", "%", "-"])
def test_any_label_can_be_drawn(tmp_path, label):
    log = tf.summary.create_file_writer(str(tmp_path / "logs"))
    with log.as_default(step=1):
        tf.summary.scalar(f"dev_f1/{label}", 0.5)
    log.flush()
    assert tiny_runs.curves(tmp_path) == {f"dev_f1/{label}": {1: 0.5}}
