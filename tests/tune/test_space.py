"""The space of a search as it is written."""

import pytest

from biaffine_tf.errors import ConfigError
from biaffine_tf.tune.plots import history, parameter
from biaffine_tf.tune.space import Parameter, parse
from biaffine_tf.tune.study import Row, folder_of, table

KINDS = {"rate": float, "epochs": int, "head": str, "nested": str}


def convert(name, text):
    try:
        return KINDS[name](text)
    except (KeyError, ValueError) as error:
        raise ConfigError(f"{name}={text}") from error


def test_ranges_and_choices():
    texts = ["rate:log:1e-5:1e-3", "epochs:2:8", "head:a,b"]
    assert parse(texts, convert) == [
        Parameter(name="rate", low=1e-5, high=1e-3, is_log=True),
        Parameter(name="epochs", low=2, high=8, is_whole=True),
        Parameter(name="head", choices=("a", "b")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("rate", "rate:", "rate:1", "rate:log:1", "rate:3:1", "rate:log:0:1"),
        *("rate:1:1", "rate:x:y", "absent:1:2", "head:a", "head:a,a", ":1:2"),
        *("head:a:b", "rate:1:2:3", "rate:1:2:3:4"),
    ],
)
def test_others_are_refused(text):
    with pytest.raises(ConfigError):
        parse([text], convert)


def test_a_flag_is_given_once():
    with pytest.raises(ConfigError, match="twice"):
        parse(["rate:1:2", "rate:2:3"], convert)


def test_equal_values_share_a_folder():
    assert folder_of({"a": 1, "b": 2}) == folder_of({"b": 2, "a": 1})
    assert folder_of({"a": 1}) != folder_of({"a": 2})


def test_tables_and_plots_hold_every_trial():
    rows = [
        Row(0, "complete", 0.5, 2, 10.0, {"rate": 1e-4, "head": "a"}),
        Row(1, "pruned", 0.2, 1, 5.0, {"rate": 1e-3, "head": "b"}),
        Row(2, "killed", None, 0, 0.0, {}),
    ]
    lines = [line.split("\t") for line in table(rows)]
    assert lines[0][-2:] == ["rate", "head"]
    assert lines[2][:3] == ["1", "pruned", "0.2000"]
    assert {len(line) for line in lines} == {7}
    for one in parse(["rate:log:1e-5:1e-2", "head:a,b"], convert):
        assert parameter(one, rows).count("<circle") == 2
    assert history(rows).count("<circle") == 2
    assert history([]).endswith("</svg>\n")
