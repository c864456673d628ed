"""Models in services: reloads, forks, copies for other processes."""

import statistics
import subprocess
import sys

import hostile
import pytest

from biaffine_tf import model_directory
from biaffine_tf.config import ExperimentConfig, ExportFormat
from biaffine_tf.export import export

pytestmark = pytest.mark.slow  # exports models, and loads them often

RELOADS = {"model": 20, "saved_model": 12, "onnx": 20}
PROGRAM = """
import sys
import biaffine_tf
from benchmarks.workers.measuring import memory

for _ in range(int(sys.argv[2])):
    with biaffine_tf.load(sys.argv[1]) as ner:
        ner(["ab", "天地" * 30])
    print(memory() / 2**20, flush=True)
"""
FORKED = """
import faulthandler
import os
import sys
import biaffine_tf
import biaffine_tf.errors

TEXTS = ["ab", "天地" * 30]
ner = biaffine_tf.load(sys.argv[1])
want = ner(TEXTS)


def tried(use):
    try:
        return "as before" if use() == want else "otherwise"
    except biaffine_tf.errors.BiaffineError as error:
        return str(error)


def again():
    with biaffine_tf.load(sys.argv[1]) as other:
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
        print(tried(function), flush=True)
        sys.exit(3)  # and all that is done at the end of a process
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 3
print(tried(call), flush=True)
"""
COPIED = """
import copy
import os
import pickle
import sys
import biaffine_tf

TEXTS = ["ab", "天地" * 30]
os.chdir(os.path.dirname(sys.argv[1]))
ner = biaffine_tf.load(os.path.basename(sys.argv[1]), batch_size=3)
want = ner(TEXTS)
os.chdir("/")
for duplicate in (lambda x: pickle.loads(pickle.dumps(x)), copy.copy):
    with duplicate(ner) as other:
        assert other is not ner and other._batch_size == 3
        assert other(TEXTS) == want
assert ner(TEXTS) == want
print("done")
"""
# Weights of 16 MiB in a model that is loaded and asked in no time.
WIDE = {"hidden_size": 64, "intermediate_size": 32768, "num_hidden_layers": 1}
WEIGHTS = 2 * 64 * 32768 * 4 / 2**20  # MiB, of most of them


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reloads")
    config = hostile.config("char")
    encoder = {**config.encoder.to_dict(), **WIDE}
    config = type(config).from_dict({**config.to_dict(), "encoder": encoder})
    model_dir = str(folder / "model")
    model_directory.write_description(
        model_dir,
        ExperimentConfig(model=config),
        hostile.LABELS,
        hostile.VOCABULARY,
    )
    model_directory.save_weights(model_dir, hostile.random_model(config))
    made = {"model": model_dir}
    for format in ExportFormat:
        made[str(format)] = str(folder / format)
        export.export(model_dir, made[str(format)], format=format)
    return made


def run(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("kind", RELOADS)
def test_memory_is_flat(folders, kind):
    """A copy of the weights may wait in the allocator, but not ten of them."""
    found = [*map(float, run(PROGRAM, folders[kind], str(RELOADS[kind])))]
    assert len(found) == RELOADS[kind]
    quarter = len(found) // 4
    before = statistics.median(found[quarter : 2 * quarter])
    after = statistics.median(found[-quarter:])
    assert after - before < 2 * WEIGHTS, found


@pytest.mark.parametrize("kind", ["model", "saved_model"])
def test_a_fork_says_that_tensorflow_does_not_work_in_it(folders, kind):
    *forks, own = run(FORKED, folders[kind])
    assert own == "as before"
    assert len(forks) == 4
    for line in forks:
        assert "forked after process" in line, line
        assert "load the model after the fork" in line


def test_an_onnx_model_works_in_a_fork(folders):
    *forks, own = run(FORKED, folders["onnx"])
    assert own == "as before"
    assert forks == ["as before"] * 4


@pytest.mark.parametrize("kind", RELOADS)
def test_pickles_and_copies_are_loaded_again(folders, kind):
    assert run(COPIED, folders[kind]) == ["done"]
