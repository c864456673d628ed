"""Imports go down only: the order of docs/design.md, held by a test."""

from pathlib import Path

import pytest
from import_rules import PACKAGE, violations

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
        ("records.a", "from biaffine_tf import load", "'__init__' is not in"),
        ("formats.a", "from biaffine_tf.decoding import b", "up: decoding"),
        ("training.a", "import biaffine_tf.inference.b", "up: inference"),
        ("training.a", "import biaffine_tf.readers", "up: commands"),
        ("novelty", "x = 1", "'novelty' is not in ROOMS"),
        ("records.a", "import biaffine_tf.novelty", "'novelty' is not in"),
        ("records.a", "import run_classifier", "not import run_classifier"),
        ("heads.a", "import keras", "another Keras"),
        ("heads.a", "from keras.layers import Dense", "another Keras"),
        ("heads.a", "from tensorflow import keras", "another Keras"),
        ("heads.a", "import tensorflow as t\nt.keras.Model", ":2: t.keras: us"),
        ("records.a", "importlib.import_module('keras')", "another Keras"),
        ("records.a", "from absl import flags", "absl flags belong"),
        ("records.a", "import absl.flags as f", "absl flags belong"),
        (
            "records.a",
            "if TYPE_CHECKING:\n pass\nelse:\n import biaffine_tf.commands",
            "imports up: commands",
        ),
        # The package itself: what `load` needs, when it is called.
        ("", "from biaffine_tf.spans import Span", None),
        ("", "def f():\n from biaffine_tf.inference.p import P", None),
        ("", "from biaffine_tf.inference.p import P", "not load inference"),
        ("", "def f():\n from biaffine_tf.training import t", "not load train"),
        ("", "from .readers import read", "must not load commands"),
        # Allowed imports.
        ("spans", "from biaffine_tf.errors import DataError", None),
        ("formats.a", "from . import b\nfrom .b import c", None),
        ("formats.a", "from ..spans import Span", None),
        ("heads.a", "import tensorflow as tf\ntf.function", None),
        ("heads.a", "import tf_keras\ntf_keras.Model", None),
        ("heads.a", "official.keras", None),
        ("training.a", "import biaffine_tf.records.b", None),
        ("commands.a", "from absl import flags", None),
        ("records.a", "from biaffine_tf import __version__", None),
        ("spans", "if TYPE_CHECKING:\n import tensorflow", None),
    ],
)
def test_what_the_rules_say(module, source, expected):
    name = f"{PACKAGE}.{module}" if module else PACKAGE
    broken = violations(source, name, is_package=not module)
    assert len(broken) == (expected is not None), broken
    assert not broken or expected in broken[0]


def test_scripts_may_define_flags():
    for module in ("run_classifier", "pretrain.run"):
        assert violations("from absl import flags", module) == []


def test_old_names_lead_to_the_same():
    from biaffine_tf import Entity, checkpoints, display, formats, readers
    from biaffine_tf.encoders import checkpoints as encoder_checkpoints
    from biaffine_tf.evaluation.audit import audit
    from biaffine_tf.inference.base import Entity as answered
    from biaffine_tf.reports import terminal
    from biaffine_tf.reports.audit import audit as audit_labels

    assert readers.read is formats.read and readers.write is formats.write
    assert checkpoints.open_source is encoder_checkpoints.open_source
    assert {*display.__all__} == {*terminal.__all__}
    assert audit is audit_labels and answered is Entity
