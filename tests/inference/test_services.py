"""Models in services: reloads, forks, copies for other processes."""

import collections
import statistics
import subprocess
import sys

import hostile
import pytest

from biaffine_tf.config import ExportFormat
from biaffine_tf.export import export

pytestmark = pytest.mark.slow  # exports models, and loads them often

RELOADS = {"model": 8, "saved_model": 8, "onnx": 20}
# One process for each kind, as loading TensorFlow takes most of the time.
PROGRAM = """
import copy
import faulthandler
import os
import pickle
import sys
import biaffine_tf
import biaffine_tf.errors
from benchmarks.workers.measuring import memory

TEXTS = ["ab", "天地" * 30]
PATH = sys.argv[1]
for _ in range(int(sys.argv[2])):
    with biaffine_tf.load(PATH) as ner:
        ner(TEXTS)
    print("memory", memory() / 2**20, flush=True)

os.chdir(os.path.dirname(PATH))
ner = biaffine_tf.load(os.path.basename(PATH), batch_size=3)
want = ner(TEXTS)
os.chdir("/")
for duplicate in (lambda x: pickle.loads(pickle.dumps(x)), copy.copy):
    with duplicate(ner) as other:
        assert other is not ner and other._batch_size == 3
        assert other(TEXTS) == want
print("copies", ner(TEXTS) == want, flush=True)


def tried(use):
    try:
        return "as before" if use() == want else "otherwise"
    except biaffine_tf.errors.BiaffineError as error:
        return str(error)


def again():
    with biaffine_tf.load(PATH) as other:
        return other(TEXTS)


def use():
    with ner:
        return ner(TEXTS)


def call():
    return ner(TEXTS)


def stream():
    return list(ner(iter(TEXTS)))


for function in (call, stream, again, use):
    if not os.fork():
        faulthandler.dump_traceback_later(100, exit=True)
        print("fork", tried(function), flush=True)
        sys.exit(3)  # and all that is done at the end of a process
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 3
print("own", tried(call), flush=True)
"""
# Weights of 16 MiB in a model that is loaded and asked in no time.
WIDE = {"hidden_size": 64, "intermediate_size": 32768, "num_hidden_layers": 1}
WEIGHTS = 2 * 64 * 32768 * 4 / 2**20  # MiB, of most of them


@pytest.fixture(scope="module")
def folders(tmp_path_factory, answered_in_copies):
    folder = tmp_path_factory.mktemp("reloads")
    config = hostile.config("char")
    encoder = {**config.encoder.to_dict(), **WIDE}
    config = type(config).from_dict({**config.to_dict(), "encoder": encoder})
    model_dir = hostile.write_model(
        folder / "model", hostile.random_model(config)
    )
    made = {"model": model_dir}
    for format in ExportFormat:
        made[str(format)] = str(folder / format)
        export.export(model_dir, made[str(format)], format=format)
    return made


@pytest.fixture(scope="module", params=RELOADS)
def said(request, folders):
    """(kind, what its process said of each thing)."""
    kind = request.param
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folders[kind], str(RELOADS[kind])],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert not done.returncode, done.stderr
    found = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        about, _, words = line.partition(" ")
        found[about].append(words)
    return kind, found


def test_memory_is_flat(said):
    """A copy of the weights may wait in the allocator, but not ten of them."""
    kind, found = said
    values = [*map(float, found["memory"])]
    assert len(values) == RELOADS[kind]
    quarter = len(values) // 4
    before = statistics.median(values[quarter : 2 * quarter])
    after = statistics.median(values[-quarter:])
    assert after - before < 2 * WEIGHTS, values


def test_pickles_and_copies_are_loaded_again(said):
    assert said[1]["copies"] == ["True"]


def test_a_fork_works_or_says_that_tensorflow_does_not_work_in_it(said):
    kind, found = said
    assert found["own"] == ["as before"]
    if kind == "onnx":
        assert found["fork"] == ["as before"] * 4
        return
    assert len(found["fork"]) == 4
    for line in found["fork"]:
        assert "forked after process" in line, line
        assert "load the model after the fork" in line
