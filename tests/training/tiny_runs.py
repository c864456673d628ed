"""Command lines of tiny training runs, and what they train on."""

import json
import pathlib

import tiny

from biaffine_tf import readers

EPOCHS = 3
SENTENCES = 60
BATCH = 8
SCRIPT = pathlib.Path(__file__).with_name("run_tiny.py")


def write_corpus(folder):
    """Writes data, vocabulary and shape of an encoder; returns the folder."""
    for name, count, seed in (("train", SENTENCES, 0), ("dev", 20, 9)):
        sentences = tiny.sentences(count, seed=seed)
        readers.write(folder / f"{name}.jsonl", sentences, "span_jsonl")
    tiny.write_vocabulary(folder / "vocab.txt")
    config = tiny.encoder_config().to_dict()
    (folder / "bert_config.json").write_text(json.dumps(config))
    return folder


def arguments(corpus, output, *flags):
    """Flags of a run; those given go before the others."""
    return [
        f"--train_data={corpus / 'train.jsonl'}",
        f"--eval_data={corpus / 'dev.jsonl'}",
        f"--vocab_file={corpus / 'vocab.txt'}",
        f"--bert_config_file={corpus / 'bert_config.json'}",
        f"--output_dir={output}",
        "--max_seq_length=40",
        "--learning_rate=3e-3",
        f"--train_batch_size={BATCH}",
        "--num_buckets=2",
        f"--num_train_epochs={EPOCHS}",
        "--nested",
        *flags,
    ]
