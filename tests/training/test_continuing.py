"""Runs that end early continue in the middle of an epoch."""

import os
import random
import shutil

import pytest
import tensorflow as tf
import tiny_runs

from biaffine_tf.training.position import Period, Position
from biaffine_tf.training.run_state import RunCheckpoints

pytestmark = pytest.mark.slow  # they train

# 60 sentences in batches of 8, three epochs; steps of two batches.
STEPS = 12
FLAGS = (
    "--gradient_accumulation=2",
    "--save_checkpoints_steps=1",
    "--neg_sample=0.7",
    "--thaw_after=5",
    "--freeze=embeddings",
)
# Each kill is a process that starts again.
KILLS = int(os.environ.get("BIAFFINE_KILLS", "3"))


def _run(corpus, output, *flags, code=0):
    done = tiny_runs.start(corpus, output, *FLAGS, *flags, code=code)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "whole"
    log = _run(corpus, output)
    assert "continuing" not in log
    return output


def test_killed_in_the_middle_of_epochs(corpus, whole, tmp_path):
    """Each start dies in one of its steps, before its checkpoint."""
    rng = random.Random(0)
    output = tmp_path / "killed"
    done = 0
    for _ in range(KILLS):
        step = rng.randint(1, max(1, min(4, STEPS - done)))
        _run(corpus, output, f"--kill_after=step:{step}", code=-9)
        done += step - 1
    log = _run(corpus, output)
    assert f"continuing after step {done} of {STEPS}" in log or not done
    tiny_runs.assert_same_run(whole, output)


@pytest.mark.parametrize("step", [3, 4])
def test_terminated_runs_save_and_leave(corpus, whole, tmp_path, step):
    """Step 4 is the last of an epoch: its evaluation is still to come."""
    output = tmp_path / "terminated"
    flags = ("--save_checkpoints_steps=100", "--save_checkpoints_minutes=0")
    log = _run(corpus, output, *flags, f"--terminate_after={step}", code=143)
    assert f"stopped by SIGTERM after step {step}" in log
    log = _run(corpus, output, *flags)
    assert f"continuing after step {step} of {STEPS}" in log
    tiny_runs.assert_same_run(whole, output)


def test_a_run_that_an_earlier_version_left_is_refused(corpus, tmp_path):
    """Its checkpoints hold other objects, and no position."""
    _run(corpus, tmp_path, "--kill_after=step:2", code=-9)
    folder = tmp_path / "checkpoints"
    shutil.rmtree(folder)
    earlier = tf.train.Checkpoint(model=tf.Variable(1.0))
    RunCheckpoints(earlier, str(folder)).save(1, {"epochs": []})
    (line,) = [
        one
        for one in _run(corpus, tmp_path, code=2).splitlines()
        if "error: " in one
    ]
    assert f"{folder}: no checkpoint of this run can be read" in line
    assert "delete this folder to begin the run anew" in line


@pytest.mark.parametrize(
    ("period", "due"),
    [
        (Period(), set()),
        (Period(steps=3), {3, 6, 9}),
        (Period(epochs=1), {4, 8}),
        (Period(epochs=2), {8}),
        (Period(steps=5, epochs=2), {5, 8}),
    ],
)
def test_what_is_due(period, due):
    positions = [
        Position(step=n, epoch=n // 4, batch=n % 4) for n in range(1, 10)
    ]
    assert {at.step for at in positions if period.is_due(at)} == due


def test_minutes_are_counted_from_the_last_time():
    at = Position(step=7, epoch=1, batch=2)
    assert not Period(minutes=2).is_due(at, seconds=119)
    assert Period(minutes=2).is_due(at, seconds=120)
