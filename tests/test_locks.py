"""Folders that one process at a time writes to."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from biaffine_tf.errors import ConfigError
from biaffine_tf.locks import LOCK, locked

HOLD = """
import sys
from biaffine_tf.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def _holder(root, folder):
    """A process that holds the lock of a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_it(root, tmp_path):
    folder = tmp_path / "a" / "b"
    process = _holder(root, folder)
    with pytest.raises(ConfigError) as caught, locked(folder):
        pass
    message = str(caught.value)
    assert f"{folder}: another process writes to it (pid {process.pid} on " in (
        message
    )
    assert f" on {socket.gethostname()}, since 2" in message
    assert "give another --output_dir" in message
    process.communicate("")
    assert process.returncode == 0
    assert not list(tmp_path.iterdir())  # nothing is left of it
    with locked(folder):
        pass


def test_a_killed_process_holds_nothing(root, tmp_path):
    process = _holder(root, tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        holder = json.loads((tmp_path / LOCK).read_text())
        assert holder["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_what_was_written_stays(tmp_path):
    with locked(tmp_path / "new"):
        (tmp_path / "new" / "file").write_text("1")
    assert os.listdir(tmp_path / "new") == ["file"]


def test_an_error_releases_it(tmp_path):
    for _ in range(2):
        with pytest.raises(ValueError), locked(tmp_path / "new"):
            raise ValueError
        assert not (tmp_path / "new").exists()


def test_a_lock_whose_file_was_just_removed_is_none(tmp_path, monkeypatch):
    """Between opening and locking, the process that held it ends."""
    flock = fcntl.flock
    calls = []

    def lock_late(descriptor, how):
        if not calls:
            (tmp_path / LOCK).unlink()
        calls.append(descriptor)
        flock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with locked(tmp_path):
        assert len(calls) == 2
        monkeypatch.undo()
        with pytest.raises(ConfigError), locked(tmp_path):
            pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path, monkeypatch, capsys, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path):
        pass
    out = capsys.readouterr().out
    assert f"note: {tmp_path} cannot be locked ({os.strerror(number)})" in out


def test_a_holder_that_has_not_signed_yet(tmp_path):
    descriptor = os.open(tmp_path / LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(ConfigError, match="another process writes to it; "):
        locked(tmp_path).__enter__()
    os.close(descriptor)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is not a folder"):
        locked(tmp_path / "file" / "folder").__enter__()


def test_what_a_killed_process_was_writing_there_is_removed(tmp_path):
    (tmp_path / ".weights.safetensors.abcdefgh.tmp").write_text("")
    (tmp_path / "scores.json").write_text("")
    with locked(tmp_path):
        assert sorted(os.listdir(tmp_path)) == [LOCK, "scores.json"]
