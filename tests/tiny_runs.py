"""Small runs of run_classifier.py, with whatever data."""

import collections
import json
import pathlib

import forked
import numpy as np
import safetensors.numpy
import tiny

from biaffine_tf import formats

SCRIPT = pathlib.Path(__file__).with_name("run_tiny.py")
SETTINGS = (
    "--max_seq_length=40",
    "--learning_rate=3e-3",
    "--train_batch_size=8",
    "--num_buckets=2",
    "--num_train_epochs=2",
    "--nested",
    "--noonnx",  # seconds, which only its own tests need
)


def make_corpus(folder, *, num_layers=1, **counts):
    """Writes NAME.jsonl of so many sentences, and a random encoder's files."""
    for seed, (name, count) in enumerate(counts.items()):
        sentences = tiny.sentences(count, seed=10 * seed)
        formats.write(folder / f"{name}.jsonl", sentences, "span_jsonl")
    tiny.write_encoder_files(folder, num_layers=num_layers)
    return folder


def encoder_flags(folder):
    """A random start."""
    return [
        f"--vocab_file={folder / 'vocab.txt'}",
        f"--bert_config_file={folder / 'bert_config.json'}",
    ]


def run(output, *flags, settings=SETTINGS, code=0):
    """Runs a training; returns what it said.

    Args:
        output: The output directory.
        *flags: All but the settings.
        settings: Before them.
        code: The exit code it must have.
    """
    flags = [f"--output_dir={output}", *settings, *flags]
    done = forked.check(SCRIPT, "train", *flags, code=code)
    return done.stdout + (done.stderr if code else "")


def read_json(output, name):
    return json.loads((output / name).read_text(encoding="utf-8"))


def weights(output):
    return safetensors.numpy.load_file(output / "weights.safetensors")


def assert_same_weights(left, right, read=weights):
    first, second = read(left), read(right)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def history(output):
    return read_json(output, "history.json")["epochs"]


def curves(output):
    """TensorBoard's points of each curve: step to value."""
    import tensorflow as tf

    found = collections.defaultdict(dict)
    for path in sorted((output / "logs").glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                assert event.step not in found[value.tag], value.tag
                found[value.tag][event.step] = number
    return dict(found)


def assert_same_run(left, right):
    """The same weights, history but for its times, and predictions; done."""
    assert_same_weights(left, right)
    first, second = (
        [
            {k: v for k, v in entry.items() if "seconds" not in k}
            for entry in history(output)
        ]
        for output in (left, right)
    )
    assert first == second
    name = "predictions.jsonl"
    assert (left / name).exists() == (right / name).exists()
    if (left / name).exists():  # there was a dev set
        assert (left / name).read_bytes() == (right / name).read_bytes()
    assert not (right / "checkpoints").exists()


EPOCHS = 3
SENTENCES = 60
BATCH = 8


def write_corpus(folder):
    """Writes data, vocabulary and shape of an encoder; returns the folder."""
    return make_corpus(folder, train=SENTENCES, dev=20)


def arguments(corpus, output, *flags):
    """Flags of a run; those given go before the others."""
    return [
        f"--train_data={corpus / 'train.jsonl'}",
        f"--eval_data={corpus / 'dev.jsonl'}",
        *encoder_flags(corpus),
        f"--output_dir={output}",
        *SETTINGS,
        f"--num_train_epochs={EPOCHS}",
        *flags,
    ]


def start(corpus, output, *flags, code=0):
    """Runs a training on a corpus of `write_corpus`; returns the process."""
    flags = arguments(corpus, output, *flags)
    return forked.check(SCRIPT, "train", *flags, code=code)
