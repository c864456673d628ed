"""The package as it is installed: dependencies, wheel, console commands."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

import biaffine_tf

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

# Folders that need the extra "train", and such modules in other folders.
TRAINING = {
    *("encoders", "export", "heads", "losses", "modeling", "planning"),
    *("pretraining", "records", "training"),
    *("inference.dev_scoring", "inference.device_lock", "inference.network"),
    *("inference.predictor", "inference.saved_model", "inference.teachers"),
}
WITHOUT_TRAINING = """
import sys

class WithoutTraining:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {
            "keras", "official", "onnx", "sklearn", "tensorflow",
            "tensorflow_text", "tf_keras", "torch",
        }:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, WithoutTraining())
"""


def _lines(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return {one for one in text.splitlines() if one[:1] not in ("#", "-", "")}


def test_requirements_are_those_of_the_package():
    packaged = {
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["train"],
    }
    assert packaged == _lines("requirements.txt")


def test_requirements_of_a_search_are_its_extra():
    extra = PROJECT["optional-dependencies"]["tune"]
    assert {*extra} == _lines("requirements-tune.txt")


def test_the_versions_are_one():
    assert PROJECT["version"] == biaffine_tf.__version__


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder whose presence on the path hides what only training needs."""
    folder = tmp_path_factory.mktemp("base")
    (folder / "sitecustomize.py").write_text(WITHOUT_TRAINING)
    return folder


def test_the_base_imports_without_tensorflow(base):
    names = []
    for path in sorted((ROOT / "biaffine_tf").rglob("*.py")):
        parts = path.relative_to(ROOT / "biaffine_tf").with_suffix("").parts
        name = (
            ".".join(parts).removesuffix(".__init__").removesuffix("__init__")
        )
        if not {parts[0], name} & TRAINING and parts[-1] != "__main__":
            names.append(f"biaffine_tf.{name}".removesuffix("."))
    assert len(names) > 150
    code = (
        f"import importlib\nfor name in {names}:\n"
        "    importlib.import_module(name)"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(base)},
        check=True,
    )


@pytest.mark.slow
def test_the_base_says_what_is_not_installed(base, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "run_classifier.py",
            "--flagfile=recipes/demo.flags",
            f"--output_dir={tmp_path}",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(base)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: this needs tensorflow, which is not installed; in the folder "
        "of biaffine_tf: pip install '.[train]'\n"
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which the wheel was installed."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "biaffine_tf",
        source / "biaffine_tf",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    pip = [sys.executable, "-m", "pip", "--quiet", "--no-input"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", str(source)],
        cwd=source,
        check=True,
    )
    (wheel,) = source.glob("*.whl")
    target = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [*pip, "install", "--no-deps", f"--target={target}", str(wheel)],
        check=True,
    )
    return target


@pytest.fixture
def command(installed, tmp_path):
    """Runs a console command in a folder of its own, as an installed one."""

    def run(name, *flags, path=""):
        done = subprocess.run(
            [str(installed / "bin" / name), *flags],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{installed}:{path}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def _files(folder):
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.mark.slow
def test_the_wheel_is_complete(installed):
    package = installed / "biaffine_tf"
    assert _files(package) == _files(ROOT / "biaffine_tf")
    (about,) = installed.glob("*.dist-info")
    assert (about / "licenses" / "LICENSE").is_file()


@pytest.mark.slow
def test_every_console_command_knows_its_name(command):
    assert len(PROJECT["scripts"]) > 10
    for name in PROJECT["scripts"]:
        # The first name in a help is that of the command itself.
        found = re.search(
            r"biaffine-[a-z-]+|\w+\.py\b", command(name, "--help")
        )
        assert found and found[0] == name


@pytest.mark.slow
def test_the_commands_work_from_an_empty_folder(command, base, tmp_path):
    examples = ROOT / "examples"
    lines = (examples / "train.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "train.jsonl").write_text(
        "\n".join(lines[:64]), encoding="utf-8"
    )
    command(
        "biaffine-train",
        "--train_data=train.jsonl",
        "--dev_fraction=0.1",
        f"--vocab_file={examples / 'vocab.txt'}",
        f"--bert_config_file={examples / 'bert_config.json'}",
        "--num_train_epochs=1",
        "--output_dir=model",
    )
    command(
        "biaffine-predict",
        "--model_dir=model",
        "--export_dir=onnx",
        "--export_format=onnx",
    )
    asked = ["--text=李明在北京大学读书。", "--force_one_entity"]
    found = command("biaffine-predict", "--model_dir=model", *asked)
    assert found.splitlines()
    # The base installation answers the same.
    answered = command(
        "biaffine-predict", "--model_dir=onnx", *asked, path=base
    )
    rows = [
        [line.split("\t")[:4] for line in one.splitlines()]
        for one in (found, answered)
    ]
    assert rows[0] == rows[1]
