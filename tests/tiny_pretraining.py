"""Command lines of tiny pretraining runs, and what they train on."""

import atexit
import functools
import json
import pathlib
import random
import shutil
import tempfile

import forked
import safetensors.numpy
import tiny
from tiny_runs import SCRIPT

STEPS = 30
STEPS_PER_CHECKPOINT = 8


def write_texts(folder):
    """Writes texts in which a character tells the next one, and a shape."""
    rng = random.Random(0)
    letters = "abcdefgh"
    lines = []
    for _ in range(200):
        begin = rng.randrange(8)
        size = rng.randint(12, 30)
        lines.append("".join(letters[(begin + i) % 8] for i in range(size)))
    (folder / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    tiny.write_encoder_files(folder)
    return folder


def data_arguments(corpus, output, *flags):
    """Flags that make records."""
    return [
        f"--input_file={corpus / 'text.txt'}",
        f"--vocab_file={corpus / 'vocab.txt'}",
        f"--output_dir={output}",
        "--max_seq_length=40",
        "--document=line",
        "--held_out=0.1",
        *flags,
    ]


@functools.cache
def write_corpus():
    """Writes texts and their records, once; returns the folder."""
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    write_texts(folder)
    forked.check(
        "pretrain/create_pretraining_data.py",
        *data_arguments(folder, folder / "records"),
    )
    return folder


def arguments(corpus, output, *flags):
    """Flags of a run; those given go before the others."""
    return [
        f"--records_dir={corpus / 'records'}",
        f"--bert_config_file={corpus / 'bert_config.json'}",
        f"--output_dir={output}",
        f"--num_train_steps={STEPS}",
        "--num_warmup_steps=3",
        "--learning_rate=1e-2",
        "--train_batch_size=8",
        "--generator_size=0.5",
        f"--save_checkpoints_steps={STEPS_PER_CHECKPOINT}",
        "--eval_steps=10",
        *flags,
    ]


def pretrain(corpus, output, *flags, code=0):
    flags = arguments(corpus, output, *flags)
    return forked.check(SCRIPT, "pretrain", *flags, code=code)


def history(folder):
    text = (folder / "history.json").read_text(encoding="utf-8")
    return json.loads(text)["evaluations"]


def metrics(folder):
    """All of the history but its times."""
    return [(e["held_out"], e["training"]) for e in history(folder)]


def weights(folder):
    return safetensors.numpy.load_file(folder / "model.safetensors")
