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

SCRIPT = pathlib.Path(__file__).with_name("run_tiny_pretraining.py")
STEPS = 30
STEPS_PER_CHECKPOINT = 8


def write_texts(folder):
    """Writes texts in which a character tells the next one, and a shape."""
    tiny.write_vocabulary(folder / "vocab.txt")
    rng = random.Random(0)
    letters = "abcdefgh"
    lines = []
    for _ in range(200):
        begin = rng.randrange(8)
        size = rng.randint(12, 30)
        lines.append("".join(letters[(begin + i) % 8] for i in range(size)))
    (folder / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    config = tiny.encoder_config().to_dict()
    (folder / "bert_config.json").write_text(json.dumps(config))
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
    done = forked.run(
        "pretrain/create_pretraining_data.py",
        *data_arguments(folder, folder / "records"),
    )
    assert done.returncode == 0, done.stderr
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


def check(script, *arguments, code=0):
    """Runs a script that is to end with an exit code, without a traceback."""
    done = forked.run(script, *arguments)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def pretrain(corpus, output, *flags, code=0, script=SCRIPT):
    return check(script, *arguments(corpus, output, *flags), code=code)


def weights(folder):
    return safetensors.numpy.load_file(folder / "model.safetensors")
