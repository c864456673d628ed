"""CoNLL columns."""

from __future__ import annotations

import pytest

from biaffine_tf import formats
from biaffine_tf.errors import ConfigError, DataError
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
    assert first.tokens == ((0, 1), (1, 2), (2, 3))
    assert first.id is None
    marks = {"byte order mark removed": 1} if mark else {}
    assert reading.problems.counts == marks


def test_words_are_joined_with_spaces(reading):
    (sentence,) = reading(
        "Ann\tB-person\nLee\tI-person\nsaw\tO\n😀\tB-creative-work\n"
    )
    assert sentence.text == "Ann Lee saw 😀"
    assert surfaces(sentence) == [
        ("Ann Lee", "person"),
        ("😀", "creative-work"),
    ]
    assert sentence.tokens == ((0, 3), (4, 7), (8, 11), (12, 13))


def test_joining_can_be_chosen(reading):
    content = "ab O\n12 O\n北京 O\n上海 O\n来 O\n"
    assert reading(content)[0].text == "ab12北京上海来"
    assert reading(content, join="words")[0].text == "ab 12 北京 上海 来"
    words = "ab O\ncd O\n"
    assert reading(words, join="chars")[0].text == "abcd"
    assert reading("한국어 O\n단어 O\n")[0].text == "한국어 단어"


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


def test_separator_lines_with_white_space_are_counted(reading):
    sentences = reading("甲 O\n \n乙 O\n\t\n\n\t\t\n丙 O\n\t")
    assert [s.text for s in sentences] == ["甲", "乙", "丙"]
    kind = "separator line that holds white space"
    assert reading.problems.counts == {kind: 4}


def test_docstart_lines_make_no_sentence(reading):
    sentences = reading(
        "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\nsays VBZ I-VP O\n\n"
        "-DOCSTART- -X- -X- O\n\n-DOCSTART- -X- O O\nBonn NNP I-NP I-LOC\n"
    )
    assert [s.text for s in sentences] == ["EU says", "Bonn"]
    assert surfaces(sentences[0]) == [("EU", "ORG")]
    chunks = "several columns look like tags, and --tag_columns is not given"
    assert reading.problems.counts == {
        "-DOCSTART- line passed over": 3,
        chunks: 1,
    }


def test_columns_can_be_chosen(reading):
    content = "0 Ann B-NP B-person\n1 Lee I-NP I-person\n2 ran B-VP O\n"
    (sentence,) = reading(content, token_column=1, tag_columns=(2,))
    assert surfaces(sentence) == [("Ann Lee", "NP"), ("ran", "VP")]
    (sentence,) = reading(content, token_column=-3)
    assert surfaces(sentence) == [("Ann Lee", "person")]


def test_nested_layers(reading):
    (sentence,) = reading(
        "北\tB-org\tB-city\n京\tI-org\tI-city\n大\tI-org\tO\n学\tI-org\tO\n",
        tag_columns=(1, 2),
    )
    assert surfaces(sentence) == [("北京大学", "org"), ("北京", "city")]


def test_one_column_is_unlabelled(reading):
    sentences = reading("北\n京\n\n好\n", format="conll")
    assert [(s.text, s.spans) for s in sentences] == [
        ("北京", None),
        ("好", None),
    ]


def test_segmentation_digits(reading):
    content = "科0 B-x\n技1 I-x\n20 O\n全0 O\n方1 O\nab2 O\n"
    (sentence,) = reading(content)
    assert sentence.text == "科技2全方ab"
    assert surfaces(sentence) == [("科技", "x")]
    kind = "segmentation digit removed from a token"
    assert reading.problems.counts == {kind: 6}
    (sentence,) = reading(content, segmentation_digit="keep", join="chars")
    assert sentence.text == "科0技120全0方1ab2"


def test_tokens_with_digits_of_their_own_keep_them(reading):
    (sentence,) = reading("B2 O\nA7 O\nC9 O\nT5 O\n")
    assert sentence.text == "B2 A7 C9 T5"
    assert not reading.problems


def test_a_missing_segmentation_digit_is_an_error(reading):
    with pytest.raises(DataError, match="no segmentation digit") as caught:
        reading("科0 O\n技1 O\n学 O\n", segmentation_digit="strip")
    assert caught.value.line == 3


def test_orphans_are_counted_with_their_line(reading):
    (sentence,) = reading("甲 B-x\n乙 I-y\n丙 O\n丁 I-x\n戊 B-x\n")
    assert surfaces(sentence) == [
        ("甲", "x"),
        ("乙", "y"),
        ("丁", "x"),
        ("戊", "x"),
    ]
    counts = reading.problems.counts
    assert list(counts.values()) == [1, 1]
    messages = [seen[0] for seen in reading.problems.examples.values()]
    assert [m.partition("data:")[2] for m in messages] == ["2: I-y", "4: I-x"]


def test_iob1_is_recognised_and_not_reported(reading):
    content = "甲 I-x\n乙 I-x\n丙 B-x\n丁 O\n戊 I-y\n"
    (sentence,) = reading(content)
    assert surfaces(sentence) == [("甲乙", "x"), ("丙", "x"), ("戊", "y")]
    assert not reading.problems
    reading(content, tag_scheme="bio")
    assert sum(reading.problems.counts.values()) == 2


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("甲 O\n乙\n丙 O\n", 2, "1 columns where the file has 2"),
        ("甲 O\n乙 x O\n丙 O\n", 2, "3 columns where the file has 2"),
        ("甲\tO\n\tO\n乙\tO\n", 2, "token is empty"),
        ("甲\tO\n乙\t\n丙\tO\n", 2, "1 columns"),
        ("甲 O\n乙 X-city\n", 2, "'X-city'.*bioes"),
        ("甲 B_city\n乙 O\n", 1, "'B_city'"),
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


def test_documents_are_told_apart(tmp_path):
    path = tmp_path / "d.conll"
    path.write_text(
        "-DOCSTART- O\n\na O\n\nb O\n\n-DOCSTART- O\n\nc O\n", "utf-8"
    )
    found = list(formats.read(str(path)))
    assert [(s.text, s.document) for s in found] == [
        ("a", "1"),
        ("b", "1"),
        ("c", "2"),
    ]
    path.write_text("a O\n\nb O\n", "utf-8")
    assert [s.document for s in formats.read(str(path))] == [None, None]
