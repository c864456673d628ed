"""Memory of long texts, in processes of their own."""

import json
import os
import subprocess
import sys

import pytest

PREAMBLE = """
import json, pathlib, random, resource, tempfile, tracemalloc
import tiny
from biaffine_tf.inference import read_ahead
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import Sentence

model = tiny.model(seed=1)
bilinear = model.head.bilinear.numpy()
bilinear[-1, 0, -1] += 1.3  # the bias of "none": a few entities in a window
model.head.bilinear.assign(bilinear)
with tempfile.TemporaryDirectory() as folder:
    tokenizer = tiny.tokenizer(pathlib.Path(folder))
predictor = Predictor(model, tokenizer, tiny.LABELS)
rng = random.Random(0)

def text(length):
    return "".join(rng.choices(tiny.CHARACTERS, k=length))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB
"""
ONE_TEXT = """
predictor(text(20_000))
before = peak()
entities = predictor(text(100_000))
print(json.dumps({
    "grown": peak() - before,
    "entities": len(entities),
    "last": max(entity.end for entity in entities),
}))
"""
STREAM = """
read_ahead._CHARACTERS_AHEAD = 1 << 15
read = 0

def documents(count):
    global read
    for _ in range(count):
        read += 1
        yield Sentence(text(5_000))

def run(count):
    global read
    read = 0
    tracemalloc.reset_peak()
    ahead = 0
    for done, _ in enumerate(predictor.predict(documents(count))):
        ahead = max(ahead, read - done)
    return ahead, tracemalloc.get_traced_memory()[1] / 2**20

run(1)
tracemalloc.start()
print(json.dumps({"few": run(7), "many": run(35)}))
"""

pytestmark = pytest.mark.slow


def _measure(root, code):
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code],
        capture_output=True,
        text=True,
        cwd=root,
        env=os.environ | {"PYTHONPATH": "tests"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_hundred_thousand_characters(root):
    """One matrix of all their pairs would take 40 GB for each label."""
    found = _measure(root, ONE_TEXT)
    assert found["entities"] > 1000
    assert found["last"] > 99_000
    assert found["grown"] < 80  # MiB: tokens, windows, 70 000 candidates


def test_a_stream_of_long_documents(root):
    found = _measure(root, STREAM)
    (_, few), (ahead, many) = found["few"], found["many"]
    assert ahead == 7  # of 5 000 characters each
    assert many < 1.25 * few
