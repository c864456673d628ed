"""Out of memory is one line with a remedy, and the exit code of users' errors.

The memory that is asked for here is more than any machine has.
"""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from biaffine_tf.commands import running

REMEDY = "give a smaller --batch_size"


def _outcome(main, monkeypatch, capsys):
    """Exit code and standard error of a command."""
    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(SystemExit) as end:
        running.run(main, out_of_memory=REMEDY)
    return end.value.code, capsys.readouterr().err


def _numpy():
    np.zeros([2**50])


def _tensorflow():
    import tensorflow as tf

    tf.zeros([2**50])


def _tensorflow_in_a_graph():
    import tensorflow as tf

    @tf.function
    def draw(size):
        return tf.random.uniform([size, size])

    draw(tf.constant(2**25))


def _python():
    raise MemoryError


def _no_process():
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


@pytest.mark.parametrize(
    ("main", "reason"),
    [
        (_numpy, "Unable to allocate 8.00 PiB"),
        # TensorFlow waits ten seconds for memory before it gives up.
        pytest.param(
            _tensorflow,
            "OOM when allocating tensor with shape[1125899906842624]",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            _tensorflow_in_a_graph,
            "tensor with shape[33554432,33554432]",
            marks=pytest.mark.slow,
        ),
        (_python, "MemoryError"),
        (_no_process, "Cannot allocate memory"),
    ],
)
def test_one_line_says_what_and_which_flags(main, reason, monkeypatch, capsys):
    code, err = _outcome(main, monkeypatch, capsys)
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith("error: out of memory: ")
    assert reason in line
    assert line.endswith(f"; {REMEDY}")
    assert "/job:" not in line and len(line) < 250


def test_long_reasons_are_shortened(monkeypatch, capsys):
    def main():
        raise MemoryError("shape " + "1, " * 1000)

    _, err = _outcome(main, monkeypatch, capsys)
    assert len(err) < 250
    assert f" ...; {REMEDY}" in err


def test_a_full_disk_is_not_taken_for_memory(monkeypatch, capsys):
    """TensorFlow raises the same error for both."""
    import tensorflow as tf

    def main():
        raise tf.errors.ResourceExhaustedError(
            None, None, f"/somewhere; {os.strerror(errno.ENOSPC)}"
        )

    code, err = _outcome(main, monkeypatch, capsys)
    assert code == 2
    assert "memory" not in err and "--batch_size" not in err
    assert "/somewhere" in err and "space on the disk" in err


def test_other_errors_are_left_alone(monkeypatch):
    def main():
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(sys, "argv", ["command"])
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        running.run(main, out_of_memory=REMEDY)


def test_a_bar_keeps_its_line(monkeypatch, capsys):
    from tqdm import tqdm

    def main():
        bar = tqdm(desc="epoch", total=3, file=sys.stderr)
        try:
            _numpy()
        finally:
            bars.append(bar)  # still open, as while training

    bars = []
    _, err = _outcome(main, monkeypatch, capsys)
    bars[0].close()
    lines = err.replace("\r", "\n").splitlines()
    (line,) = (line for line in lines if "memory" in line)
    assert line.startswith("error: out of memory: ")


def test_tensorflow_is_not_loaded_for_it(root):
    program = (
        "import sys\n"
        "from biaffine_tf.commands import running\n"
        "def main():\n"
        "    raise MemoryError\n"
        "try:\n"
        f"    running.run(main, out_of_memory={REMEDY!r})\n"
        "finally:\n"
        "    print('tensorflow' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "False\n")
    assert done.stderr == f"error: out of memory: MemoryError; {REMEDY}\n"
