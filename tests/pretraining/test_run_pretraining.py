"""Pretraining runs: resumable, the same on replicas, of use afterwards."""

import json
import math

import numpy as np
import pytest
import tiny
import tiny_pretraining
from forked import check
from tiny_pretraining import history, metrics, pretrain, weights
from tiny_runs import assert_same_weights, make_corpus

OBJECTIVES = pytest.mark.parametrize("objective", ["mlm", "electra", "distil"])


@pytest.fixture(scope="module")
def corpus():
    return tiny_pretraining.write_corpus()


@pytest.fixture(scope="module")
def teacher(corpus):
    """An encoder of random weights."""
    config = tiny.encoder_config(hidden_size=24)
    return _encoder(corpus / "teacher", config)


def _settings(folder):
    text = (folder / "pretraining.json").read_text(encoding="utf-8")
    return json.loads(text)["settings"]


@pytest.mark.slow
@OBJECTIVES
def test_a_killed_run_ends_as_one_that_was_not(
    corpus, teacher, tmp_path, objective
):
    """Killed wherever something is written, and something else is not.

    Before any checkpoint; before any evaluation; in the second epoch, between
    two checkpoints; between the last one and the encoder.
    """
    flags = [f"--objective={objective}", "--gradient_accumulation=2"]
    if objective == "distil":
        flags += [f"--teacher_dir={teacher}", "--mlm_weight=1"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    pretrain(corpus, whole, *flags)
    # With the checkpoints that each leaves.
    moments = {
        "step:5": [],
        "step:9": ["ckpt-8.index"],
        "step:11": ["ckpt-16.index", "ckpt-8.index"],
        "checkpoint:2": ["ckpt-24.index", "ckpt-30.index"],
    }
    for moment, left in moments.items():
        pretrain(corpus, killed, *flags, f"--kill_after={moment}", code=-9)
        found = (killed / "checkpoints").glob("*.index")
        assert sorted(path.name for path in found) == left
    done = pretrain(corpus, killed, *flags)
    assert "continuing after step 30 of" in done.stdout
    assert_same_weights(whole, killed, read=weights)
    if objective == "electra":
        folders = whole / "generator", killed / "generator"
        assert_same_weights(*folders, read=weights)
    assert metrics(whole) == metrics(killed)
    held_out = [[e["held_out"] for e in history(f)] for f in (whole, killed)]
    assert [e["step"] for e in history(whole)] == [10, 20, 30]
    # A generator of 30 steps guesses letters by their frequency, no more.
    losses = {"electra": "discriminator_loss", "distil": "distil_loss"}
    loss = losses.get(objective, "mlm_loss")
    assert held_out[0][-1][loss] < held_out[0][0][loss]
    guesses = "generator_loss" if objective == "electra" else "mlm_loss"
    tokens = len((corpus / "vocab.txt").read_text("utf-8").splitlines())
    assert held_out[0][-1][guesses] < 0.9 * math.log(tokens)
    masking = _settings(whole)["masking"]
    shares = (0.85, 0.0) if objective == "electra" else (0.8, 0.1)
    assert (masking["mask_share"], masking["random_share"]) == shares
    again = pretrain(corpus, whole, *flags)
    assert "already pretrained" in again.stdout
    other = pretrain(corpus, whole, *flags, "--seed=1", code=2)
    assert "differs in seed" in other.stderr


@pytest.mark.slow
def test_text_of_which_nothing_is_held_out(corpus, tmp_path):
    check(
        "pretrain/create_pretraining_data.py",
        *tiny_pretraining.data_arguments(
            corpus, tmp_path / "records", "--held_out=0"
        ),
    )
    done = pretrain(
        corpus,
        tmp_path / "out",
        f"--records_dir={tmp_path / 'records'}",
        "--num_train_steps=4",
        "--learning_rate=1e-6",
    )
    assert "training: mlm loss" in done.stdout
    (entry,) = history(tmp_path / "out")
    assert entry["held_out"] == {}
    # The output layer starts by frequency, and there are eight letters.
    assert entry["training"]["mlm_loss"] == pytest.approx(np.log(8), rel=0.1)
    assert (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.slow
def test_two_replicas_learn_what_one_learns(corpus, tmp_path):
    config = tiny.encoder_config(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    shape = tmp_path / "bert_config.json"
    shape.write_text(json.dumps(config.to_dict()))
    flags = [f"--bert_config_file={shape}", "--learning_rate=1e-3"]
    for count in (1, 2):
        pretrain(corpus, tmp_path / str(count), *flags, f"--replicas={count}")
    one, two = (history(tmp_path / str(count)) for count in (1, 2))
    for left, right in zip(one, two, strict=True):
        for group in ("training", "held_out"):
            assert left[group] == pytest.approx(right[group], rel=1e-3)


@pytest.mark.slow
def test_what_was_learnt_is_gone_on_from_and_fine_tuned(corpus, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    pretrain(corpus, first)
    start = history(first)[-1]["held_out"]["mlm_loss"]
    done = pretrain(
        corpus,
        second,
        f"--encoder_dir={first}",
        "--learning_rate=1e-6",
        "--num_train_steps=2",
        "--num_warmup_steps=0",
        "--eval_steps=1",
    )
    assert "mlm/" not in done.stdout.partition("missing")[2]
    after = history(second)[0]["held_out"]["mlm_loss"]
    assert after == pytest.approx(start, rel=1e-2)

    make_corpus(tmp_path, train=20, dev=20)
    check(
        "run_classifier.py",
        f"--train_data={tmp_path / 'train.jsonl'}",
        f"--eval_data={tmp_path / 'dev.jsonl'}",
        f"--encoder_dir={first}",
        f"--output_dir={tmp_path / 'model'}",
        "--max_seq_length=40",
        "--num_train_epochs=1",
        "--nested",
    )
    assert (tmp_path / "model" / "weights.safetensors").exists()


@pytest.mark.slow
def test_random_weights_take_the_size_of_the_vocabulary(corpus, tmp_path):
    config = tiny.encoder_config(vocab_size=999).to_dict()
    (tmp_path / "c.json").write_text(json.dumps(config))
    done = pretrain(
        corpus,
        tmp_path / "encoder",
        f"--bert_config_file={tmp_path / 'c.json'}",
        "--num_train_steps=4",
    )
    assert "vocab_size=28 as the records have, instead of 999" in done.stdout
    stored = json.loads((tmp_path / "encoder" / "config.json").read_text())
    assert stored["vocab_size"] == 28


def _encoder(folder, config, *, seed=0, heads=("mlm",), **changes):
    """An encoder directory with random weights, some of them as given."""
    from biaffine_tf.encoders import checkpoints
    from biaffine_tf.encoders.checkpoints import names
    from biaffine_tf.tokenization import Vocabulary

    shapes = names.encoder_shapes(config)
    for head in heads:
        shapes |= getattr(names, f"{head}_shapes")(config)
    rng = np.random.default_rng(seed)
    tensors = {
        name: rng.normal(name.endswith("gamma"), 0.1, shape)
        for name, shape in shapes.items()
    }
    vocabulary = Vocabulary.from_file(folder.parent / "vocab.txt")
    checkpoints.write_huggingface(
        str(folder), config, tensors | changes, vocabulary
    )
    return folder


@pytest.mark.slow
def test_weights_apart_from_their_directory(corpus, tmp_path):
    """`--init_checkpoint` gives the weights, whatever --encoder_dir has."""
    tiny.write_vocabulary(tmp_path / "vocab.txt")
    config = tiny.encoder_config(num_hidden_layers=1)
    first = _encoder(tmp_path / "first", config, seed=1)
    second = _encoder(tmp_path / "second", config, seed=2)
    bare = _encoder(tmp_path / "bare", config, seed=3)
    (bare / "model.safetensors").unlink()
    flags = ["--learning_rate=1e-12", "--num_train_steps=1", "--eval_steps=1"]
    flags += ["--num_warmup_steps=0"]
    for folder in (first, bare):
        output = tmp_path / f"from {folder.name}"
        done = pretrain(
            corpus,
            output,
            f"--encoder_dir={folder}",
            f"--init_checkpoint={second}",
            *flags,
        )
        assert f"{second}: loaded " in done.stdout
        for name, value in weights(output).items():
            want = weights(second)[name]
            np.testing.assert_allclose(value, want, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_masks_of_records_are_those_of_the_run(corpus, tmp_path):
    """Its settings say so; flags that ask for others are refused."""
    records = tmp_path / "records"
    check(
        "pretrain/create_pretraining_data.py",
        *tiny_pretraining.data_arguments(
            corpus,
            records,
            "--dupe_factor=2",
            "--masked_lm_prob=0.2",
            "--max_predictions_per_seq=3",
            "--replacement=electra",
        ),
    )
    flags = [f"--records_dir={records}", "--num_train_steps=3"]
    out = tmp_path / "out"
    for flag in (
        "--masked_lm_prob=0.15",
        "--max_predictions_per_seq=20",
        "--masking=span",
        "--replacement=bert",
    ):
        done = pretrain(corpus, out, *flags, flag, code=2)
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith(f"error: {flag} is given, but the record")
        assert "masked_lm_prob=0.2 (85% [MASK], 15% unchanged)" in done.stderr
    same = ["--masked_lm_prob=0.2", "--max_predictions_per_seq=3"]
    done = pretrain(corpus, out, *flags, *same)
    assert "masks: masking=token, masked_lm_prob=0.2 (85% [M" in done.stdout
    settings = _settings(out)
    assert settings["max_predictions_per_seq"] == 3
    assert settings["masking"] == {
        "kind": "token",
        "rate": 0.2,
        "mask_share": 0.85,
        "random_share": 0.0,
        "span_shares": [0.4, 0.3, 0.2, 0.1],
    }
    again = pretrain(corpus, out, *flags)
    assert "already pretrained" in again.stdout


@pytest.mark.slow
def test_a_generator_of_another_shape(corpus, tmp_path):
    tiny.write_vocabulary(tmp_path / "vocab.txt")
    config = tiny.encoder_config(
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        embedding_size=16,
    )
    generator = _encoder(tmp_path / "generator", config)
    flags = ["--objective=electra", f"--generator_dir={generator}"]
    done = pretrain(corpus, tmp_path / "o", *flags, code=2)
    assert done.stderr == (
        f"error: {generator}: its hidden_size is 4, but --generator_size=0.5 "
        "makes it 8; give --generator_size=0.25\n"
    )
    flags += ["--generator_size=0.25", "--num_train_steps=3"]
    done = pretrain(corpus, tmp_path / "o", *flags)
    assert f"{generator}: loaded " in done.stdout


def _aligned_records(corpus, folder, teacher):
    """Records with tokens of a teacher, whose tokenizer is another."""
    check(
        "pretrain/create_pretraining_data.py",
        *tiny_pretraining.data_arguments(
            corpus, folder, f"--teacher_dir={teacher}"
        ),
    )
    return f"--records_dir={folder}"


def _teacher_of_words(folder):
    """A teacher of pairs of letters."""
    from biaffine_tf.tokenization import Vocabulary

    pairs = [a + b for a, b in zip("abcdefgh", "bcdefgha", strict=True)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [f"##{one}" for one in (*pairs, *"abcdefgh")]
    tokens = [*special, *pairs, *"abcdefgh", *pieces]
    folder.mkdir()
    Vocabulary(tokens).save(folder / "vocab.txt")
    config = tiny.encoder_config(
        vocab_size=len(tokens), hidden_size=24, num_hidden_layers=1
    )
    return _encoder(folder / "teacher", config, heads=())


@pytest.mark.slow
@pytest.mark.parametrize("match", ["hidden", "relations"])
def test_a_teacher_with_tokens_of_its_own(corpus, tmp_path, match):
    teacher = _teacher_of_words(tmp_path / "words")
    records = _aligned_records(corpus, tmp_path / "records", teacher)
    flags = ["--objective=distil", f"--teacher_dir={teacher}", records]
    flags += [f"--distil_match={match}", "--learning_rate=1e-3"]
    config = tiny.encoder_config(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    shape = tmp_path / "bert_config.json"
    shape.write_text(json.dumps(config.to_dict()))
    flags.append(f"--bert_config_file={shape}")
    for count in (1, 2):
        done = pretrain(
            corpus, tmp_path / str(count), *flags, f"--replicas={count}"
        )
    assert "masks: none, since --mlm_weight=0" in done.stdout
    one, two = (history(tmp_path / str(count)) for count in (1, 2))
    for left, right in zip(one, two, strict=True):
        for group in ("training", "held_out"):
            assert left[group] == pytest.approx(right[group], rel=1e-3)
    assert (
        one[-1]["held_out"]["distil_loss"] < (one[0]["held_out"]["distil_loss"])
    )
    assert not [n for n in weights(tmp_path / "1") if "cls.predictions" in n]


@pytest.mark.slow
def test_the_teacher_is_of_the_run(corpus, teacher, tmp_path):
    """Another teacher is another run; equal vocabularies share embeddings."""
    other = _encoder(
        corpus / "other", tiny.encoder_config(num_hidden_layers=1), seed=5
    )
    flags = ["--objective=distil", "--num_train_steps=1", "--eval_steps=1"]
    flags += ["--learning_rate=1e-12", "--num_warmup_steps=0"]
    out = tmp_path / "out"
    done = pretrain(corpus, out, *flags, f"--teacher_dir={other}")
    assert "word embeddings: those of the teacher" in done.stdout
    name = "bert.embeddings.word_embeddings.weight"
    table = "embeddings.word_embeddings.weight"
    started = {**weights(out)}
    given = {**weights(other)}
    np.testing.assert_allclose(
        started.get(name, started.get(table)),
        given.get(name, given.get(table)),
        atol=1e-6,
    )
    done = pretrain(corpus, out, *flags, f"--teacher_dir={teacher}", code=2)
    assert "differs in data.teacher" in done.stderr


@pytest.mark.slow
def test_teachers_that_do_not_fit(corpus, teacher, tmp_path):
    words = _teacher_of_words(tmp_path / "words")
    records = _aligned_records(corpus, tmp_path / "records", words)
    small = tiny.encoder_config(max_position_embeddings=30)
    short = _encoder(corpus / "short", small)
    cases = {
        f"--teacher_dir={teacher} --objective=mlm": "--objective=distil",
        "--objective=distil": "error: --teacher_dir is missing",
        f"--teacher_dir={teacher} --objective=distil --masking=span": (
            "error: --masking is given, but the student reads"
        ),
        f"--teacher_dir={words} --objective=distil": (
            f"again, by biaffine-pretrain-data --teacher_dir={words} --ov"
        ),
        f"--teacher_dir={short} --objective=distil": (
            "has 30 positions; make the records with a smaller --max_seq_le"
        ),
        f"--teacher_dir={short.parent}/absent --objective=distil": (
            "absent: no such file"
        ),
    }
    for flags, said in cases.items():
        done = pretrain(corpus, tmp_path / "o", *flags.split(), code=2)
        assert said in done.stderr and done.stderr.count("\n") == 1
    # With tokens that another teacher does not read.
    third = tmp_path / "third"
    third.mkdir()
    text = (words.parent / "vocab.txt").read_text("utf-8")
    (third / "vocab.txt").write_text(text.replace("ab", "ac"))
    size = len(text.splitlines())
    config = tiny.encoder_config(vocab_size=size)
    other = _encoder(third / "teacher", config)
    flags = ["--objective=distil", f"--teacher_dir={other}", records]
    done = pretrain(corpus, tmp_path / "o", *flags, code=2)
    assert "holds tokens of another teacher than" in done.stderr
    # The student's own tokenizer needs none of them.
    done = check(
        "pretrain/create_pretraining_data.py",
        *tiny_pretraining.data_arguments(
            corpus, tmp_path / "plain", f"--teacher_dir={teacher}"
        ),
    )
    assert "its tokens are not stored" in done.stdout.replace("\n", " ")
    plain = (tmp_path / "plain" / "info.json").read_text("utf-8")
    assert plain == (corpus / "records" / "info.json").read_text("utf-8")


def test_runs_of_earlier_versions_go_on(tmp_path):
    from biaffine_tf.config import PretrainingConfig
    from biaffine_tf.pretraining.output import PretrainingDirectory

    config = PretrainingConfig(encoder=tiny.encoder_config())
    directory = PretrainingDirectory(str(tmp_path), config)
    directory.begin()
    path = tmp_path / "pretraining.json"
    stored = json.loads(path.read_text("utf-8"))
    for name in ("distil_match", "mlm_weight"):
        del stored["settings"][name]
    path.write_text(json.dumps(stored))
    assert directory.differences() == []
    other = PretrainingConfig(encoder=tiny.encoder_config(), mlm_weight=1.0)
    directory = PretrainingDirectory(str(tmp_path), other)
    assert directory.differences() == ["mlm_weight"]
