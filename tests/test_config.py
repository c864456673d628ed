"""Settings: to JSON and back, checked, compared."""

import dataclasses
import functools
import json
import operator
from dataclasses import MISSING

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf import config as sections
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.objectives import ThresholdObjective
from biaffine_tf.config import (
    AnyEncoderConfig,
    BilstmConfig,
    DataConfig,
    Decoder,
    DecodingConfig,
    EncoderConfig,
    ExperimentConfig,
    ExportConfig,
    HeadConfig,
    LongText,
    Masking,
    ModelConfig,
    PredictionConfig,
    PretrainingConfig,
    SettingError,
    Settings,
    TokenizerConfig,
    TrainingConfig,
    WordBoundaries,
    settings_of,
)
from biaffine_tf.errors import ConfigError

INFINITY, NAN = float("inf"), float("nan")
ENCODER = EncoderConfig(vocab_size=9)
SECTIONS = {
    EncoderConfig: {"vocab_size": 9},
    BilstmConfig: {"vocab_size": 9},
    TokenizerConfig: {},
    HeadConfig: {},
    ModelConfig: {"encoder": ENCODER},
    DecodingConfig: {},
    TrainingConfig: {},
    PredictionConfig: {},
    ExportConfig: {},
    Masking: {},
    DataConfig: {},
    PretrainingConfig: {"encoder": ENCODER},
    ThresholdObjective: {},
    Confidence: {},
}
FIELDS = [
    pytest.param(section, one, id=f"{section.__name__}.{one.name}")
    for section in SECTIONS
    for one in settings_of(section).values()
]
OF_OTHER_TYPES = {
    bool: ["no", "false", "", 0, 1, None, []],
    int: [1.5, "1", True, None, [], {}, NAN],
    float: ["x", True, None, [], {}],
    str: [5, True, None, ["a"], {}],
}


def _values_of(one):
    """Strategy for the values of a field."""
    spec, kind = one.spec, one.type
    low = spec.minimum if spec.above is None else spec.above
    high = spec.maximum if spec.below is None else spec.below
    if one.choices:
        found = st.sampled_from(one.choices)
    elif kind is int:
        found = st.integers(low or 0, (low or 0) + 50)
    elif kind is float:
        exclude = {"exclude_min": spec.above is not None}
        exclude["exclude_max"] = spec.below is not None
        found = st.floats(low, 1e9 if high is None else high, **exclude)
    elif kind in (str, bool) and spec.valid is None:
        found = st.from_type(kind)
    else:
        return st.just(one.default)
    return found | st.none() if one.is_optional else found


@st.composite
def _sections(draw, section, **needed):
    fields = settings_of(section).values()
    changes = {
        one.name: draw(_values_of(one))
        for one in fields
        if one.default is not MISSING and draw(st.booleans())
    }
    try:
        return section(**SECTIONS.get(section, {}) | changes | needed)
    except ConfigError:  # fields that do not go together
        return section(**SECTIONS.get(section, {}) | needed)


@st.composite
def _experiments(draw):
    parts = {
        "tokenizer": draw(_sections(TokenizerConfig)),
        "head": draw(_sections(HeadConfig)),
        "encoder": draw(_sections(EncoderConfig, max_position_embeddings=512)),
    }
    return ExperimentConfig(
        model=draw(_sections(ModelConfig, **parts)),
        training=draw(_sections(TrainingConfig)),
        decoding=draw(_sections(DecodingConfig)),
        data=draw(st.dictionaries(st.text(max_size=5), st.text(max_size=5))),
    )


experiments = _experiments()


def _types(value):
    if dataclasses.is_dataclass(value):
        names = [f.name for f in dataclasses.fields(value)]
        return {name: _types(getattr(value, name)) for name in names}
    return type(value)


@pytest.mark.slow
@given(experiments)
def test_json_and_back(experiment):
    text = json.dumps(experiment.to_dict())
    again = ExperimentConfig.from_dict(json.loads(text))
    assert again == experiment
    # A StrEnum equals its string, so equality alone would not see it.
    assert _types(again) == _types(experiment)
    assert experiment.differences(again) == []


@pytest.mark.slow
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


def bad_values(one):
    """Values beyond the range of a field, and of other types."""
    spec, kind = one.spec, one.type
    step = 1 if kind is int else 1e-9
    yield from (b - step for b in (spec.minimum,) if b is not None)
    yield from (b + step for b in (spec.maximum,) if b is not None)
    yield from (b for b in (spec.above, spec.below) if b is not None)
    yield from [NAN, INFINITY, -INFINITY] if kind is float else []
    yield from ["swish", ""] if one.choices else []
    yield from [
        v
        for v in OF_OTHER_TYPES.get(kind, [5, [5], "x"])
        if not (v is None and one.is_optional)
    ]


def test_all_sections_are_here():
    exported = {
        one
        for one in vars(sections).values()
        if isinstance(one, type) and issubclass(one, Settings)
    }
    exported -= {Settings, ExperimentConfig, AnyEncoderConfig}
    assert exported <= SECTIONS.keys()


@pytest.mark.parametrize(("section", "one"), FIELDS)
def test_fields_take_what_they_say(section, one):
    needed = SECTIONS[section]
    usual = getattr(section(**needed), one.name)
    assert one.convert(usual) == usual  # defaults are in range
    for edge in (one.spec.minimum, one.spec.maximum):
        assert edge is None or one.convert(edge) == edge
    for choice in one.choices:
        assert type(one.convert(choice)) is one.type
    shown = f"--{one.flag}" if one.flag else one.name
    for value in bad_values(one):
        with pytest.raises(SettingError) as caught:
            section(**needed | {one.name: value})
        message = str(caught.value)
        assert message.startswith(f"{shown} must be "), message
        assert message.endswith(f", got {value!r}") and "\n" not in message


@pytest.mark.parametrize(
    ("section", "name", "values"),
    [
        (EncoderConfig, "hidden_size", [767]),
        (DecodingConfig, "word_rule", ["a", "ab", "aa,00", "--", "a ", "aé"]),
        (Masking, "span_shares", [(), (0.5,), (1.5, -0.5), ("x",)]),
        (Masking, "mask_share", [0.95]),
        (PretrainingConfig, "thaw_after", [5]),
        (PretrainingConfig, "num_warmup_steps", [10_001]),
        (DataConfig, "min_tokens", [127]),
        (DataConfig, "dupe_factor", [1]),  # without masks
    ],
)
def test_conditions_that_are_no_ranges(section, name, values):
    for value in values:
        with pytest.raises(SettingError, match=r" must be .*, got"):
            section(**SECTIONS[section] | {name: value})


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("model.long_text", LongText.WINDOW),
        ("model.window_overlap", None),
        ("model.head.max_span_width", None),
        ("decoding.word_boundaries", WordBoundaries.FREE),
        ("decoding.word_rule", ""),
    ],
)
def test_settings_of_before_there_was_one(path, meant):
    values = ExperimentConfig(model=tiny.model_config()).to_dict()
    *parents, last = path.split(".")
    inner = functools.reduce(operator.getitem, parents, values)
    del inner[last]
    read = ExperimentConfig.from_dict(values)
    assert operator.attrgetter(path)(read) == meant


def test_settings_of_before_there_was_a_choice_of_decoders():
    values = ExperimentConfig(model=tiny.model_config()).to_dict()
    values["decoding"] = {"nested": True, "force_one_entity": False}
    values["version"] = 1
    config = ExperimentConfig.from_dict(values)
    assert config.decoding == DecodingConfig(
        nested=True, decoder=Decoder.GREEDY
    )
    assert config.decoding.decoder is Decoder.GREEDY


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
        (
            _experiment_with("decoding.decoder", "best"),
            "^decoding.decoder must be one of",
        ),
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


def test_whole_numbers_are_numbers_but_parts_are_no_whole_ones():
    values = _experiment_with("training.learning_rate", 1)
    assert ExperimentConfig.from_dict(values).training.learning_rate == 1
    with pytest.raises(ConfigError, match="num_train_epochs must be an int"):
        ExperimentConfig.from_dict(
            _experiment_with("training.num_train_epochs", 2.5)
        )


def test_files_with_a_wrong_type_name_the_key():
    """`"nested": "no"` is no way to say no."""
    experiment = ExperimentConfig(
        model=tiny.model_config(), data={"train_data": "1"}
    )
    for path in _keys(experiment.to_dict()):
        with pytest.raises(ConfigError) as caught:
            ExperimentConfig.from_dict(_experiment_with(path, [5]))
        message = str(caught.value)
        assert path in message or path in ("version", "data.train_data")
        assert "\n" not in message


def test_what_relates_two_fields():
    encoder = tiny.encoder_config(max_position_embeddings=40)
    settings = {"encoder": encoder, "max_seq_length": 40}
    for overlap in (None, 0, 37):
        made = ModelConfig(**settings, window_overlap=overlap)
        assert (made.max_tokens, made.window_overlap) == (38, overlap)
    DecodingConfig(min_width=3, max_width=3)
    for section, values, said in (
        (ModelConfig, settings | {"max_seq_length": 41}, "ax_seq_length=40"),
        (ModelConfig, settings | {"max_seq_length": 2}, "at least 3"),
        (ModelConfig, settings | {"window_overlap": 38}, "below 38, .* got 38"),
        (DecodingConfig, {"min_width": 3, "max_width": 2}, "width=3, got 2"),
    ):
        with pytest.raises(ConfigError, match=said):
            section(**values)


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
            "vocab_size must be an integer, got 'many'",
        ),
        ('{"vocab_size": 5, "hidden_dropout_prob": "x"}', "a number"),
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


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_survives_json(section):
    made = section(**SECTIONS[section])
    assert section.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_whole_words_are_masked_where_records_have_words():
    masking = Masking(kind="word")
    with pytest.raises(ConfigError, match=r"--masking=word is .*--words=jieba"):
        DataConfig(dupe_factor=1, masking=masking)
    made = DataConfig(dupe_factor=1, words="jieba", masking=masking)
    assert DataConfig.from_dict(made.to_dict()) == made
