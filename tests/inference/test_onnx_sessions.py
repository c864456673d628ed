"""Cores that the batches of an ONNX model share; no onnxruntime."""

import concurrent.futures
import os
import threading

import pytest

from biaffine_tf.inference import onnx_sessions
from biaffine_tf.inference.onnx_sessions import OnnxSessions

CORES = 3


class Session:
    """Counts the cores that are in use at a time."""

    lock = threading.Lock()
    busy = most = 0

    def __init__(self, cores):
        self.cores = cores

    def run(self, outputs, inputs):
        with Session.lock:
            Session.busy += self.cores
            Session.most = max(Session.most, Session.busy)
        inputs["do"]()
        with Session.lock:
            Session.busy -= self.cores
        return [self.cores]


@pytest.fixture
def model(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"model")
    opened = []

    def open_session(path, threads):
        opened.append(threads)
        return Session(threads)

    monkeypatch.setattr(onnx_sessions, "open_session", open_session)
    Session.busy = Session.most = 0
    made = OnnxSessions(str(path), CORES)
    made.path, made.opened = path, opened
    return made


def ask(model, do=lambda: None):
    return model.run({"do": do})


def test_a_batch_alone_gets_all_cores(model):
    assert [ask(model) for _ in range(3)] == [[CORES]] * 3
    assert model.opened == [CORES]  # the other session is not needed


def test_calls_that_share_get_one_core_each(model):
    together = threading.Barrier(CORES)
    with (
        model.sharing(),
        concurrent.futures.ThreadPoolExecutor(CORES) as pool,
    ):
        found = list(
            pool.map(lambda _: ask(model, together.wait), range(2 * CORES))
        )
    assert found == [[1]] * 2 * CORES
    assert Session.most == CORES and model.opened == [CORES, 1]
    assert ask(model) == [CORES]


def test_no_more_cores_are_busy_than_allowed(model):
    """Callers come while one has all cores, and while all are taken."""
    begun, go = threading.Event(), threading.Event()

    def first():
        begun.set()
        go.wait()

    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        alone = pool.submit(ask, model, first)
        begun.wait()
        others = [pool.submit(ask, model) for _ in range(8)]
        assert not concurrent.futures.wait(others, timeout=0.05).done
        go.set()
        assert alone.result() == [CORES]
        assert [one.result() for one in others] == [[1]] * 8
    assert Session.most == CORES and Session.busy == 0


def test_cores_are_free_again_after_an_error(model):
    def fail():
        Session.busy = 0
        raise RuntimeError("no memory")

    for _ in range(2):
        with pytest.raises(RuntimeError):
            ask(model, fail)
        with model.sharing(), pytest.raises(RuntimeError):
            ask(model, fail)
    assert ask(model) == [CORES]


@pytest.mark.parametrize("change", ["replace", "remove"])
def test_another_file_is_not_mixed_in(model, change):
    if change == "replace":
        other = model.path.with_name("other")
        other.write_bytes(b"other")
        os.replace(other, model.path)
    else:
        model.path.unlink()
    with model.sharing():
        assert ask(model) == [CORES]
    assert model.opened == [CORES]


def test_a_fork_begins_with_all_cores_free(model, monkeypatch):
    with model.sharing(), model._core_or_all():
        monkeypatch.setattr(onnx_sessions.os, "getpid", lambda: -1)
        assert ask(model) == [CORES]


def test_one_core_is_one_session(model):
    made = OnnxSessions(str(model.path), 1)
    with made.sharing():
        assert ask(made) == [1]
    assert model.opened == [CORES, 1]
