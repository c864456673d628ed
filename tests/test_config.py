"""Settings: to JSON and back, checked, compared."""

import dataclasses
import enum
import json

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    EncoderConfig,
    ExperimentConfig,
    HeadConfig,
    LongText,
    Loss,
    ModelConfig,
    Position,
    Precision,
    TokenizerConfig,
    TokenizerKind,
    TrainingConfig,
    WordBoundaries,
)
from biaffine_tf.errors import ConfigError

positive = st.floats(1e-9, 1e9)
experiments = st.builds(
    ExperimentConfig,
    model=st.builds(
        ModelConfig,
        encoder=st.builds(
            EncoderConfig,
            vocab_size=st.integers(1, 10**6),
            hidden_size=st.sampled_from([12, 24, 768]),
            num_attention_heads=st.sampled_from([1, 3, 12]),
            hidden_dropout_prob=st.floats(0, 0.99),
        ),
        tokenizer=st.builds(
            TokenizerConfig,
            kind=st.sampled_from(TokenizerKind),
            do_lower_case=st.booleans(),
        ),
        head=st.builds(
            HeadConfig,
            projection_size=st.integers(1, 999),
            position=st.sampled_from(Position),
            max_span_width=st.none() | st.integers(1, 500),
        ),
        max_seq_length=st.integers(100, 512),
        long_text=st.sampled_from(LongText),
        window_overlap=st.none() | st.integers(0, 97),
    ),
    training=st.builds(
        TrainingConfig,
        loss=st.sampled_from(Loss),
        learning_rate=positive,
        neg_sample=st.floats(0.001, 1),
        token_budget=st.none() | st.integers(1, 10**5),
        early_stopping_patience=st.none() | st.integers(1, 99),
        precision=st.sampled_from(Precision),
        seed=st.integers(0, 2**63 - 1),
    ),
    decoding=st.builds(
        DecodingConfig,
        decoder=st.sampled_from(Decoder),
        nested=st.booleans(),
        force_one_entity=st.booleans(),
        one_label_per_span=st.booleans(),
        min_width=st.integers(1, 5),
        max_width=st.none() | st.integers(5, 99),
        forbidden_edges=st.text(max_size=3),
        forbidden_inside=st.text(max_size=3),
        word_boundaries=st.sampled_from(WordBoundaries),
        word_rule=st.sampled_from(["", "aa", "aa a0 0a 00 #a a' -0"]),
    ),
    data=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


def _types(value):
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value)]
        return {name: _types(getattr(value, name)) for name in names}
    return type(value)


@given(experiments)
def test_json_and_back(experiment):
    text = json.dumps(experiment.to_dict())
    again = ExperimentConfig.from_dict(json.loads(text))
    assert again == experiment
    # A StrEnum equals its string, so equality alone would not see it.
    assert _types(again) == _types(experiment)
    assert experiment.differences(again) == []


@given(experiments, experiments)
def test_differences_are_the_settings_that_differ(one, two):
    names = one.differences(two)
    assert names == two.differences(one)
    assert (names == []) == (one == two)
    for name in names:
        if not name.startswith("data."):
            first, second = one, two
            for part in name.split("."):
                first, second = getattr(first, part), getattr(second, part)
            assert first != second


def test_differences_name_what_only_one_has():
    model = tiny.model_config()
    one = ExperimentConfig(model=model, data={"train_data": "1"})
    two = ExperimentConfig(model=model, data={"init_checkpoint": "1"})
    assert one.differences(two) == ["data.init_checkpoint", "data.train_data"]


# Flags that are not named as their settings.
FLAGS = {"dropout": "--head_dropout"}
INFINITY, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("config", "name", "values"),
    [
        (EncoderConfig, "vocab_size", [0, -1, 2.0, "3", None]),
        (EncoderConfig, "hidden_size", [0, 767]),
        (EncoderConfig, "hidden_act", ["swish", "", None]),
        (EncoderConfig, "hidden_dropout_prob", [-0.1, 1, NAN]),
        (EncoderConfig, "attention_probs_dropout_prob", [1.5]),
        (EncoderConfig, "layer_norm_eps", [0, -1e-12, NAN]),
        (EncoderConfig, "initializer_range", [0, 1]),
        (HeadConfig, "projection_size", [0, -5]),
        (HeadConfig, "dropout", [1, -0.1, NAN]),
        (HeadConfig, "max_span_width", [0, -5]),
        (DecodingConfig, "min_width", [0, -1, 1.5, None]),
        (DecodingConfig, "max_width", [0, -1, 2.5, "9"]),
        (DecodingConfig, "forbidden_edges", [None, 5, ["，"]]),
        (DecodingConfig, "forbidden_inside", [None, ["，"]]),
        (
            DecodingConfig,
            "word_rule",
            [None, "a", "ab", "aa,00", "--", "a ", "aé", "a\n", ["aa"]],
        ),
        (TrainingConfig, "learning_rate", [0, -1, NAN, INFINITY]),
        (TrainingConfig, "head_learning_rate_ratio", [0, INFINITY]),
        (TrainingConfig, "neg_sample", [0, 1.1, NAN]),
        (TrainingConfig, "focal_gamma", [-1, NAN, INFINITY]),
        (TrainingConfig, "weight_decay", [-1, NAN, INFINITY]),
        (TrainingConfig, "warmup_proportion", [-0.1, 1.1, NAN]),
        (TrainingConfig, "max_gradient_norm", [0, NAN]),
        (TrainingConfig, "num_train_epochs", [0, -1]),
        (TrainingConfig, "train_batch_size", [0]),
        (TrainingConfig, "num_buckets", [0]),
        (TrainingConfig, "token_budget", [0, -1]),
        (TrainingConfig, "early_stopping_patience", [0]),
        (TrainingConfig, "seed", [-1, 2**63, NAN]),
    ],
)
def test_out_of_range(config, name, values):
    needed = {"vocab_size": 9} if config is EncoderConfig else {}
    config(**needed)
    for value in values:
        with pytest.raises(ConfigError) as caught:
            config(**(needed | {name: value}))
        flag = FLAGS.get(name, f"--{name}")
        key = name if config is EncoderConfig else flag
        message = str(caught.value)
        assert message.startswith(f"{key} must be ")
        assert message.endswith(f", got {value!r}")


def test_sequences_fit_the_positions():
    encoder = tiny.encoder_config(max_position_embeddings=40)
    assert ModelConfig(encoder=encoder, max_seq_length=40).max_pieces == 38
    with pytest.raises(ConfigError, match="--max_seq_length=40"):
        ModelConfig(encoder=encoder, max_seq_length=41)
    with pytest.raises(ConfigError, match="at least 3"):
        ModelConfig(encoder=encoder, max_seq_length=2)


def test_windows_overlap_by_less_than_a_window():
    encoder = tiny.encoder_config()
    for overlap in (None, 0, 37):
        config = ModelConfig(
            encoder=encoder, max_seq_length=40, window_overlap=overlap
        )
        assert config.window_overlap == overlap
    for overlap in (-1, 38):
        with pytest.raises(ConfigError, match=rf"below 38, .*, got {overlap}"):
            ModelConfig(
                encoder=encoder, max_seq_length=40, window_overlap=overlap
            )


def test_settings_of_before_there_were_windows():
    values = ExperimentConfig(model=tiny.model_config()).to_dict()
    for name in ("long_text", "window_overlap"):
        del values["model"][name]
    config = ExperimentConfig.from_dict(values)
    assert config == ExperimentConfig(model=tiny.model_config())
    assert config.model.long_text is LongText.WINDOW


def test_settings_of_before_there_was_a_width():
    values = ExperimentConfig(model=tiny.model_config()).to_dict()
    del values["model"]["head"]["max_span_width"]
    config = ExperimentConfig.from_dict(values)
    assert config.model.head.max_span_width is None


def test_settings_of_before_there_was_a_choice_of_decoders():
    values = ExperimentConfig(model=tiny.model_config()).to_dict()
    values["decoding"] = {"nested": True, "force_one_entity": False}
    values["version"] = 1
    config = ExperimentConfig.from_dict(values)
    assert config.decoding == DecodingConfig(
        nested=True, decoder=Decoder.GREEDY
    )
    assert config.decoding.decoder is Decoder.GREEDY


def test_settings_of_before_entities_began_at_words():
    values = ExperimentConfig(model=tiny.model_config()).to_dict()
    del values["decoding"]["word_boundaries"], values["decoding"]["word_rule"]
    config = ExperimentConfig.from_dict(values)
    assert config.decoding.word_boundaries is WordBoundaries.FREE
    assert config.decoding.word_rule == ""


def test_the_widest_entity_is_no_narrower_than_the_narrowest():
    DecodingConfig(min_width=3, max_width=3)
    with pytest.raises(ConfigError, match="at least --min_width=3, got 2"):
        DecodingConfig(min_width=3, max_width=2)


def _experiment_with(path, value):
    values = ExperimentConfig(model=tiny.model_config()).to_dict()
    inner = values
    *parents, last = path.split(".")
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "not an object"),
        (None, "not an object"),
        ({}, "model"),
        (_experiment_with("model", 5), "^model must be an object, got 5"),
        (_experiment_with("model", []), "^model must be an object, got"),
        (_experiment_with("model.hidden", 5), r"unknown settings.*hidden"),
        (
            _experiment_with("training.loss", "hinge"),
            "loss must be one of .*'hinge'",
        ),
        (_experiment_with("training.precision", None), "must be one of"),
        (
            _experiment_with("decoding.decoder", "best"),
            "^decoding.decoder must be one of",
        ),
        (_experiment_with("model.max_seq_length", "9"), "must be an integer"),
        (_experiment_with("training.seed", None), "must be an integer"),
        (
            _experiment_with("model.head.dropout", 1.5),
            r"^model\.head\.dropout must be at least 0 and below 1, got 1\.5",
        ),
        (
            _experiment_with("training.seed", -1),
            r"^training\.seed must be from 0 below 2\^63, got -1",
        ),
    ],
)
def test_what_is_no_experiment(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        ExperimentConfig.from_dict(values)
    assert "\n" not in str(caught.value)


def _keys(values, prefix=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{name}.")
        yield prefix + name


def _type_name(value):
    """What JSON calls the type of a value; a whole number is a number, too."""
    return {bool: "bool", str: "str", dict: "object", list: "list"}.get(
        type(value), "number"
    )


@pytest.mark.parametrize(
    "path",
    _keys(
        ExperimentConfig(
            model=tiny.model_config(), data={"train_data": "1"}
        ).to_dict()
    ),
)
def test_no_setting_takes_a_value_of_another_type(path):
    """`"nested": "no"` is no way to say no."""
    usual = ExperimentConfig(
        model=tiny.model_config(max_span_width=3),
        training=TrainingConfig(token_budget=9, early_stopping_patience=1),
        data={"train_data": "1"},
    ).to_dict()
    for name in path.split("."):
        usual = usual[name]
    refused = 0
    for value in ["no", "", True, 1, 2.5, [], ["a"], {}, {"a": 1}]:
        if usual is not None and _type_name(value) == _type_name(usual):
            continue
        if usual is None and not isinstance(value, str | list | dict):
            continue
        if path == "data" and value == {}:
            continue
        with pytest.raises(ConfigError, match=path.split(".")[-1]) as caught:
            ExperimentConfig.from_dict(_experiment_with(path, value))
        assert "\n" not in str(caught.value)
        refused += 1
    assert refused >= 4


@pytest.mark.parametrize("setting", ["nested", "force_one_entity"])
@pytest.mark.parametrize("value", ["false", "no", "", 0, 1, 1.0])
def test_no_truth_value_is_guessed_in_calls(setting, value):
    with pytest.raises(
        ConfigError, match=rf"^{setting} must be true or false, got"
    ):
        DecodingConfig().replace_given(**{setting: value})


def test_whole_numbers_are_numbers_but_parts_are_no_whole_ones():
    values = _experiment_with("training.learning_rate", 1)
    assert ExperimentConfig.from_dict(values).training.learning_rate == 1
    with pytest.raises(ConfigError, match="num_train_epochs must be an int"):
        ExperimentConfig.from_dict(
            _experiment_with("training.num_train_epochs", 2.5)
        )


def test_bert_configs(tmp_path):
    path = tmp_path / "bert_config.json"
    path.write_text('{"vocab_size": 7, "hidden_size": 24, "directionality": 1}')
    assert EncoderConfig.from_bert_config(path) == EncoderConfig(
        vocab_size=7, hidden_size=24
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "not JSON"),
        ("[]", "no vocab_size"),
        ("{}", "no vocab_size"),
        (
            '{"vocab_size": "many"}',
            "vocab_size must be a positive integer, got 'many'",
        ),
        ('{"vocab_size": 5, "hidden_dropout_prob": "x"}', "not supported"),
        ('{"vocab_size": 5, "hidden_act": ["gelu"]}', "hidden_act"),
    ],
)
def test_what_is_no_bert_config(tmp_path, content, message):
    path = tmp_path / "bert_config.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        EncoderConfig.from_bert_config(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_choices_are_strings_in_files():
    """Stored configs outlive the enums' names."""
    for kind in (Decoder, LongText, Loss, Position, Precision, TokenizerKind):
        assert issubclass(kind, enum.StrEnum)
    values = TrainingConfig(loss=Loss.FOCAL).to_dict()
    assert values["loss"] == "focal"
    assert values["precision"] == "float32"
