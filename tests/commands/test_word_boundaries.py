"""Commands on data in words: they learn the rule, store it, and cut no word."""

import json
import random

import pytest
import tiny
from command_harness import run_all

from biaffine_tf import formats
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    ExperimentConfig,
    WordBoundaries,
)
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import WordRule, cut_spans

RULE = "aa a0 0a 00"

pytestmark = pytest.mark.slow  # trains


def _sentences(count, seed, separator=" "):
    """Words of letters and digits; those that begin with a letter are named."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        words = [
            "".join(rng.choices("abc123", k=rng.randint(1, 5)))
            for _ in range(rng.randint(2, 6))
        ]
        text, tokens, spans = "", [], []
        for word in words:
            start = len(text) + len(separator) * bool(text)
            text += separator * bool(text) + word
            tokens.append((start, len(text)))
            if word[0].isalpha():
                spans.append(Span(start, len(text), "name"))
        made.append(Sentence(text, tuple(spans), words=tuple(tokens)))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    train, dev = _sentences(150, 1), _sentences(30, 2)
    formats.write(folder / "train.conll", train, "conll")
    formats.write(folder / "dev.conll", dev, "conll")
    formats.write(folder / "train.jsonl", train, "span_jsonl")
    cut = [Sentence("abc de", (Span(1, 3, "name"), Span(4, 6, "name")))]
    formats.write(folder / "dev.jsonl", [*dev, *cut], "span_jsonl")
    chinese = [Sentence("天地a人", (Span(0, 2, "name"),))] * 30
    formats.write(folder / "chinese.conll", chinese, "conll")
    tiny.write_encoder_files(folder, num_layers=2)
    config = ExperimentConfig(
        model=tiny.model_config(),
        decoding=DecodingConfig(
            decoder=Decoder.FREE,
            word_boundaries=WordBoundaries.WORDS,
            word_rule=RULE,
        ),
    )
    tiny.write_model(folder / "untrained", config, model_seed=3)
    return folder


def _training(folder, name, train, dev, *flags):
    return [
        "run_classifier.py",
        f"--train_data={folder / train}",
        f"--eval_data={folder / dev}",
        f"--vocab_file={folder / 'vocab.txt'}",
        f"--bert_config_file={folder / 'bert_config.json'}",
        f"--output_dir={folder / name}",
        "--max_seq_length=40",
        "--num_train_epochs=2",
        "--learning_rate=1e-2",
        "--num_buckets=2",
        "--noreport",
        "--noonnx",
        *flags,
    ]


def _prediction(folder, name, source, *flags):
    return [
        "run_predict.py",
        f"--model_dir={folder / 'untrained'}",
        f"--input={folder / source}",
        f"--output={folder / name}",
        *flags,
    ]


@pytest.fixture(scope="module")
def outcomes(folder):
    columns = ("train.conll", "dev.conll")
    spans = ("train.jsonl", "dev.jsonl")
    calls = {
        "words": _training(
            folder,
            "words",
            *columns,
            "--num_train_epochs=15",
            "--train_batch_size=8",
        ),
        "free": _training(folder, "free", *columns, "--word_boundaries=free"),
        "given": _training(folder, "given", *spans, "--word_rule=aa 00"),
        "spans": _training(folder, "spans", *spans, "--check_only"),
        "chinese": _training(
            folder, "chinese", *["chinese.conll"] * 2, "--check_only"
        ),
        "at words": _prediction(folder, "at_words.jsonl", "dev.conll"),
        "columns": _prediction(
            folder, "at_words.conll", "dev.conll", "--output_format=conll"
        ),
        "plain": _prediction(folder, "plain.jsonl", "dev.jsonl"),
        "cut": _prediction(
            folder, "cut.jsonl", "dev.conll", "--word_boundaries=free"
        ),
        "bad": _prediction(folder, "bad.jsonl", "dev.conll", "--word_rule=ab"),
    }
    return dict(
        zip(calls, run_all([*calls.values()], has_loaded=True), strict=True)
    )


def _decoding(folder, name):
    values = json.loads((folder / name / "config.json").read_text())["decoding"]
    return values["word_boundaries"], values["word_rule"]


def test_training_learns_the_rule_and_says_why(folder, outcomes):
    done = outcomes["words"]
    assert done.code == 0, done.err
    assert f"\nchosen: --word_rule={RULE} (keeps 100.00% of " in f"\n{done.out}"
    assert _decoding(folder, "words") == ("words", RULE)
    gold = list(formats.read(folder / "dev.conll"))
    found = formats.read(folder / "words" / "predictions.jsonl")
    count = 0
    for one, predicted in zip(gold, found, strict=True):
        bound = Sentence(one.text, predicted.spans, words=one.words)
        assert cut_spans(bound, WordRule("")) == []
        count += len(predicted.spans)
    assert count > 10


def test_training_can_leave_entities_free(folder, outcomes):
    assert outcomes["free"].code == 0, outcomes["free"].err
    assert "word_rule" not in outcomes["free"].out
    assert _decoding(folder, "free") == ("free", "")


def test_a_rule_that_is_given(folder, outcomes):
    done = outcomes["given"]
    assert done.code == 0, done.err
    assert "--word_rule=" not in done.out
    assert _decoding(folder, "given") == ("words", "aa 00")
    assert (
        "eval data: 1 spans begin or end inside words, scored as missed"
        in done.out
    )


def test_spans_without_words(folder, outcomes):
    done = outcomes["spans"]
    assert done.code == 0, done.err
    assert f"--word_rule={RULE} (the training data has no words; " in done.out


def test_chinese_columns_leave_plain_text_free(folder, outcomes):
    done = outcomes["chinese"]
    assert done.code == 0, done.err
    assert "no --word_rule (" in done.out
    assert "plain text stays free" in done.out


def test_predictions_on_columns_cut_no_word(folder, outcomes):
    gold = list(formats.read(folder / "dev.conll"))

    def cut(name, rule=""):
        total = 0
        found = list(formats.read(folder / name))
        for one, predicted in zip(gold, found, strict=False):
            tokens = None if rule else one.words
            bound = Sentence(one.text, predicted.spans, words=tokens)
            assert predicted.text == one.text
            total += len(cut_spans(bound, WordRule(rule)))
        assert sum(len(one.spans) for one in found) > 50
        return total

    for name in ("at words", "columns", "plain", "cut"):
        assert outcomes[name].code == 0, outcomes[name].err
    assert cut("at_words.jsonl") == 0
    assert cut("plain.jsonl", RULE) == 0
    assert cut("cut.jsonl") > 50
    assert "does not fall on tokens" not in outcomes["columns"].err


def test_a_bad_rule_is_refused_in_one_line(outcomes):
    done = outcomes["bad"]
    assert done.code != 0 and "Traceback" not in done.err
    assert "word_rule" in done.err and "'aa a0 0a 00 #a'" in done.err
    assert len(done.err.strip().splitlines()) == 1
