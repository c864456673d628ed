"""run_predict.py exports a model, and predicts with exports as with it."""

import hostile
import pytest
from command_harness import run_all

from biaffine_tf.config import DecodingConfig, TokenizerKind

pytestmark = pytest.mark.slow  # exports, and runs commands

TEXTS = ["天地ab the cat，" * 3, "ab天" * 9, "the cat", "", "İstanbul", "a b"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model, and texts."""
    folder = tmp_path_factory.mktemp("exports")
    made = hostile.model(TokenizerKind.CHAR)
    hostile.write_model(
        folder / "model", made, decoding=DecodingConfig(nested=True)
    )
    lines = "".join(f"{text}\n" for text in TEXTS * 3)
    (folder / "texts.txt").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def outcomes(folder):
    """Of every call, by name."""
    model = f"--model_dir={folder / 'model'}"
    texts = f"--input={folder / 'texts.txt'}"
    calls = {
        f"export {name}": [
            model,
            f"--export_dir={folder / name}",
            f"--export_format={name}",
        ]
        for name in ("saved_model", "onnx")
    }
    for name in ("model", "saved_model", "onnx"):
        source = [f"--model_dir={folder / name}", texts]
        bulk = [*source, f"--output_dir={folder / 'found' / name}"]
        calls |= {
            f"file by {name}": [
                *source,
                f"--output={folder / f'{name}.jsonl'}",
            ],
            f"bulk by {name}": [*bulk, "--shard_size=7"],
            f"bulk by {name} again": [*bulk, "--shard_size=7"],
        }
    saved_model = f"--model_dir={folder / 'saved_model'}"
    calls |= {
        "export of an export": [saved_model, f"--export_dir={folder / 'e'}"],
    }
    done = run_all(
        [["run_predict.py", *flags] for flags in calls.values()],
        has_loaded=True,
    )
    return dict(zip(calls, done, strict=True))


@pytest.mark.parametrize("name", ["saved_model", "onnx"])
def test_answers_are_those_of_the_model(folder, outcomes, name):
    failed = [one for one in outcomes if " by " in one and outcomes[one].code]
    assert not failed, [outcomes[one].err for one in failed]
    wanted = (folder / "model.jsonl").read_bytes()
    assert wanted.count(b"label") > 30
    assert (folder / f"{name}.jsonl").read_bytes() == wanted
    shards = sorted((folder / "found" / "model").glob("*.jsonl"))
    assert len(shards) > 1
    for shard in shards:
        same = folder / "found" / name / shard.name
        assert same.read_bytes() == shard.read_bytes()
    again = outcomes[f"bulk by {name} again"].err
    assert "it was complete already" in again


def test_an_export_is_not_exported(folder, outcomes):
    outcome = outcomes["export of an export"]
    assert outcome.code == 2 and "Traceback" not in outcome.err
    assert "a SavedModel, which is already an export" in outcome.err
    assert not (folder / "e").exists()
