"""Flagfiles of pretraining: what they hold, and that the commands take them."""

import pathlib

import forked
import pytest

RECIPES = pathlib.Path(__file__).parents[2] / "recipes"
DATA, TRAIN = (
    "pretrain/create_pretraining_data.py",
    "pretrain/run_pretraining.py",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", sorted(path.stem for path in RECIPES.glob("pretrain_*.flags"))
)
def test_the_command_takes_a_recipe(name):
    """Paths are missing, and nothing else is said to be wrong."""
    script = DATA if name.endswith("_data") else TRAIN
    done = forked.run(script, f"--flagfile=recipes/{name}.flags")
    missing = "input_file" if script == DATA else "records_dir"
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --{missing} is missing"), done.stderr
