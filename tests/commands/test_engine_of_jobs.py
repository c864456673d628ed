"""run_predict.py --engine: said, recorded by bulk jobs, and kept."""

import json
import shutil

import pytest
import tiny
from command_harness import run_all

TEXTS = [one.text for one in tiny.sentences(9)]


@pytest.fixture
def model(tmp_path):
    """A model directory with an ONNX form."""
    path = tiny.write_model(tmp_path / "model")
    tiny.add_onnx(path)
    return path


@pytest.mark.slow
def test_commands_and_jobs_keep_their_engine(model, tmp_path):
    (tmp_path / "texts.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
    )
    out, gone = tmp_path / "out", tmp_path / "gone"
    shutil.copytree(model, gone)
    shutil.rmtree(gone / "onnx")

    def job(model, folder, *flags):
        return [
            "run_predict.py",
            f"--model_dir={model}",
            f"--input={tmp_path / 'texts.jsonl'}",
            f"--output_dir={folder}",
            "--shard_size=4",
            *flags,
        ]

    text, first, again, refused, other = run_all(
        [
            ["run_predict.py", f"--model_dir={model}", "--text=天地"],
            job(model, out),
            job(model, out, "--engine=auto"),
            job(gone, out),
            job(model, out, "--engine=tensorflow"),
        ]
    )
    assert text.code == first.code == again.code == 0
    assert f"{model}: engine: onnx\n" in text.err
    recorded = json.loads((out / "job" / "job.json").read_text())
    assert recorded["settings"]["engine"] == "onnx"
    assert refused.code == other.code == 2
    assert "engine=onnx is asked for, but the model" in refused.err
    assert f"by the job in {out}" in refused.err
    assert "--engine (onnx there, tensorflow now)" in other.err
    assert not other.tensorflow
    # A job of an earlier version began on TensorFlow, and goes on with it.
    del recorded["settings"]["engine"]
    (out / "job" / "job.json").write_text(json.dumps(recorded))
    earlier, other = run_all(
        [job(model, out), job(model, out, "--engine=onnx")]
    )
    assert earlier.code == 0, earlier.err
    assert "--engine (tensorflow there, onnx now)" in other.err
