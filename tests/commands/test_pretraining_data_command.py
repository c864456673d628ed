"""create_pretraining_data.py, as a user calls it."""

import dataclasses

import forked
import pretraining_texts
import pytest
import tiny

from biaffine_tf.config import DataConfig, ExperimentConfig, TokenizerConfig
from biaffine_tf.records import texts
from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.tokenization import Vocabulary, make_tokenizer

pytestmark = pytest.mark.slow  # every test runs the command


@pytest.fixture
def run(tmp_path):
    """Runs the command in a folder of its own."""
    tiny.write_vocabulary(tmp_path / "vocab.txt")
    pretraining_texts.write(
        tmp_path / "a.txt", pretraining_texts.documents(30, longest=60)
    )

    def call(*flags, vocabulary="--vocab_file=vocab.txt"):
        return forked.run(
            "pretrain/create_pretraining_data.py",
            vocabulary,
            *flags,
            cwd=tmp_path,
        )

    return call


def test_a_run_and_the_same_again(run, tmp_path):
    flags = (
        "--input_file=*.txt",
        "--output_dir=records",
        "--max_seq_length=32",
        "--words=alphanumeric",
        "--held_out=0.2",
        "--do_lower_case",
    )
    (tmp_path / "b.txt").write_text("ab\n龘\n", encoding="utf-8")
    (tmp_path / "vocab.txt").rename(tmp_path / "vocab")
    done = run(*flags, vocabulary="--vocab_file=vocab")
    assert done.returncode == 0, done.stderr
    records = Records.open(str(tmp_path / "records"))
    assert records.tokenizer.do_lower_case
    assert records.config.max_seq_length == 32
    assert records.counts.documents == 31
    number = records.num_records(Split.TRAIN)
    assert f"records: made, {number} records to train on, " in done.stdout
    assert "dropped: " in done.stdout
    assert "reading: 100%" in done.stderr
    assert "sequences=" in done.stderr
    again = run(*flags, vocabulary="--vocab_file=vocab")
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout.replace("made", "already complete")


def test_the_vocabulary_of_an_encoder(run, tmp_path):
    tokenizer = TokenizerConfig(kind="wordpiece", do_lower_case=True)
    config = ExperimentConfig(
        model=dataclasses.replace(tiny.model_config(), tokenizer=tokenizer)
    )
    tiny.write_model(tmp_path / "model", config)
    done = run(
        "--input_file=a.txt",
        "--output_dir=records",
        vocabulary="--encoder_dir=model",
    )
    assert done.returncode == 0, done.stderr
    found = Records.open(str(tmp_path / "records")).tokenizer
    expected = make_tokenizer("wordpiece", tiny.VOCABULARY, do_lower_case=True)
    assert found.fingerprint == expected.fingerprint


def test_the_tokenizer_follows_vocabulary_and_text(run, tmp_path):
    """An English text is not read letter by letter for a Chinese BERT."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"天地ab", "##b"]
    Vocabulary(tokens).save(tmp_path / "vocab.txt")
    contents = {"char": "天地 天地 ab\n" * 9, "wordpiece": "ab A b ab ab\n" * 9}
    for kind, text in contents.items():
        (tmp_path / f"{kind}.txt").write_text(text, encoding="utf-8")
        done = run(
            f"--input_file={kind}.txt",
            f"--output_dir={kind}",
            "--document=line",
            "--min_tokens=1",
            "--held_out=0",
        )
        assert done.returncode == 0, done.stderr
        chosen = done.stdout.splitlines()[:2]
        assert chosen[0].startswith(f"chosen: --tokenizer={kind} (")
        assert chosen[1] == (
            "chosen: --do_lower_case (the vocabulary has no capitals)"
        )
        found = Records.open(str(tmp_path / kind)).tokenizer
        assert (found.kind, found.do_lower_case) == (kind, True)


def test_a_sample_has_lines_of_every_file(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.txt").write_text(f"{name}\n\n" * 9)
    config = DataConfig()
    patterns = [str(tmp_path / "*.txt")]
    assert [*texts.sample(patterns, config, count=6)] == [*"aabbcc"]
    assert [*texts.sample(patterns, config, count=1)] == [*"abc"]
