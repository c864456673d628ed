"""Imports go down only: the floors of docs/design.md, held by a test."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from import_rules import (
    FLOOR,
    PACKAGE,
    SAME_FLOOR,
    TENSORFLOW,
    Import,
    imports,
    room_of,
    violations,
)

ROOT = Path(__file__).resolve().parents[1]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def python_files() -> list[Path]:
    folders = (PACKAGE, "pretrain", "benchmarks", "examples", "tests")
    files = [*ROOT.glob("*.py")]
    for folder in folders:
        files += (ROOT / folder).rglob("*.py")
    return sorted(files)


def package_imports() -> Iterator[tuple[str, Import]]:
    for path in python_files():
        module = module_name(path)
        source = path.read_text(encoding="utf-8")
        is_package = path.name == "__init__.py"
        for found in imports(source, module, is_package=is_package):
            yield module, found


@pytest.mark.parametrize("path", python_files(), ids=module_name)
def test_module_keeps_the_rules(path):
    broken = violations(
        path.read_text(encoding="utf-8"),
        module_name(path),
        is_package=path.name == "__init__.py",
    )
    assert not broken, "\n" + "\n".join(broken)


def test_every_exception_is_used():
    used = {
        (room_of(module), room_of(found.name))
        for module, found in package_imports()
    }
    assert used >= SAME_FLOOR, f"not needed: {SAME_FLOOR - used}"


def test_low_floors_load_no_tensorflow():
    modules = [
        module_name(path)
        for path in python_files()
        if FLOOR.get(room_of(module_name(path)) or "", 9) <= 1
    ]
    assert len(modules) > 10
    code = (
        "import importlib, sys\n"
        f"for name in {[*modules, PACKAGE]!r}:\n"
        "    importlib.import_module(name)\n"
        f"    loaded = {TENSORFLOW!r} & sys.modules.keys()\n"
        "    assert not loaded, f'{name} loads {loaded}'\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("spans", "import tensorflow as tf", "must not load tensorflow"),
        ("readers.text", "from tf_keras import layers", "not load tf_keras"),
        ("decoding.x", "def f():\n import official.nlp", "load official"),
        ("spans", "from biaffine_tf import readers", "imports up: readers"),
        ("spans", "from . import readers", "imports up: readers"),
        ("readers.a", "from ..training import x", "imports up: training"),
        ("data.a", "def f():\n import biaffine_tf.serving", "imports up"),
        ("data.a", "from biaffine_tf import load", "imports up: __init__"),
        ("readers.a", "from biaffine_tf.decoding import b", "SAME_FLOOR"),
        ("training.a", "import biaffine_tf.inference.b", "own floor 3"),
        ("training.a", "from biaffine_tf.flags import FLAGS", "up: flags"),
        ("novelty", "x = 1", "'novelty' is on no floor"),
        ("data.a", "import biaffine_tf.novelty", "'novelty' is on no floor"),
        ("data.a", "import run_classifier", "not import run_classifier"),
        ("modeling.a", "import keras", "another Keras"),
        ("modeling.a", "from keras.layers import Dense", "another Keras"),
        ("modeling.a", "from tensorflow import keras", "another Keras"),
        (
            "modeling.a",
            "import tensorflow as t\nt.keras.Model",
            ":2: t.keras: uses another Keras",
        ),
        (
            "data.a",
            "import importlib\nimportlib.import_module('keras')",
            "another Keras",
        ),
        ("data.a", "from absl import flags", "absl flags belong"),
        ("data.a", "import absl.flags as f", "absl flags belong"),
        (
            "data.a",
            "if TYPE_CHECKING:\n pass\nelse:\n import biaffine_tf.flags",
            "imports up: flags",
        ),
    ],
)
def test_checker_catches(module, source, expected):
    broken = violations(source, f"{PACKAGE}.{module}")
    assert len(broken) == 1, broken
    assert expected in broken[0]


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f():\n from biaffine_tf.inference.p import P", 0),
        ("from biaffine_tf.spans import Span", 0),
        ("from biaffine_tf.inference.p import P", 1),
        ("def f():\n from biaffine_tf.training import t", 1),
        ("from .readers import read", 1),
    ],
)
def test_checker_knows_the_exception_of_load(source, count):
    assert len(violations(source, PACKAGE, is_package=True)) == count


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("biaffine_tf.spans", "from biaffine_tf.errors import DataError"),
        ("biaffine_tf.readers.a", "from . import b\nfrom .b import c"),
        ("biaffine_tf.readers.a", "from ..spans import Span"),
        ("biaffine_tf.modeling.a", "import tensorflow as tf\ntf.function"),
        ("biaffine_tf.modeling.a", "import tf_keras\ntf_keras.Model"),
        ("biaffine_tf.modeling.a", "official.keras"),
        ("biaffine_tf.training.a", "import biaffine_tf.data.b"),
        ("biaffine_tf.flags", "from absl import flags"),
        ("run_classifier", "from absl import flags"),
        ("pretrain.run", "from absl import flags"),
        ("biaffine_tf.data.a", "from biaffine_tf import __version__"),
        (
            "biaffine_tf.spans",
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n import tensorflow",
        ),
    ],
)
def test_checker_allows(module, source):
    assert violations(source, module) == []


def test_the_type_of_answers_is_there_without_tensorflow():
    code = (
        "import sys\n"
        "from biaffine_tf import Entity\n"
        "assert Entity(0, 1, 'x', 'a', 0.5).label == 'x'\n"
        "from biaffine_tf.inference.base import Entity as answered\n"
        "assert answered is Entity\n"
        f"assert not {TENSORFLOW!r} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
