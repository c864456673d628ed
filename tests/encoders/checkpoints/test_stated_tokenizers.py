"""Accents, case and Chinese characters as directories state them."""

import functools
import itertools
import json
import os
import shutil

import pytest
from checkpoint_samples import CONFIGS, write
from hypothesis import given
from tokenization.tokenization_texts import VOCABULARY, hostile_texts

from biaffine_tf import model_directory
from biaffine_tf.commands.convert import main
from biaffine_tf.config import (
    EncoderConfig,
    ExperimentConfig,
    ModelConfig,
    TokenizerConfig,
)
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import TokenizerSettings
from biaffine_tf.encoders.checkpoints.vocabularies import (
    read_tokenizer_files,
)
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import make_tokenizer

EVERY = [
    TokenizerSettings(
        do_lower_case=lower, strip_accents=strip, tokenize_chinese_chars=apart
    )
    for lower, strip, apart in itertools.product(
        (False, True), (None, False, True), (False, True)
    )
]
each_settings = pytest.mark.parametrize(
    "settings", EVERY, ids=lambda one: str(one.to_json())
)
KINDS = ["char", "wordpiece"]


def _config():
    values = CONFIGS["bert"].to_dict() | {"vocab_size": len(VOCABULARY)}
    return EncoderConfig.from_dict(values)


def _write(to, folder, settings):
    options = {"vocabulary": VOCABULARY, "tokenizer": settings}
    write(to, folder, _config(), **options)


def _tokenizer(kind, settings):
    return make_tokenizer(
        kind,
        VOCABULARY,
        do_lower_case=settings.do_lower_case,
        strip_accents=settings.strip_accents,
        tokenize_chinese_chars=settings.tokenize_chinese_chars,
    )


def _same(left, right):
    """Whether two tokenizers are one."""
    return left.fingerprint == right.fingerprint


@pytest.mark.parametrize(
    "settings", [*EVERY, TokenizerSettings(do_lower_case=True, kind="char")]
)
def test_nothing_is_lost_through_every_format(tmp_path, settings):
    first, second, third = (tmp_path / name for name in "123")
    _write("huggingface", first, settings)
    assert checkpoints.open_source(str(first)).tokenizer == settings
    assert main([str(first), "--to=tf", f"--output={second}"]) == 0
    assert checkpoints.open_source(str(second)).tokenizer == settings
    assert main([str(second), "--to=huggingface", f"--output={third}"]) == 0
    assert checkpoints.open_source(str(third)).tokenizer == settings


def test_nothing_is_said_where_nothing_is_known(tmp_path):
    _write("tf", tmp_path, TokenizerSettings())
    assert not os.path.exists(tmp_path / "tokenizer_config.json")
    source = checkpoints.open_source(str(tmp_path))
    assert source.tokenizer == TokenizerSettings()


@each_settings
@pytest.mark.parametrize("kind", KINDS)
def test_a_start_follows(tmp_path, settings, kind):
    _write("huggingface", tmp_path, settings)
    start = checkpoints.choose_initialization(
        encoder_dir=str(tmp_path), tokenizer=kind
    )
    assert _same(start.tokenizer, _tokenizer(kind, settings))
    # Told where it is not the habit of a BERT.
    for name, habit in (
        ("strip_accents", None),
        ("tokenize_chinese_chars", True),
    ):
        value = getattr(settings, name)
        assert (f"{name}={value}" in start.origins) == (value is not habit)


@functools.cache
def _model():
    """Its weights do not depend on the tokenizer."""
    config = ModelConfig(encoder=_config(), max_seq_length=10)
    built = SpanModel(config, num_classes=LabelMap(["x"]).num_classes)
    built.build_weights()
    return built


@pytest.mark.parametrize(
    ("settings", "kind"),
    [*((one, "wordpiece") for one in EVERY), (EVERY[-1], "char")],
)
def test_a_model_directory_keeps_the_tokenizer(tmp_path, settings, kind):
    """And so does an encoder that is taken out of it."""
    tokenizer = _tokenizer(kind, settings)
    model = ModelConfig(
        encoder=_config(),
        tokenizer=TokenizerConfig.from_dict(tokenizer.to_config()),
        max_seq_length=10,
    )
    folder, labels = str(tmp_path / "model"), LabelMap(["x"])
    model_directory.write_description(
        folder, ExperimentConfig(model=model), labels, VOCABULARY
    )
    model_directory.save_weights(folder, _model())
    assert _same(model_directory.read_description(folder).tokenizer, tokenizer)
    for to in ("tf", "huggingface"):
        output = str(tmp_path / to)
        assert main([folder, f"--to={to}", f"--output={output}"]) == 0
        start = checkpoints.choose_initialization(encoder_dir=output)
        assert _same(start.tokenizer, tokenizer)
        assert [c.reason for c in start.choices] == [
            f"as stated by {output}",
            f"as stated by {output}",
        ]


def test_it_is_said_what_there_is(tmp_path, capsys):
    settings = TokenizerSettings(do_lower_case=True, strip_accents=False)
    _write("huggingface", tmp_path, settings)
    assert main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "strip_accents: False" in lines
    assert not any("tokenize_chinese_chars" in line for line in lines)


def _save_tokenizer_json(folder, **normalizer):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(
        models.WordPiece(VOCABULARY.to_dict(), unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Strip(), normalizers.BertNormalizer(**normalizer)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (None, (True, False, False)),
        ({"model_max_length": 512}, (True, False, False)),
        # Settings that it does not mention are as usual.
        ({"do_lower_case": True}, (True, None, None)),
        ({"do_lower_case": False}, (False, None, None)),
        ({"strip_accents": None}, (True, None, None)),
        ({"tokenize_chinese_chars": True}, (True, None, True)),
        ({"do_lower_case": "yes"}, (None, None, None)),
    ],
)
def test_tokenizer_config_overrules_tokenizer_json(tmp_path, stated, expected):
    _save_tokenizer_json(
        tmp_path,
        lowercase=True,
        strip_accents=False,
        handle_chinese_chars=False,
    )
    if stated is not None:
        path = tmp_path / "tokenizer_config.json"
        path.write_text(json.dumps(stated))
    found = read_tokenizer_files(str(tmp_path)).settings
    assert expected == (
        found.do_lower_case,
        found.strip_accents,
        found.tokenize_chinese_chars,
    )


def test_a_tokenizer_json_for_a_vocabulary_says_how_to_use_it(tmp_path):
    settings = TokenizerSettings(
        do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False
    )
    _save_tokenizer_json(
        tmp_path,
        lowercase=False,
        strip_accents=True,
        handle_chinese_chars=False,
    )
    path = str(tmp_path / "tokenizer.json")
    config = tmp_path / "bert_config.json"
    config.write_text(json.dumps(_config().to_dict()))
    start = checkpoints.choose_initialization(
        vocab_file=path, bert_config_file=str(config), texts=["the cat"]
    )
    expected = make_tokenizer(
        "wordpiece",
        VOCABULARY,
        strip_accents=True,
        tokenize_chinese_chars=False,
    )
    assert _same(start.tokenizer, expected)
    encoder = tmp_path / "e"
    _write("tf", encoder, TokenizerSettings(kind="char"))
    source = checkpoints.open_source(str(encoder), vocab_file=path)
    assert source.tokenizer == settings.or_else(TokenizerSettings(kind="char"))


@pytest.mark.slow
@each_settings
def test_transformers_has_the_same_tokens(tmp_path_factory, settings):
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not installed"
    )
    folder = tmp_path_factory.mktemp("stated")
    _write("huggingface", folder, settings)
    ours = checkpoints.choose_initialization(
        encoder_dir=str(folder), tokenizer="wordpiece"
    ).tokenizer
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    shutil.rmtree(folder)

    @given(text=hostile_texts)
    def check(text):
        if "\ud800" in text or "\udc00" in text:
            return  # no text to theirs
        encoded = theirs(
            text,
            add_special_tokens=False,
            split_special_tokens=True,  # "[SEP]" in a text is text to ours
        )
        assert ours.encode(text).ids == tuple(encoded["input_ids"])

    check()
