"""Flags follow from fields: one line adds one, and all that goes with it."""

import dataclasses

import pytest
from absl import flags

from biaffine_tf.commands import (
    ensemble_training,
    flag_types,
    pretraining_flags,
    pseudo_label,
    running,
    text_flags,
    tune,
)
from biaffine_tf.commands import flags as command_flags
from biaffine_tf.config import (
    DecodingConfig,
    HeadConfig,
    ModelConfig,
    TrainingConfig,
    setting,
    settings_of,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.reports.run_facts import CHINESE, UNITS, settings_rows

COMMANDS = {
    "ensemble": ensemble_training.define_ensemble_flags,
    "pseudo labels": pseudo_label.define_pseudo_label_flags,
    "search": tune.define_tune_flags,
    "training": command_flags.define_training_flags,
    "prediction": command_flags.define_prediction_flags,
    "pretraining": pretraining_flags.define_training_flags,
    "records": text_flags.define_data_flags,
    "embeddings": text_flags.define_embedding_flags,
}


@pytest.fixture
def values(monkeypatch):
    """Flags of a process in which none is defined yet."""
    found = flags.FlagValues()
    monkeypatch.setattr(flag_types, "FLAGS", found)
    monkeypatch.setattr(flag_types, "_SHOWN", {})
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneMore(HeadConfig):
    """A section with one line more than before."""

    sharpness: float = setting(0.25, above=0, below=1, help="Sharpness.")


def test_one_line_adds_a_flag(values):
    flag_types.define("Head", OneMore)
    usage = "\n".join(flag_types.describe_flags([]))
    assert (
        "  --sharpness=NUMBER\n"
        "      Sharpness. (above 0 and below 1; default: 0.25)" in usage
    )
    values(["x", "--sharpness=0.5"])
    made = OneMore(**flag_types.values(OneMore))
    assert made == OneMore(sharpness=0.5)
    assert flag_types.values(OneMore, given=True) == {"sharpness": 0.5}
    assert OneMore.from_dict(made.to_dict()) == made
    assert made.to_dict()["sharpness"] == 0.5
    assert ("sharpness", "0.5") in settings_rows(made)
    for refuse in (
        lambda: values(["x", "--sharpness=1"]),
        lambda: OneMore(sharpness=1.0),
    ):
        with pytest.raises(
            ConfigError,
            match=r"^--sharpness must be above 0 and below 1, got 1\.0$",
        ):
            refuse()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_every_flag_its_section_and_its_default(values, command):
    COMMANDS[command]()
    required = ["output_dir"] * ("output_dir" in values)
    lines = list(flag_types.describe_flags(required))
    assert max(map(len, lines[0].splitlines())) <= 80
    assert lines[0].startswith("\n") and lines[0].endswith(":")
    shown = [x for x in lines if x.startswith("  --")]
    assert len(shown) == len(set(shown))
    names = {x.strip(" -").removeprefix("[no]").split("=")[0] for x in shown}
    former = {one.setting.spec.former for one in flag_types._SHOWN.values()}
    assert names == set(values) - former
    notes = [x for x in lines if x.startswith("      ")]
    assert len(notes) == len(shown)
    for note in notes:
        assert "default: " in " ".join(note.split()) or "(required)" in note
        assert all(len(line) <= 80 for line in note.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_of_a_range_refuse_what_is_beyond_it(values, command):
    COMMANDS[command]()
    for name, shown in flag_types._SHOWN.items():
        one = shown.setting
        bad = ["x"] if one.type in (bool, int, float) or one.choices else []
        bad += ["nan", "inf"] if one.type is float else []
        bad += ["1.5", "inf"] if one.type is int else []
        bad += [
            str(b) for b in (one.spec.above, one.spec.below) if b is not None
        ]
        for text in bad:
            with pytest.raises(ConfigError, match=f"^--{name} must be .*, got"):
                values(["x", f"--{name}={text}"])


def test_old_names_are_the_new_ones(values):
    flag_types.define("Model", ModelConfig)
    values(["x", "--context_pieces=3"])
    assert values.context_tokens == 3 and values["context_tokens"].present
    assert flag_types.values(ModelConfig, given=True) == {"context_tokens": 3}
    usage = "\n".join(flag_types.describe_flags([]))
    assert "context_tokens" in usage and "context_pieces" not in usage


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("3.0", 3), ("1e3", 1000), ("0x10", 16)]
)
def test_integers_may_be_written_as_numbers(values, text, value):
    flag_types.define("Head", HeadConfig)
    values(["x", f"--projection_size={text}"])
    assert values.projection_size == value
    assert type(values.projection_size) is int


def test_zero_may_stand_for_none(values):
    flag_types.define("Head", HeadConfig)
    values(["x", "--max_span_width=0"])
    assert values.max_span_width == 0
    assert HeadConfig(max_span_width=values.max_span_width or None)


def test_help_is_the_document_of_the_command(capsys, values, monkeypatch):
    flag_types.define("Head", HeadConfig)
    with pytest.raises(SystemExit) as end:
        running._parse(["x", "--help"], "Trains.", [], {})
    assert not end.value.code
    out = capsys.readouterr().out
    assert out.startswith("Trains.\n") and "--flagfile" in out
    assert "\nHead:\n  --head=TEXT\n" in out


def test_every_setting_has_a_name_in_chinese():
    sections = (ModelConfig, HeadConfig, DecodingConfig, TrainingConfig)
    for one in (x for s in sections for x in settings_of(s).values()):
        if one.flag:
            name = one.spec.label or one.name.replace("_", " ")
            assert name in CHINESE and one.spec.unit in {"", *UNITS}
