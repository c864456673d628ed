"""Imports go down only: the order of docs/design.md, held by a test."""

import subprocess
import sys
from pathlib import Path

import pytest
from import_rules import (
    FLOOR,
    LAST_WITHOUT_TENSORFLOW,
    PACKAGE,
    TENSORFLOW,
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


def test_modules_keep_the_rules():
    broken = [
        line
        for path in python_files()
        for line in violations(
            path.read_text(encoding="utf-8"),
            module_name(path),
            is_package=path.name == "__init__.py",
        )
    ]
    assert not broken, "\n" + "\n".join(broken)


def test_low_floors_load_no_tensorflow():
    modules = [
        module_name(path)
        for path in python_files()
        if FLOOR.get(room_of(module_name(path)) or "", len(FLOOR))
        <= FLOOR[LAST_WITHOUT_TENSORFLOW]
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
        ("formats.text", "from tf_keras import layers", "not load tf_keras"),
        ("decoding.x", "def f():\n import official.nlp", "load official"),
        ("spans", "from biaffine_tf import formats", "imports up: formats"),
        ("spans", "from . import formats", "imports up: formats"),
        ("formats.a", "from ..training import x", "imports up: training"),
        ("records.a", "def f():\n import biaffine_tf.export", "imports up"),
        (
            "records.a",
            "from biaffine_tf import load",
            "'__init__' is not in ROOMS",
        ),
        ("formats.a", "from biaffine_tf.decoding import b", "up: decoding"),
        ("training.a", "import biaffine_tf.inference.b", "up: inference"),
        ("training.a", "import biaffine_tf.readers", "up: commands"),
        ("novelty", "x = 1", "'novelty' is not in ROOMS"),
        ("records.a", "import biaffine_tf.novelty", "'novelty' is not in"),
        ("records.a", "import run_classifier", "not import run_classifier"),
        ("heads.a", "import keras", "another Keras"),
        ("heads.a", "from keras.layers import Dense", "another Keras"),
        ("heads.a", "from tensorflow import keras", "another Keras"),
        (
            "heads.a",
            "import tensorflow as t\nt.keras.Model",
            ":2: t.keras: uses another Keras",
        ),
        (
            "records.a",
            "import importlib\nimportlib.import_module('keras')",
            "another Keras",
        ),
        ("records.a", "from absl import flags", "absl flags belong"),
        ("records.a", "import absl.flags as f", "absl flags belong"),
        (
            "records.a",
            "if TYPE_CHECKING:\n pass\nelse:\n import biaffine_tf.commands",
            "imports up: commands",
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
        ("biaffine_tf.formats.a", "from . import b\nfrom .b import c"),
        ("biaffine_tf.formats.a", "from ..spans import Span"),
        ("biaffine_tf.heads.a", "import tensorflow as tf\ntf.function"),
        ("biaffine_tf.heads.a", "import tf_keras\ntf_keras.Model"),
        ("biaffine_tf.heads.a", "official.keras"),
        ("biaffine_tf.training.a", "import biaffine_tf.records.b"),
        ("biaffine_tf.commands.a", "from absl import flags"),
        ("run_classifier", "from absl import flags"),
        ("pretrain.run", "from absl import flags"),
        ("biaffine_tf.records.a", "from biaffine_tf import __version__"),
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


def test_old_names_lead_to_the_same():
    from biaffine_tf import checkpoints, display, formats, readers
    from biaffine_tf.encoders import checkpoints as encoder_checkpoints
    from biaffine_tf.evaluation.audit import audit
    from biaffine_tf.reports import terminal
    from biaffine_tf.reports.audit import audit as audit_labels

    assert readers.read is formats.read and readers.write is formats.write
    assert checkpoints.open_source is encoder_checkpoints.open_source
    assert {*display.__all__} == {*terminal.__all__}
    assert audit is audit_labels
