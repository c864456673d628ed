"""Any seed trains, and no two of them alike."""

import itertools

import numpy as np
import pytest
import tiny_runs

pytestmark = pytest.mark.slow  # trains

SEEDS = [0, 1, 2**31 - 1, 2**31, 3_000_000_000, 2**63 - 1]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tiny_runs.write_corpus(tmp_path_factory.mktemp("corpus"))


def _weights(corpus, output, seed):
    flags = [
        f"--seed={seed}",
        "--num_train_epochs=1",
        "--neg_sample=0.7",
        "--report=false",
        "--calibrate=false",
    ]
    tiny_runs.start(corpus, output, *flags)
    assert tiny_runs.read_json(output, "scores.json")["seed"] == seed
    return tiny_runs.weights(output)


def _same(left, right):
    return all(np.array_equal(left[name], right[name]) for name in left)


def test_every_seed_is_a_run_of_its_own(corpus, tmp_path):
    runs = {
        seed: _weights(corpus, tmp_path / str(seed), seed) for seed in SEEDS
    }
    for one, two in itertools.combinations(SEEDS, 2):
        assert not _same(runs[one], runs[two]), (one, two)
    seed = SEEDS[-1]
    assert _same(runs[seed], _weights(corpus, tmp_path / "again", seed))
