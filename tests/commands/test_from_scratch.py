"""A run that names no encoder, from training to exports."""

import json
import pathlib

import pytest
import tiny
from command_harness import run_all

from biaffine_tf import formats

pytestmark = pytest.mark.slow  # trains, exports, and runs commands

TEXTS = ["ab天地，cd 天", "天", "", "abc 天地。b" * 9, "zzz İ"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scratch")
    for name, count in (("train", 150), ("dev", 30)):
        made = tiny.sentences(count, seed=count)
        formats.write(str(folder / f"{name}.jsonl"), made, "span_jsonl")
    lines = "".join(f"{text}\n" for text in TEXTS * 3)
    (folder / "texts.txt").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def outcomes(folder):
    """Outcomes of all calls, by name."""
    train = [
        "run_classifier.py",
        f"--train_data={folder / 'train.jsonl'}",
        f"--eval_data={folder / 'dev.jsonl'}",
        "--num_train_epochs=8",
    ]
    model = f"--model_dir={folder / 'model'}"
    texts = f"--input={folder / 'texts.txt'}"
    calls = {
        "train": [*train, f"--output_dir={folder / 'model'}"],
        "as encoder": [
            *train,
            f"--encoder_dir={folder / 'model'}",
            f"--output_dir={folder / 'other'}",
        ],
    }
    for name in ("saved_model", "onnx"):
        calls[f"export {name}"] = [
            "run_predict.py",
            model,
            f"--export_dir={folder / name}",
            f"--export_format={name}",
        ]
    for name in ("model", "saved_model", "onnx"):
        calls[f"predict {name}"] = [
            "run_predict.py",
            f"--model_dir={folder / name}",
            texts,
            f"--output={folder / name}.jsonl",
        ]
    done = run_all(list(calls.values()), has_loaded=True)
    return dict(zip(calls, done, strict=True))


def test_it_trains_predicts_and_is_exported(folder, outcomes):
    failed = {name: one.err for name, one in outcomes.items() if one.code}
    assert failed.keys() == {"as encoder"}, failed
    wanted = (folder / "model.jsonl").read_bytes()
    assert wanted.count(b"label") > 10
    for name in ("saved_model", "onnx"):
        assert (folder / f"{name}.jsonl").read_bytes() == wanted


def test_what_was_chosen_is_printed_and_stored(folder, outcomes):
    said = outcomes["train"].out
    assert "encoder: BiLSTM" in said
    assert "neither --encoder_dir nor --bert_config_file is given" in said
    assert "--tokenizer=char" in said and "--learning_rate" in said
    config = json.loads((folder / "model" / "config.json").read_text())
    assert config["model"]["encoder"]["kind"] == "bilstm"
    card = (folder / "model" / "README.md").read_text()
    assert "BiLSTM" in card and "BERT-like" not in card


def test_it_learns(folder):
    scores = json.loads((folder / "model" / "scores.json").read_text())
    assert scores["micro"]["f1"] > 0.8


def test_its_encoder_is_of_no_use_elsewhere(folder, outcomes):
    said = outcomes["as encoder"]
    assert said.code == 2 and "Traceback" not in said.err
    assert "its encoder is a bilstm" in said.err
    assert "--init_model" in said.err
    assert not pathlib.Path(folder / "other").exists()
