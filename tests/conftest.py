"""What all tests share."""

import os
import pathlib
import signal
from collections.abc import Iterator

# Before anything loads TensorFlow; as command.run does.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import forked
import hypothesis
import pytest

# A shell's background job ignores Ctrl-C, and so would the commands it tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Shared machines pause for seconds; a deadline would only find that out.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Files that take minutes. Where processes share the files, one that begins last
# leaves the others idle: they go first.
LONGEST = (
    "test_export.py",
    "test_readmes.py",
    "test_run_data.py",
    "test_run_pretraining.py",
    "test_runs_gone_wrong.py",
    "test_serving_model.py",
    "test_training.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of long files first; otherwise the order stays."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> pathlib.Path:
    """The real data, from BIAFFINE_DATA; skips where there is none."""
    folder = pathlib.Path(
        os.environ.get("BIAFFINE_DATA") or ROOT.parent / "shared" / "data"
    )
    if not (folder / "ner").is_dir():
        pytest.skip(f"no real data: {folder} is absent (set BIAFFINE_DATA)")
    return folder


@pytest.fixture(scope="module")
def answered_in_copies() -> Iterator[None]:
    """Has the gate of exports start SavedModels faster."""
    with pytest.MonkeyPatch.context() as patch:
        forked.answer_in_copies(patch.setattr)
        yield


@pytest.fixture
def rewritten(monkeypatch) -> list[str]:
    """Names of the functions whose source AutoGraph rewrites."""
    from tensorflow.python.autograph.impl import api

    names = []
    convert = api._convert_actual

    def note(entity, context):
        names.append(f"{entity.__module__}.{entity.__qualname__}")
        return convert(entity, context)

    monkeypatch.setattr(api, "_convert_actual", note)
    return names
