"""Lines fit, lose nothing and break where a reader would."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from biaffine_tf.reports.terminal import fold


def lines(plain, width):
    return [line.plain for line in fold(Text(plain), width)]


@pytest.mark.parametrize(
    ("plain", "width", "expected"),
    [
        ("", 10, [""]),
        ("甲乙丙丁", 8, ["甲乙丙丁"]),
        ("甲乙丙丁", 7, ["甲乙丙", "丁"]),
        ("甲乙丙，丁", 6, ["甲乙", "丙，丁"]),
        ("甲乙《丙丁》", 7, ["甲乙", "《丙", "丁》"]),
        ("甲乙 丙丁", 5, ["甲乙 ", "丙丁"]),
        ("看iPhone", 7, ["看", "iPhone"]),
        ("他在[北京|place]上班", 15, ["他在", "[北京|place]上", "班"]),
        ("[[青川|place]大学|org]", 14, ["[[青川|place]", "大学|org]"]),
        ("赞👍🏽好", 5, ["赞👍🏽", "好"]),
        ("ＡＢＣ", 4, ["ＡＢ", "Ｃ"]),
    ],
)
def test_breaks(plain, width, expected):
    assert lines(plain, width) == expected


@given(st.text(alphabet="甲乙，。ab [|]👍🏽ｅ\u0301", max_size=60))
def test_nothing_is_lost(plain):
    assert "".join(lines(plain, 9)) == plain


@given(st.text(alphabet="甲乙丙丁ＡＢab ", max_size=60), st.integers(4, 20))
def test_lines_fit_if_units_do(plain, width):
    longest = max((cell_len(word) for word in plain.split()), default=0)
    for line in lines(plain, width):
        assert cell_len(line.rstrip()) <= max(width, longest)


def test_styles_survive():
    text = Text("甲乙")
    text.append("丙丁", style="bold")
    first, second = fold(text, 4)
    assert (first.plain, second.plain) == ("甲乙", "丙丁")
    assert [span.style for span in second.spans if span] == ["bold"]
