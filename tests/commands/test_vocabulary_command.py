"""`python -m biaffine_tf.vocabulary`: vocabularies from texts."""

import collections
import gzip
import json
import lzma
import os
import random
import subprocess
import sys

import forked
import pytest
import tiny
from hypothesis import example, given
from hypothesis import strategies as st
from tokenization.tokenization_texts import hostile_texts

from biaffine_tf import formats
from biaffine_tf.commands.make_vocabulary import (
    SPECIALS,
    main,
    make_vocabulary,
)
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Vocabulary, make_tokenizer
from biaffine_tf.tokenization.unknown import UnknownTokens

WORDS = ["low", "lower", "lowest", "new", "newer", "newest", "wide", "widest"]


def english(seed, count=300):
    rng = random.Random(seed)
    return [
        " ".join(rng.choices(WORDS, k=rng.randint(1, 9))).capitalize() + "."
        for _ in range(count)
    ]


def _tokens(texts, **settings):
    tokens = make_vocabulary(texts, **settings).tokens
    assert tokens[:5] == SPECIALS
    return list(tokens[5:])


@pytest.mark.slow
@given(texts=st.lists(hostile_texts, max_size=6), size=st.integers(6, 60))
def test_characters_are_the_commonest(texts, size):
    texts = [*texts, "a"]
    counts = collections.Counter(
        c
        for text in texts
        for c in text
        if c not in "\r\n" and not 0xD800 <= ord(c) < 0xE000
    )
    made = _tokens(texts, size=size, kind="char")
    assert len(made) == min(size - 5, len(counts))
    least = min(counts[c] for c in made)
    assert all(counts[c] <= least for c in counts.keys() - set(made))
    frequencies = [counts[c] for c in made]
    assert frequencies == sorted(frequencies, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["char", "wordpiece"])
@pytest.mark.parametrize("lower", [False, True])
@given(texts=st.lists(hostile_texts, max_size=6), size=st.integers(6, 200))
@example(texts=["the\ud8000"], size=200)
def test_any_text_makes_a_vocabulary(
    tmp_path_factory, kind, lower, texts, size
):
    texts = [*texts, "The cat"]
    vocabulary = make_vocabulary(
        texts, size=size, kind=kind, do_lower_case=lower
    )
    assert 5 < len(vocabulary) <= size
    path = tmp_path_factory.mktemp("v") / "vocab.txt"
    vocabulary.save(path)
    assert Vocabulary.from_file(path) == vocabulary
    if size == 200:  # room for all that there is
        tokenizer = make_tokenizer(kind, vocabulary, do_lower_case=lower)
        unknown = UnknownTokens(tokenizer).add_all(map(Sentence, texts))
        lost = {c for c in unknown.unknown if c not in "\r\n"}
        assert all(0xD800 <= ord(c) < 0xE000 for c in lost), lost


@pytest.mark.parametrize(
    ("min_count", "folds", "want"),
    [
        (1, False, "abc ABd"),
        (2, False, "abc"),
        (3, False, "abc ABd"),  # none occurs so often
        (3, True, "ab"),
    ],
)
def test_rare_characters_are_left_out(min_count, folds, want):
    tokens = _tokens(
        ["Aab", "aBc", "b cd"],
        size=99,
        kind="char",
        min_count=min_count,
        do_lower_case=folds,
    )
    assert sorted(tokens) == sorted(want)


def test_folded_vocabularies_have_no_capitals():
    for kind in ("char", "wordpiece"):
        made = _tokens(english(0), size=100, kind=kind, do_lower_case=True)
        assert made == [token.lower() for token in made]
        made = _tokens(english(0), size=100, kind=kind)
        assert made != [token.lower() for token in made]


def test_wordpiece_tokens_are_words_and_their_parts():
    made = _tokens(english(0), size=100, kind="wordpiece")
    assert {"low", "newest", "New"} <= set(made)
    assert any(len(token) > 3 and token[:2] == "##" for token in made)
    vocabulary = make_vocabulary(english(0), size=100, kind="wordpiece")
    tokenizer = make_tokenizer("wordpiece", vocabulary)
    unseen = " ".join(english(1))
    tokens = tokenizer.encode(unseen)
    assert tokenizer.unk_id not in tokens.ids
    assert len(tokens) < len(unseen) / 2


def test_chinese_characters_get_the_tokens_that_words_leave():
    rng = random.Random(0)
    han = [chr(0x4E00 + i) for i in range(500)]
    texts = ["".join(rng.choices(han, k=30)) for _ in range(200)]
    made = _tokens(texts, size=505, kind="wordpiece")
    assert sorted(made) == han


@pytest.mark.parametrize("kind", ["char", "wordpiece"])
def test_the_same_texts_in_any_order(kind):
    texts = english(0)
    made = _tokens(texts, size=70, kind=kind)
    for seed in range(3):
        random.Random(seed).shuffle(texts)
        assert _tokens(texts, size=70, kind=kind) == made


def _run(folder, *arguments, **environment):
    """The command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "biaffine_tf.vocabulary", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.getcwd()} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_processes_agree(tmp_path):
    """Hash tables of the library are in another order in each process."""
    rng = random.Random(0)
    letters = "abcdefghijklmnop"
    lines = [
        " ".join(
            "".join(rng.choices(letters, k=rng.randint(1, 6))) for _ in range(8)
        )
        for _ in range(300)
    ]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    for seed in "0123":
        _run(
            tmp_path,
            "a.txt",
            "--size=400",
            "--kind=wordpiece",
            f"--output={seed}",
            PYTHONHASHSEED=seed,
            TOKENIZERS_PARALLELISM="false" if seed == "3" else "true",
        )
    made = {(tmp_path / seed).read_bytes() for seed in "0123"}
    assert len(made) == 1
    assert made.pop().count(b"\n") == 400


@pytest.fixture
def files(tmp_path):
    """The same texts, in files of every kind."""
    sentences = tiny.sentences(20)
    formats.write(tmp_path / "a.jsonl", sentences[:5], "span_jsonl")
    formats.write(tmp_path / "b.json", sentences[5:10], "cluener")
    text = "".join(f"{one.text}\n" for one in sentences[10:15])
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(text.encode()))
    formats.write(tmp_path / "d.conll", sentences[15:], "conll")
    conll = (tmp_path / "d.conll").read_bytes()
    (tmp_path / "d.conll").unlink()
    (tmp_path / "d.conll.xz").write_bytes(lzma.compress(conll))
    return tmp_path, sentences


def test_files_of_every_kind(files, capsys):
    folder, sentences = files
    output = folder / "new" / "vocab.txt"
    arguments = [
        str(folder / "*.json*"),
        str(folder / "a.jsonl"),  # once is enough
        str(folder / "c.txt.gz"),
        str(folder / "*.xz"),
        "--size=100",
        f"--output={output}",
    ]
    assert main([*arguments, "--kind=char"]) == 0
    texts = [one.text for one in sentences]
    made = Vocabulary.from_file(output)
    # Lines of plain texts and columns are without the spaces at their ends.
    expected = make_vocabulary(texts, size=100, kind="char")
    assert set(made) == set(expected)
    out = capsys.readouterr().out
    visible = sum(not c.isspace() for text in texts for c in text)
    assert (
        f"{output}: {len(made)} tokens, all that the texts give; 100.00 % of "
        f"{visible} characters are known" in out
    )
    assert f"--vocab_file={output} --tokenizer=char --nodo_lower_case" in out


def test_coverage_is_the_share_of_known_characters(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("aaaa bbb Bcc\n")
    output = tmp_path / "v"
    arguments = [str(tmp_path / "a.txt"), f"--output={output}", "--kind=char"]
    assert main([*arguments, "--size=7"]) == 0
    out = capsys.readouterr().out
    assert "7 tokens; 70.00 % of 10 characters are known" in out
    assert main([*arguments, "--size=7", "--do_lower_case", "--overwrite"]) == 0
    out = capsys.readouterr().out
    assert "7 tokens; 80.00 % of 10 characters are known" in out


def test_the_kind_follows_the_text(tmp_path, capsys):
    for text, kind in (("天地人 ab", "char"), ("the cat 天", "wordpiece")):
        path = tmp_path / f"{kind}.txt"
        path.write_text(f"{text}\n", encoding="utf-8")
        output = tmp_path / kind
        assert main([str(path), "--size=50", f"--output={output}"]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"chosen: --kind={kind} (")
        assert f"--tokenizer={kind} " in out


def test_bad_sentences_are_skipped_and_counted(tmp_path, capsys):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "ab"}\n{"text": \n')
    output = tmp_path / "v"
    arguments = [str(path), "--size=9", f"--output={output}", "--kind=char"]
    assert main([*arguments, "--on_bad_data=skip"]) == 0
    assert "bad sentence skipped: 1 " in capsys.readouterr().out
    assert Vocabulary.from_file(output).tokens[5:] == ("a", "b")


@pytest.mark.slow
def test_training_takes_it_as_it_is(files):
    """A vocabulary of another size than that of the encoder's config."""
    folder, sentences = files
    vocabulary, config = folder / "v.txt", folder / "bert_config.json"
    main(
        [
            str(folder / "a.jsonl"),
            "--size=12",
            "--kind=char",
            f"--output={vocabulary}",
        ]
    )
    config.write_text(json.dumps(tiny.encoder_config().to_dict()))
    formats.write(folder / "train.jsonl", sentences, "span_jsonl")
    output = folder / "model"
    done = forked.run(
        "run_classifier.py",
        f"--train_data={folder / 'train.jsonl'}",
        f"--eval_data={folder / 'train.jsonl'}",
        f"--vocab_file={vocabulary}",
        f"--bert_config_file={config}",
        f"--output_dir={output}",
        "--max_seq_length=40",
        "--num_train_epochs=1",
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any("vocab_size=12 instead of 28" in line for line in lines)
    assert (
        "chosen: --tokenizer=char (the vocabulary is one of single characters)"
        in lines
    )
    assert "chosen: --do_lower_case (the vocabulary has no capitals)" in lines
    stored = json.loads((output / "config.json").read_text())
    assert stored["model"]["encoder"]["vocab_size"] == 12
    assert stored["model"]["tokenizer"]["do_lower_case"] is True
    unknown = UnknownTokens(
        make_tokenizer(
            "char", Vocabulary.from_file(vocabulary), do_lower_case=True
        )
    ).add_all(sentences)
    assert unknown.unknown_entities
    share = f"{100 * unknown.entity_share:.2f} %"
    (row,) = (line for line in lines if "entities with [UNK]" in line)
    assert row.count(share) == 2
    for data in ("training data", "eval data"):
        assert f"warning: {data}: {unknown.warning()}" in lines
