"""What a training starts from: one directory, or its parts apart."""

import dataclasses
import json
import shutil
import subprocess
import sys

import pytest
import tiny
from checkpoint_samples import (
    CONFIGS,
    VOCABULARY,
    assert_same,
    huggingface_directory,
    random_tensors,
    write,
    write_config,
)

from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import choose_initialization, names
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.tokenization import Vocabulary


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(huggingface_directory(tmp_path_factory.mktemp("e") / "hf"))


@pytest.fixture
def parts(tmp_path):
    """vocab_file and bert_config_file of the same encoder."""
    return {
        "vocab_file": tiny.write_vocabulary(tmp_path / "v.txt"),
        "bert_config_file": write_config(tmp_path / "c.json", CONFIGS["bert"]),
    }


@pytest.mark.parametrize("flag", ["encoder_dir", "init_checkpoint"])
def test_a_directory_gives_everything(encoder, flag):
    start = choose_initialization(**{flag: encoder})
    assert start.config == CONFIGS["bert"]
    assert start.tokenizer.vocabulary == VOCABULARY
    assert (start.tokenizer.kind, start.tokenizer.do_lower_case) == (
        "wordpiece",
        True,
    )
    assert start.source.path == encoder
    assert start.origins == (
        f"vocabulary of 28 tokens, config, weights from {encoder}"
    )
    assert [str(choice) for choice in start.choices] == [
        f"--tokenizer=wordpiece (as stated by {encoder})",
        f"--do_lower_case (as stated by {encoder})",
    ]


def test_a_random_start(parts):
    start = choose_initialization(**parts)
    assert start.source is None
    assert start.config == CONFIGS["bert"]
    assert (start.tokenizer.kind, start.tokenizer.do_lower_case) == (
        "char",
        False,
    )
    assert start.origins == (
        f"vocabulary of 28 tokens from {parts['vocab_file']}; config from "
        f"{parts['bert_config_file']}; weights at random"
    )
    assert [str(choice) for choice in start.choices] == [
        "--tokenizer=char (the vocabulary is one of single characters)",
        "--nodo_lower_case (the vocabulary has capitals: A)",
    ]


def _write_tokens(path, *tokens):
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    Vocabulary([*specials, *tokens]).save(path)
    return str(path)


def test_the_texts_decide_where_nothing_says(parts, tmp_path):
    path = _write_tokens(tmp_path / "w.txt", *"天地ab", "##b")
    parts["vocab_file"] = path
    for texts, kind in ((["天地, ab 天"], "char"), (["ab 天"], "wordpiece")):
        start = choose_initialization(**parts, texts=iter(texts))
        assert start.tokenizer.kind == kind
        assert start.tokenizer.do_lower_case is True
        assert [choice.flag for choice in start.choices] == [
            "tokenizer",
            "do_lower_case",
        ]
        given = choose_initialization(
            **parts, tokenizer="char", texts=iter(texts)
        )
        assert given.tokenizer.kind == "char"
        assert [c.flag for c in given.choices] == ["do_lower_case"]


def test_google_s_directory_says_nothing(tmp_path):
    write("tf", tmp_path)
    lower = [p.lower() if len(p) == 1 else p for p in VOCABULARY]
    unique = dict.fromkeys([*lower, *"xyz"])
    Vocabulary([*unique][: len(VOCABULARY)]).save(tmp_path / "vocab.txt")
    start = choose_initialization(encoder_dir=str(tmp_path))
    assert start.tokenizer.do_lower_case is True
    assert str(start.choices[1]) == (
        "--do_lower_case (the vocabulary has no capitals)"
    )


def test_random_weights_suit_any_vocabulary(parts, tmp_path):
    parts["vocab_file"] = _write_tokens(tmp_path / "few.txt", "a", "b")
    start = choose_initialization(**parts)
    assert start.config == dataclasses.replace(CONFIGS["bert"], vocab_size=7)
    assert start.origins.endswith("; vocab_size=7 instead of 28")


@pytest.mark.parametrize("name", ["vocab_file", "bert_config_file"])
def test_a_random_start_needs_both(parts, name):
    del parts[name]
    with pytest.raises(ConfigError, match=f"--{name} is missing.*encoder_dir"):
        choose_initialization(**parts)


def test_what_is_given_has_precedence(encoder, parts, tmp_path):
    config = dataclasses.replace(CONFIGS["bert"], hidden_dropout_prob=0.5)
    write_config(tmp_path / "c.json", config)
    start = choose_initialization(
        encoder_dir=encoder, tokenizer="char", do_lower_case=False, **parts
    )
    assert start.config == config
    assert start.tokenizer.kind == "char"
    assert start.tokenizer.do_lower_case is False
    assert start.choices == ()


def test_weights_apart_from_the_directory(encoder, tmp_path):
    other = huggingface_directory(tmp_path / "other", seed=9)
    start = choose_initialization(
        encoder_dir=encoder, init_checkpoint=str(other)
    )
    assert start.source.path == str(other)
    assert f"weights from {other}" in start.origins


def test_a_directory_without_vocabulary_or_config(parts, tmp_path):
    folder = huggingface_directory(tmp_path / "bare")
    for name in ("vocab.txt", "config.json", "tokenizer_config.json"):
        (folder / name).unlink()
        with pytest.raises(ConfigError, match=r"give the (vocab|shape)"):
            choose_initialization(encoder_dir=str(folder))
    start = choose_initialization(encoder_dir=str(folder), **parts)
    assert [choice.value for choice in start.choices] == ["char", False]


def test_another_vocabulary_of_the_same_size(encoder, parts, tmp_path):
    tokens = [*VOCABULARY.tokens[:-1], "!"]
    path = tmp_path / "v.txt"
    path.write_text("".join(f"{token}\n" for token in tokens))
    with pytest.raises(
        ConfigError, match=f"--vocab_file={encoder}/vocab.txt"
    ) as caught:
        choose_initialization(encoder_dir=encoder, vocab_file=str(path))
    assert str(path) in caught.value.problem


def test_another_vocabulary_of_another_size(encoder, tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("".join(f"{p}\n" for p in VOCABULARY.tokens[:-1]))
    with pytest.raises(ConfigError, match=r"vocab_size is 28 but .* holds 27"):
        choose_initialization(encoder_dir=encoder, vocab_file=str(path))


def _padded(folder, rows, added=None):
    """An encoder whose table has more rows than its vocabulary tokens."""
    config = tiny.encoder_config(vocab_size=rows)
    tensors = random_tensors(
        names.encoder_shapes(config) | names.mlm_shapes(config)
    )
    tokens = [*VOCABULARY.tokens, *(f"x{i}" for i in range(rows - 28))]
    vocabulary = Vocabulary(tokens)
    write("huggingface", folder, config, tensors, vocabulary=vocabulary)
    VOCABULARY.save(folder / "vocab.txt")
    if added is not None:
        path = folder / "added_tokens.json"
        path.write_text(json.dumps(added))
    return str(folder), tensors


def test_rows_without_a_token_are_left_out(tmp_path):
    path, tensors = _padded(tmp_path / "e", 55)
    start = choose_initialization(encoder_dir=path)
    assert start.config == CONFIGS["bert"]
    assert len(start.tokenizer.vocabulary) == 28
    assert start.source.padding == 27
    read = start.source.read()
    for name in names.BY_TOKEN:
        assert (read[name] == tensors[name][:28]).all()
    report = checkpoints.check(
        start.source, names.encoder_shapes(start.config), config=start.config
    )
    assert report.notes == (
        f"the last 27 rows of the word embeddings have no token in {path}/"
        "vocab.txt and are left out",
    )
    # With the weights apart, and with a config of its own.
    bare = shutil.copytree(path, tmp_path / "bare")
    (bare / "model.safetensors").unlink()
    shape = shutil.move(bare / "config.json", tmp_path / "c.json")
    weights = str(tmp_path / "e" / "model.safetensors")
    (tmp_path / "e" / "vocab.txt").unlink()
    start = choose_initialization(
        encoder_dir=str(bare),
        init_checkpoint=weights,
        bert_config_file=str(shape),
    )
    assert start.config.vocab_size == 28
    assert start.source.read()[names.MLM_BIAS].shape == (28,)


def test_tokens_that_were_added(tmp_path):
    path, _ = _padded(tmp_path / "e", 40, {"[E]": 29, "[D]": 28, "[PAD]": 0})
    start = choose_initialization(encoder_dir=path)
    assert start.config.vocab_size == 30
    assert start.tokenizer.vocabulary.tokens[28:] == ("[D]", "[E]")
    assert start.source.padding == 10


@pytest.mark.parametrize(
    ("rows", "added", "message"),
    [
        (40, {"[E]": 31}, "the ids of its 29 tokens are not 0 to 28"),
        (40, {"[E]": "x"}, 'must be an integer, got "x"'),
        # Another encoder's vocabulary, not padding.
        (28 + 1024, None, "vocab_size is 1052 but .* holds 28 tokens"),
    ],
)
def test_what_is_not_padding(tmp_path, rows, added, message):
    path, _ = _padded(tmp_path / "e", rows, added)
    with pytest.raises((ConfigError, DataError), match=message):
        choose_initialization(encoder_dir=path)


def test_tokens_that_have_no_row(tmp_path):
    """Added without making the table longer: as before, they are left out."""
    path, _ = _padded(tmp_path / "e", 28, {"[E]": 28})
    assert choose_initialization(encoder_dir=path).config == CONFIGS["bert"]
    longer = [*VOCABULARY.tokens, "x"]
    Vocabulary(longer).save(tmp_path / "e" / "vocab.txt")
    with pytest.raises(ConfigError, match=r"size is 28 but .* holds 29 tokens"):
        choose_initialization(encoder_dir=path)


def test_a_shorter_vocabulary_that_is_given_is_another(tmp_path):
    path, _ = _padded(tmp_path / "e", 55)
    given = tmp_path / "v.txt"
    VOCABULARY.save(given)
    with pytest.raises(ConfigError, match=r"size is 55 but .* holds 28 tokens"):
        choose_initialization(encoder_dir=path, vocab_file=str(given))


@pytest.mark.parametrize("kind", ["huggingface", "tf"])
def test_weights_apart_from_a_directory_without_any(encoder, tmp_path, kind):
    bare = shutil.copytree(encoder, tmp_path / "bare")
    (bare / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="not a model directory"):
        choose_initialization(encoder_dir=str(bare))
    weights = tmp_path / "weights"
    tensors = random_tensors(names.encoder_shapes(CONFIGS["bert"]), seed=3)
    write(kind, weights, CONFIGS["bert"], tensors)
    start = choose_initialization(
        encoder_dir=str(bare), init_checkpoint=str(weights)
    )
    assert_same(start.source.read(), tensors)
    assert start.origins == (
        f"vocabulary of 28 tokens, config from {bare}; weights from {weights}"
    )
    for missing in ({"encoder_dir": str(tmp_path / "no")}, {}):
        parts = {"encoder_dir": str(bare), "init_checkpoint": "nowhere"}
        with pytest.raises(ConfigError, match="no such file or directory"):
            choose_initialization(**{**parts, **missing})


@pytest.mark.parametrize("wanted", [20, 90])
def test_more_positions_only_when_asked_for(encoder, wanted):
    assert (
        choose_initialization(
            encoder_dir=encoder
        ).config.max_position_embeddings
        == 40
    )
    start = choose_initialization(encoder_dir=encoder, extend_to=wanted)
    assert start.config.max_position_embeddings == max(40, wanted)


def test_fewer_positions_by_their_config(encoder, tmp_path):
    config = dataclasses.replace(CONFIGS["bert"], max_position_embeddings=9)
    path = write_config(tmp_path / "c.json", config)
    start = choose_initialization(encoder_dir=encoder, bert_config_file=path)
    assert start.config == config


def test_foreign_tensors_are_found_at_once(encoder, tmp_path):
    folder = shutil.copytree(encoder, tmp_path / "copy")
    config = tiny.encoder_config(num_hidden_layers=3)
    write_config(folder / "config.json", config)
    with pytest.raises(ConfigError, match="lacks transformer/layer_2"):
        choose_initialization(encoder_dir=str(folder))


def test_tensorflow_is_not_loaded(encoder, root, tmp_path):
    """Not even for a TensorFlow checkpoint, whose weights must wait."""
    write("tf", tmp_path)
    code = (
        "import sys\n"
        "from biaffine_tf.checkpoints import choose_initialization\n"
        "for path in sys.argv[1:]:\n"
        "    start = choose_initialization(encoder_dir=path)\n"
        "    print(start.source.fingerprint)\n"
        "assert not {'tensorflow', 'torch', 'keras'} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, encoder, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(set(done.stdout.split())) == 2
