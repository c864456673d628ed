"""python -m biaffine_tf.checkpoints, and --encoder_dir in training."""

import json

import forked
import numpy as np
import pytest
import tiny
from encoders.checkpoints import checkpoint_samples
from encoders.checkpoints.checkpoint_samples import (
    CONFIGS,
    assert_same,
    huggingface_directory,
)
from safetensors.numpy import load_file

from biaffine_tf import formats
from biaffine_tf.commands.convert import main
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import names


def test_it_says_what_there_is(tmp_path, capsys):
    folder = huggingface_directory(tmp_path / "e", "electra", "mlm")
    assert main([str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "format: hugging_face"
    assert "hidden_size=16" in lines[1] and "embedding_size=6" in lines[1]
    assert lines[2:6] == [
        "vocabulary: 28 tokens",
        "activation: gelu (exact GELU, by erf)",
        "do_lower_case: True",
        "tokenizer: wordpiece",
    ]
    assert lines[6].startswith("tensors: 44,")
    words = [line.split(maxsplit=1) for line in lines[7:]]
    shown = {name: json.loads(shape) for name, shape in words}
    assert shown["word_embeddings/embeddings"] == [28, 6]
    assert shown["transformer/layer_{0..1}/intermediate/kernel"] == [16, 32]
    assert shown["mlm/output_bias"] == [28]
    assert len(shown) == 7 + 16 + 5


@pytest.mark.parametrize("family", CONFIGS)
def test_there_and_back(tmp_path, capsys, family):
    first = huggingface_directory(tmp_path / "1", family, "mlm")
    second, third = tmp_path / "2", tmp_path / "3"
    assert main([str(first), "--to=tf", f"--output={second}"]) == 0
    assert main([str(second), "--to=huggingface", f"--output={third}"]) == 0
    assert "not used" not in capsys.readouterr().out
    assert_same(
        load_file(first / "model.safetensors"),
        load_file(third / "model.safetensors"),
    )
    configs = [
        json.loads((f / "config.json").read_text()) for f in (first, third)
    ]
    assert configs[0] == configs[1]


@pytest.mark.slow
def test_training_starts_from_an_encoder_directory(tmp_path):
    """A step of no size leaves the weights of the directory in the model."""
    encoder = tmp_path / "encoder"
    tensors = checkpoint_samples.write("tf", encoder, CONFIGS["electra"])
    for part, seed in (("train", 1), ("dev", 2)):
        formats.write(
            tmp_path / f"{part}.jsonl",
            tiny.sentences(8, seed=seed),
            "span_jsonl",
        )
    output = tmp_path / "model"
    done = forked.run(
        "run_classifier.py",
        f"--train_data={tmp_path / 'train.jsonl'}",
        f"--eval_data={tmp_path / 'dev.jsonl'}",
        f"--encoder_dir={encoder}",
        f"--output_dir={output}",
        "--max_seq_length=50",
        "--extend_positions",
        "--learning_rate=1e-12",
        "--num_train_epochs=1",
    )
    assert done.returncode == 0, done.stderr
    assert "config, weights" in done.stdout and str(encoder) in done.stdout
    assert "loaded 39 tensors: " in done.stdout
    assert "40 positions are repeated to make 50" in done.stdout
    trained = checkpoints.open_source(str(output))
    assert trained.config.max_position_embeddings == 50
    assert trained.tokenizer.kind == "char"
    tensors[names.POSITIONS] = np.concatenate(
        [tensors[names.POSITIONS], tensors[names.POSITIONS][:10]]
    )
    for name, value in trained.read().items():
        np.testing.assert_allclose(value, tensors[name], atol=1e-6)
    stored = json.loads((output / "config.json").read_text())
    source = checkpoints.open_source(str(encoder))
    assert stored["data"]["init_checkpoint"] == source.fingerprint
