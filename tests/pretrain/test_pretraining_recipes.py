"""Flagfiles of pretraining: what they hold, and that the commands take them."""

import pathlib
import subprocess
import sys

import pytest

RECIPES = pathlib.Path(__file__).parents[2] / "recipes"
DATA, TRAIN = (
    "pretrain/create_pretraining_data.py",
    "pretrain/run_pretraining.py",
)
# By the scripts and code of Biaffine-BERT-NER (pretrain.sh) and of
# ccks2021-track2-code (electra-pretrain).
ORIGINALS = {
    "pretrain_mlm_ancestor_data": {
        "do_lower_case": "",
        "max_seq_length": "128",
        "max_predictions_per_seq": "20",
        "masked_lm_prob": "0.15",
        "dupe_factor": "5",
    },
    "pretrain_mlm_ancestor": {
        "objective": "mlm",
        "masked_lm_prob": "0.15",
        "max_predictions_per_seq": "20",
        "train_batch_size": "32",
        "learning_rate": "2e-5",
        "num_train_steps": "10500",
        "num_warmup_steps": "1000",
    },
    "pretrain_electra_ancestor_data": {
        "do_lower_case": "",
        "max_seq_length": "64",
        "document": "line",
        "min_tokens": "1",
    },
    "pretrain_electra_ancestor": {
        "objective": "electra",
        "masked_lm_prob": "0.15",
        "max_predictions_per_seq": "9",
        "generator_size": "0.25",
        "discriminator_weight": "50",
        "train_batch_size": "128",
        "learning_rate": "2e-4",
        "num_train_steps": "7000",
        "num_warmup_steps": "700",
    },
}


def _read(name):
    lines = (RECIPES / f"{name}.flags").read_text("utf-8").splitlines()
    flags = [line[2:].partition("=") for line in lines if line[:2] == "--"]
    return {flag: value for flag, _, value in flags}


@pytest.mark.parametrize("name", ORIGINALS)
def test_settings_of_the_originals(name):
    assert _read(name) == ORIGINALS[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted(path.stem for path in RECIPES.glob("pretrain_*.flags"))
)
def test_the_command_takes_a_recipe(root, name):
    """Paths are missing, and nothing else is said to be wrong."""
    script = DATA if name.endswith("_data") else TRAIN
    done = subprocess.run(
        [sys.executable, script, f"--flagfile=recipes/{name}.flags"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    missing = "input_file" if script == DATA else "records_dir"
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --{missing} is missing"), done.stderr
