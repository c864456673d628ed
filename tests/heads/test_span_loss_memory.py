"""What the loss by blocks takes, measured in a process of its own."""

import subprocess
import sys

import pytest

MEMORY = r"""
import pathlib, re, sys
import tensorflow as tf
from biaffine_tf.losses import cross_entropy
from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.pairs.loss import span_loss

@tf.function(autograph=False)
def train(starts, ends, bilinear, cells, counts):
    with tf.GradientTape() as tape:
        tape.watch([starts, ends, bilinear])
        loss, _ = span_loss(
            biaffine_pairs(starts, ends, bilinear), cells, counts,
            cross_entropy,
            max_floats=eval(sys.argv[1]),
        )
    return loss, tape.gradient(loss, [starts, ends, bilinear])

def peak():
    # Not getrusage: its peak is inherited from the process that started this.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 2**20

def step(length):
    vectors = tf.random.stateless_normal([1, length, 151], [1, 2])
    return train(
        vectors,
        vectors,
        tf.random.stateless_normal([151, 51, 151], [3, 4]) / 151,
        tf.constant([[[0, length - 1, 1], [5, 9, 2]]]),
        tf.constant([length]),
    )

step(16)
before = peak()
loss, gradients = step(2048)
assert loss > 0
assert all(tf.math.is_finite(tf.norm(gradient)) for gradient in gradients)
print(peak() - before)
"""


def _memory(root, max_floats):
    """GiB by which a step raises the peak of a process."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(max_floats)],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_2048_tokens_and_50_labels_take_little_memory(root):
    """The tensor is 0.8 GiB, its gradient as much, and 2.9 GiB in one block."""
    grown = _memory(root, None)
    print(f"{grown:.3f} GiB")
    assert grown < 1
