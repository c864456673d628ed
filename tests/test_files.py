"""Files that are old or new, fingerprints, folders that can be written."""

import errno
import fcntl
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.files import (
    atomic_write,
    check_writable,
    fingerprint,
    remove_unfinished,
    temporary_folder,
    write_json,
)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write("half of the n")
        file.flush()
        assert path.read_text() == "old"
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_failed_first_write_leaves_no_file(tmp_path):
    with pytest.raises(ValueError), atomic_write(tmp_path / "file.txt"):
        raise ValueError
    assert os.listdir(tmp_path) == []


def test_a_write_replaces_the_file_at_its_end(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_write(path) as file:
        file.write("天\r\n\n")
        assert path.read_text() == "old"
    assert path.read_bytes() == "天\r\n\n".encode()
    assert os.listdir(tmp_path) == ["file.txt"]
    with atomic_write(path, "wb") as file:
        file.write(b"\xff\x00")
    assert path.read_bytes() == b"\xff\x00"


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_those_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        with atomic_write(tmp_path / "a") as file:
            file.write("a")
        (tmp_path / "b").write_text("b")
        assert os.umask(mask) == mask, "the mask was changed"
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in "ab"]
    assert modes[0] == modes[1]


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json("file.json", {"天": [1, None]})
    text = (tmp_path / "file.json").read_text(encoding="utf-8")
    assert "天" in text and text.endswith("}\n")
    assert json.loads(text) == {"天": [1, None]}


def test_names_that_are_not_utf8(tmp_path):
    values = {"file": os.fsdecode(b"\xff") + "天"}
    write_json(tmp_path / "a", values)
    assert json.loads((tmp_path / "a").read_text(encoding="utf-8")) == values


@given(content=st.binary(max_size=300))
def test_fingerprint_is_the_hash_of_the_bytes(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("f") / "file"
    path.write_bytes(content)
    assert fingerprint(path) == hashlib.sha256(content).hexdigest()


def test_what_has_no_fingerprint(tmp_path):
    with pytest.raises(DataError, match="none: cannot be read"):
        fingerprint(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be read"):
        fingerprint(tmp_path)
    with pytest.raises(DataError, match="/dev/null: is a pipe or a device"):
        fingerprint("/dev/null")


def test_folders_that_can_be_written(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "a" / "b" / "c")
    assert os.listdir(tmp_path) == [], "nothing is made"


def test_folders_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/a/b", "link"):
        with pytest.raises(ConfigError, match="is not a folder") as caught:
            check_writable(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write all
    with pytest.raises(ConfigError, match="no permission"):
        check_writable(tmp_path / "a")


WRITES = """
import os, signal, sys
from biaffine_tf.files import atomic_write, temporary_folder
path = sys.argv[1]
with atomic_write(path) as file:
    file.write("half")
    file.flush()
    folder = temporary_folder(os.path.dirname(path), "folder")
    with folder as name:
        open(os.path.join(name, "part"), "w").close()
        print("writing", flush=True)
        sys.stdin.read()
        os.rename(name, os.path.join(os.path.dirname(path), "folder"))
"""


def _writer(root, path):
    """A process that is writing a file and a folder beside it."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdout.readline() == "writing\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_process_was_writing_is_removed(root, tmp_path, number):
    path = tmp_path / "天 [a].json"
    process = _writer(root, path)
    process.send_signal(number)
    process.communicate()
    others = {".b.abcdefgh.tmp", "a.tmp", ".天 [a].json.x.abcdefgh.tmp"}
    for name in others:
        (tmp_path / name).write_text("")
    assert len(os.listdir(tmp_path)) == 2 + len(others)
    write_json(path, {})
    with temporary_folder(tmp_path, "folder"):
        pass
    assert set(os.listdir(tmp_path)) == others | {path.name}


def test_what_a_living_process_writes_is_left_alone(root, tmp_path):
    path = tmp_path / "a.json"
    process = _writer(root, path)
    write_json(path, {})
    with temporary_folder(tmp_path, "folder"):
        pass
    remove_unfinished(tmp_path)
    assert len(os.listdir(tmp_path)) == 3
    process.communicate("")
    assert process.returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["a.json", "folder"]
    assert path.read_text() == "half"
    assert os.listdir(tmp_path / "folder") == ["part"]


def test_writers_at_once_remove_nothing_of_each_other(root, tmp_path):
    """Between making and locking a file, another may find it."""
    program = (
        "import sys; from biaffine_tf.files import write_json\n"
        "for n in range(200): write_json(sys.argv[1], n)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "a")]
    writers = [subprocess.Popen(command, cwd=root) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert (tmp_path / "a").read_text() == "199\n"
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    """Nobody can tell whether anybody writes: all is left."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / ".a.abcdefgh.tmp").write_text("")
    write_json(tmp_path / "a", 1)
    assert sorted(os.listdir(tmp_path)) == [".a.abcdefgh.tmp", "a"]
