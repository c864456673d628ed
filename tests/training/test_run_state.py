"""Checkpoints that were damaged are never gone on from."""

import json
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biaffine_tf.errors import ConfigError
from biaffine_tf.training.run_state import RunCheckpoints

REMEDY = "delete this folder to begin the run anew"


class _Run:
    """A run whose variables hold the number of the epoch."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.weights = tf.Variable(tf.zeros([50]))
        self.step = tf.Variable(0, dtype=tf.int64)
        self.checkpoints = RunCheckpoints(
            tf.train.Checkpoint(weights=self.weights, step=self.step),
            str(folder),
        )

    def epoch(self, number):
        self.weights.assign(tf.fill([50], float(number)))
        self.step.assign(number)
        epochs = [{"epoch": one + 1} for one in range(number)]
        self.checkpoints.save(number, {"epochs": epochs})

    def files(self, number):
        return sorted(self.folder.glob(f"ckpt-{number}.*"))

    def assert_is_at(self, number):
        np.testing.assert_array_equal(self.weights, np.full(50, number))
        assert int(self.step) == number


@pytest.fixture
def folder(tmp_path):
    run = _Run(tmp_path / "checkpoints")
    for number in (1, 2, 3):
        run.epoch(number)
    return run.folder


def test_the_newest_is_restored_and_two_are_kept(folder):
    run = _Run(folder)
    found = run.checkpoints.restore()
    assert (found.number, found.path) == (3, str(folder / "ckpt-3"))
    assert [entry["epoch"] for entry in found.state["epochs"]] == [1, 2, 3]
    run.assert_is_at(3)
    assert not run.files(1)
    assert len(run.files(2)) == len(run.files(3)) == 3
    run.epoch(4)
    assert not run.files(2)


def test_nothing_to_restore(tmp_path):
    assert _Run(tmp_path / "none").checkpoints.restore() is None
    assert not (tmp_path / "none").exists()
    assert _Run(tmp_path).checkpoints.restore() is None


def _damages(path):
    """Contents in place of a file's; None for no file at all."""
    whole = path.read_bytes()
    size = len(whole)
    yield from (None, b"", b"[]", b"{}", whole + b" x")
    yield from (whole[:cut] for cut in (1, size // 3, size // 2, size - 1))
    for place in (0, size // 3, size // 2, size - 1):
        yield whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]


def _put(path, content):
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def test_any_damage_to_the_newest_gives_the_one_before(folder, capsys):
    for path in _Run(folder).files(3):
        whole = path.read_bytes()
        for content in _damages(path):
            _put(path, content)
            run = _Run(folder)
            found = run.checkpoints.restore()
            told = capsys.readouterr().out
            if found.number == 3:  # a letter of a digest's case, say
                assert json.loads(path.read_bytes()) == json.loads(whole)
                continue
            assert found.number == 2, (path, content)
            assert len(found.state["epochs"]) == 2
            run.assert_is_at(2)
            assert re.fullmatch(
                r".*ckpt-3: .*; continuing from .*ckpt-2\n", told
            ), told
            # The epoch is done again, over what was damaged.
            run.epoch(3)
            again = _Run(folder)
            assert again.checkpoints.restore().number == 3
            again.assert_is_at(3)
            assert not capsys.readouterr().out
            whole = path.read_bytes()


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_byte_is_restored(folder, data):
    path = data.draw(st.sampled_from(_Run(folder).files(3)))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytes([whole[place] ^ data.draw(st.integers(1, 255))])
    path.write_bytes(whole[:place] + flipped + whole[place + 1 :])
    run = _Run(folder)
    found = run.checkpoints.restore()
    run.assert_is_at(found.number)
    assert len(found.state["epochs"]) == found.number
    # White space between the values of the description may change.
    assert found.number == 2 or path.suffix == ".json"
    path.write_bytes(whole)


@pytest.mark.parametrize("suffix", [".json", ".index", ".data-*"])
@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_two_damaged_ones_are_an_error(folder, suffix, content):
    for number in (2, 3):
        (path,) = folder.glob(f"ckpt-{number}{suffix}")
        _put(path, content)
    with pytest.raises(ConfigError) as caught:
        _Run(folder).checkpoints.restore()
    message = str(caught.value)
    assert message.startswith(f"{folder}: no checkpoint of this run can be")
    assert "ckpt-3" in message and message.endswith(REMEDY)
    assert "\n" not in message


def test_one_that_a_kill_has_cut_short_is_begun_again(tmp_path):
    """TensorFlow has written its files, we not yet ours."""
    run = _Run(tmp_path)
    run.epoch(1)
    (tmp_path / "ckpt-1.json").unlink()
    assert _Run(tmp_path).checkpoints.restore() is None


def test_the_only_one_damaged_is_an_error(tmp_path):
    _Run(tmp_path).epoch(1)
    (tmp_path / "ckpt-1.index").write_bytes(b"")
    with pytest.raises(ConfigError, match=REMEDY):
        _Run(tmp_path).checkpoints.restore()


def test_checkpoints_of_older_versions_are_an_error(tmp_path):
    """They had no digests; what they hold is not thrown away silently."""
    checkpoint = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([50])))
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path), 1)
    manager.save(checkpoint_number=7)
    with pytest.raises(ConfigError, match=r"older version.*begin the run anew"):
        _Run(tmp_path).checkpoints.restore()


def test_checkpoints_of_other_variables_are_an_error(tmp_path):
    _Run(tmp_path).epoch(1)
    other = tf.train.Checkpoint(weights=tf.Variable(tf.zeros([7])))
    with pytest.raises(ConfigError, match=REMEDY):
        RunCheckpoints(other, str(tmp_path)).restore()
