"""CoNLL columns."""

from __future__ import annotations

import re

import pytest

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats import parse_columns
from biaffine_tf.spans import Sentence


def surfaces(sentence: Sentence) -> list[tuple[str, str]]:
    return [(sentence.surface(span), span.label) for span in sentence.spans]


@pytest.mark.parametrize("separator", [" ", "\t", "   "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_characters(reading, separator, end, mark):
    rows = ["北 B-city", "京 I-city", "好 O", "", "", "上 B-city", "海 I-city"]
    content = mark + end.join(row.replace(" ", separator) for row in rows)
    first, second = reading(content)
    assert (first.text, second.text) == ("北京好", "上海")
    assert surfaces(first) == [("北京", "city")]
    assert surfaces(second) == [("上海", "city")]
    assert (first.line, second.line) == (1, 6)
    assert first.words == ((0, 1), (1, 2), (2, 3))
    assert first.id is None
    marks = {"byte order mark removed": 1} if mark else {}
    assert reading.problems.counts == marks


@pytest.mark.parametrize(
    ("row", "token"),
    [
        ("\u3000 O", "\u3000"),
        ("\u3000\tO", "\u3000"),
        (" \tO", " "),
        ("  O", " "),
        ("\xa0 O", "\xa0"),
        ("\u2028 O", "\u2028"),
        ("\x85\tO", "\x85"),
        ("\x0c O", "\x0c"),
        ("\ufeff O", "\ufeff"),
        ("# O", "#"),
        ('" O', '"'),
    ],
)
def test_tokens_that_are_white_space_or_odd(reading, row, token):
    (sentence,) = reading(f"甲 B-x\n{row}\n乙 B-x\n")
    assert sentence.text == f"甲{token}乙"
    assert [span.start for span in sentence.spans] == [0, 2]


# Rows of columns, sentences divided by "/", and options; below, the text of
# each sentence with its spans, then each problem.
CASES = """
Ann|B-person Lee|I-person saw|O 😀|B-creative-work
    Ann Lee saw 😀: Ann Lee person, 😀 creative-work
ab|O 12|O 北京|O 上海|O 来|O
    ab12北京上海来
ab|O 12|O 北京|O 上海|O 来|O join=words
    ab 12 北京 上海 来
ab|O cd|O join=chars
    abcd
한국어|O 단어|O
    한국어 단어
-DOCSTART-|O|O / EU|I-NP|I-ORG says|I-VP|O / -DOCSTART-|O|O / Ed|I-NP|I-PER
    EU says: EU ORG @ 1
    Ed: Ed PER @ 2
    ! -DOCSTART- line passed over: 2
    ! several columns look like tags, and --tag_columns is not given: 1
-DOCSTART-|O / a|O / b|O / -DOCSTART-|O c|O
    a @ 1
    b @ 1
    c @ 2
    ! -DOCSTART- line passed over: 2
0|Ann|B-NP|B-per 1|Lee|I-NP|I-per 2|ran|B-VP|O token_column=1 tag_columns=2
    Ann Lee ran: Ann Lee NP, ran VP
0|Ann|NP|B-person 1|Lee|NP|I-person 2|ran|VP|O token_column=-3
    Ann Lee ran: Ann Lee person
北|B-org|B-city 京|I-org|I-city 大|I-org|O 学|I-org|O tag_columns=1,2
    北京大学: 北京大学 org, 北京 city
北 京 / 好 format=conll
    北京: unlabelled
    好: unlabelled
科0|B-x 技1|I-x 20|O 全0|O 方1|O ab2|O
    科技2全方ab: 科技 x
    ! segmentation digit removed from a token: 6
科0|B-x 技1|I-x 20|O 全0|O 方1|O ab2|O segmentation_digit=keep join=chars
    科0技120全0方1ab2: 科0技1 x
B2|O A7|O C9|O T5|O
    B2 A7 C9 T5
甲|B-x 乙|I-y 丙|O 丁|I-x 戊|B-x
    甲乙丙丁戊: 甲 x, 乙 y, 丁 x, 戊 x
    ! tag inside a span of another label: it begins a span: 1 (first: F:2: I-y)
    ! tag inside a span that was not begun: it begins one: 1 (first: F:4: I-x)
甲|I-x 乙|I-x 丙|B-x 丁|O 戊|I-y
    甲乙丙丁戊: 甲乙 x, 丙 x, 戊 y
甲|I-x 乙|I-x 丙|B-x 丁|O 戊|I-y tag_scheme=bio
    甲乙丙丁戊: 甲乙 x, 丙 x, 戊 y
    ! tag inside a span that was not begun: it begins one: 2
"""


def shown(sentence):
    """A sentence as in the table."""
    spans = "unlabelled"
    if sentence.spans is not None:
        spans = ", ".join(" ".join(one) for one in surfaces(sentence))
    document = f" @ {sentence.document}" if sentence.document else ""
    return (f"{sentence.text}: {spans}" if spans else sentence.text) + document


@pytest.mark.parametrize("case", re.split(r"\n(?! )", CASES.strip()))
def test_what_is_read(reading, case):
    given, *said = case.split("\n    ")
    options = dict(re.findall(r" (\w+)=(\S+)", given))
    rows = re.sub(r" \w+=\S+", "", given).replace("|", "\t").split(" ")
    if "tag_columns" in options:
        options["tag_columns"] = parse_columns(options["tag_columns"])
    if "token_column" in options:
        options["token_column"] = int(options["token_column"])
    content = "".join(f"{row}\n".replace("/\n", "\n") for row in rows)
    problems = [one[2:] for one in said if one.startswith("! ")]
    found = [shown(sentence) for sentence in reading(content, **options)]
    assert found == [one for one in said if not one.startswith("! ")]
    lines = reading.problems.lines()
    assert len(lines) == len(problems)
    for problem in problems:
        problem = problem.replace("F:", f"{reading.path}:")
        assert any(line.startswith(problem) for line in lines), lines


def test_separator_lines_with_white_space_are_counted(reading):
    sentences = reading("甲 O\n \n乙 O\n\t\n\n\t\t\n丙 O\n\t")
    assert [s.text for s in sentences] == ["甲", "乙", "丙"]
    kind = "separator line that holds white space"
    assert reading.problems.counts == {kind: 4}


def test_a_missing_segmentation_digit_is_an_error(reading):
    with pytest.raises(DataError, match="no segmentation digit") as caught:
        reading("科0 O\n技1 O\n学 O\n", segmentation_digit="strip")
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("甲 O\n乙\n丙 O\n", 2, "1 columns where the file has 2"),
        ("甲 O\n乙 x O\n丙 O\n", 2, "3 columns where the file has 2"),
        ("甲\tO\n\tO\n乙\tO\n", 2, "token is empty"),
        ("甲\tO\n乙\t\n丙\tO\n", 2, "1 columns"),
        ("甲 O\n乙 X-city\n", 2, "'X-city'.*bioes"),
        ("甲 B_city\n乙 B-city\n", 1, "'B_city'"),
        ("甲 O\n乙 B-\n丙 O\n丁 O\n", 2, "'B-'"),
    ],
)
def test_bad_rows_are_named_or_skipped(reading, content, line, problem):
    content += "\n好 O\n好 O\n好 O\n好 O\n好 O\n好 O\n"
    with pytest.raises(DataError, match=problem) as caught:
        reading(content)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)
    (sentence,) = reading(content, on_bad_data="skip")
    assert sentence.text == "好好好好好好"
    assert reading.problems.counts == {"bad sentence skipped": 1}


def test_missing_columns_are_named(reading):
    with pytest.raises(DataError, match="no tag column 2: the file has 2"):
        reading("甲 O\n乙 O\n", format="conll", tag_columns=(2,))
    with pytest.raises(DataError, match="no token column 5"):
        reading("甲 O\n乙 O\n", format="conll", token_column=5)
    with pytest.raises(DataError, match="number 0 would be both"):
        reading("甲 O\n乙 O\n", format="conll", tag_columns=(-2,))


def test_impossible_options_are_refused(reading):
    for options in (
        {"tag_columns": ()},
        {"tag_columns": (1, 1)},
        {"tag_columns": (0,)},
        {"tag_scheme": "iobes2"},
        {"format": "xml"},
        {"on_bad_data": "ignore"},
    ):
        with pytest.raises(ConfigError) as caught:
            reading("甲 O\n", **options)
        assert caught.value.remedy
