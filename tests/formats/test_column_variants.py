"""Columns as other projects write them: tags, separators, comments."""

from __future__ import annotations

import itertools
import random

import pytest

from biaffine_tf.commands.describe_data import main
from biaffine_tf.errors import DataError
from biaffine_tf.formats import Format, detect_format

# Two sentences; what they hold, in every spelling.
ROWS = [
    [("Ida", "B-PER"), ("Roth", "I-PER"), ("sah", "O"), ("Ulm", "B-LOC")],
    [("und", "O"), ("dann", "O"), ("kam", "O"), ("Per", "B-PER"), (".", "O")],
]
SPANS = [[("Ida Roth", "PER"), ("Ulm", "LOC")], [("Per", "PER")]]
NO_TAG = "the tag"


def surfaces(sentence):
    return [(sentence.surface(one), one.label) for one in sentence.spans]


def columns(spell=lambda tag: tag, join="\t", rows=ROWS) -> str:
    return "\n".join(
        "".join(f"{word}{join}{spell(tag)}\n" for word, tag in sentence)
        for sentence in rows
    )


def prefix(separator, outside="O", case=str):
    def spell(tag):
        letter, _, label = tag.partition("-")
        return f"{case(letter)}{separator}{label}" if label else outside

    return spell


def suffix(separator, outside="O"):
    def spell(tag):
        letter, _, label = tag.partition("-")
        return f"{label}{separator}{letter}" if label else outside

    return spell


@pytest.mark.parametrize("join", ["\t", " "])
@pytest.mark.parametrize(
    "spell",
    [
        *(prefix(separator) for separator in "_:./|"),
        *(prefix("-", outside) for outside in "0-_"),
        *(prefix(separator, "o", str.lower) for separator in "-_:"),
        *(suffix(separator) for separator in "-_:"),
        suffix("-", "0"),
    ],
)
def test_spellings_that_are_certain_are_read_and_said(reading, spell, join):
    sentences = reading(columns(spell, join))
    assert list(map(surfaces, sentences)) == SPANS
    (kind,) = reading.problems.counts
    outside = spell("O")
    assert kind.startswith("tags of column 1 are spelt ")
    assert kind.endswith(f", {outside}")
    assert spell("B-LABEL") in kind


@pytest.mark.parametrize(
    ("spell", "said"),
    [
        (lambda tag: tag.partition("-")[2] or "O", "pass --tag_scheme=io"),
        (lambda tag: tag[0], "positions but no labels"),
        (lambda tag: tag[0].lower(), "positions but no labels"),
    ],
)
def test_what_is_not_certain_is_an_error_about_tags(reading, spell, said):
    with pytest.raises(DataError, match=NO_TAG) as caught:
        reading(columns(spell))
    assert said in str(caught.value)


@pytest.mark.parametrize("outside", "O0-_")
def test_bare_labels_are_read_when_named(reading, outside):
    content = columns(lambda tag: tag.partition("-")[2] or outside)
    sentences = reading(content, tag_scheme="io")
    assert list(map(surfaces, sentences)) == SPANS
    # Neighbours of one label are one span, of different labels two.
    (sentence,) = reading("a\tX\nb\tX\nc\tY\nd\tO\n", tag_scheme="io")
    assert surfaces(sentence) == [("ab", "X"), ("c", "Y")]
    with pytest.raises(DataError, match="'B-PER' is no bare label"):
        reading(columns(), tag_scheme="io")


def test_the_suffix_scheme_may_be_named(reading):
    sentences = reading(columns(suffix("-")), tag_scheme="suffix")
    assert list(map(surfaces, sentences)) == SPANS
    assert not reading.problems
    with pytest.raises(DataError, match="'B-PER' is not spelt like"):
        reading(columns(suffix("-")) + "x\tB-PER\n", tag_scheme="suffix")


@pytest.mark.parametrize(
    ("first", "second"),
    itertools.permutations([prefix("-"), prefix("_"), suffix("-")], 2),
)
def test_mixed_spellings_are_errors(reading, first, second):
    mixed = columns(first, rows=ROWS[:1]) + "\n" + columns(second)
    with pytest.raises(DataError, match=NO_TAG):
        reading(mixed)


@pytest.mark.parametrize(
    ("join", "name"),
    [
        ("\u00a0", "no-break spaces"),
        ("\u00a0 ", "no-break spaces"),
        ("\u3000", "ideographic spaces"),
        (",", "commas"),
        (";", "semicolons"),
    ],
)
@pytest.mark.parametrize("spell", [str, prefix("_"), suffix("-")])
def test_other_separators(reading, join, name, spell):
    sentences = reading(columns(spell, join))
    assert list(map(surfaces, sentences)) == SPANS
    assert any(name in kind for kind in reading.problems.counts)


def test_tabs_that_align_or_trail(reading):
    aligned = columns(join="\t\t").replace("sah\t\t", "sah\t")
    trailing = columns(join=" ").replace("\n", "\t\n").replace("\n\t", "\n")
    for content in (aligned, trailing, columns().replace("\n", "\t\n")):
        assert list(map(surfaces, reading(content))) == SPANS


def test_commas_may_be_words_and_columns_named(reading):
    content = 'token,tag\nUlm,B-LOC\n",",O\n,,O\nja,O\n'
    (sentence,) = reading(content)
    assert sentence.text == "Ulm , , ja"
    assert "row of column names passed over" in reading.problems.counts


COMMENTS = {
    "before each": "# id 7\tx=y\n{0}\n# id 8\n{1}",
    "as many fields as columns": "# 7\n{0}\n# b\n{1}",
    "images": "IMGID:42\n{0}\nIMGID:43\n{1}",
    "documents without blank lines": "-DOCSTART- -X-\n{0}-DOCSTART- O\n{1}",
    "alone": "# a file\n\n{0}\n# end\n\n{1}",
}


@pytest.mark.parametrize("name", COMMENTS)
@pytest.mark.parametrize("join", ["\t", " "])
@pytest.mark.parametrize("ignore_labels", [False, True])
def test_comments_are_counted(reading, name, join, ignore_labels):
    first, second = (columns(join=join, rows=[rows]) for rows in ROWS)
    content = COMMENTS[name].format(first, second)
    sentences = reading(content, ignore_labels=ignore_labels)
    assert [one.text for one in sentences] == [
        "Ida Roth sah Ulm",
        "und dann kam Per .",
    ]
    if not ignore_labels:
        assert list(map(surfaces, sentences)) == SPANS
    (kind,) = reading.problems.counts
    assert "passed over" in kind and reading.problems.counts[kind] == 2


def test_a_hash_that_is_a_token_stays(reading):
    rows = "#\tB-TAG\nulm\tI-TAG\nund\tO\nich\tO\n\n# 2\n#\tO\n7\tO\ner\tO\n"
    first, second = reading(rows)
    assert surfaces(first) == [("# ulm", "TAG")]
    assert (first.text, second.text) == ("# ulm und ich", "# 7 er")
    assert reading.problems.counts == {"comment line passed over": 1}


def test_word_numbers_and_ranges(reading):
    content = (
        "# text = vámonos al mar\n1-2\tvámonos\t_\t_\n1\tvamos\tX\tO\n"
        "2\tnos\tX\tO\n3\tal\tX\tO\n3.1\tx\t_\t_\n4\tmar\tX\tB-LOC\n\n"
        "1\tUlm\tX\tB-LOC\n2\truft\tX\tO\n"
    )
    first, second = reading(content)
    assert first.text == "vamos nos al mar"
    assert surfaces(first) == [("mar", "LOC")]
    assert surfaces(second) == [("Ulm", "LOC")]
    assert [n for k, n in reading.problems.counts.items() if "range" in k] == [
        2
    ]
    # Words that are numbers are words.
    (sentence,) = reading("1 O\n2 O\n3 B-X\n")
    assert surfaces(sentence) == [("3", "X")]


def test_named_columns_of_conllu_plus(reading):
    content = (
        "# global.columns = ID LEMMA FORM MY:NER MISC\n# a\n"
        "1\tx\tIda\tB-PER\t_\n2\tx\tRoth\tI-PER\tSpaceAfter=No\n"
        "3\tx\t!\tO\t_\n\n1\tx\tUlm\tB-LOC\t_\n"
    )
    first, second = reading(content)
    assert first.text == "Ida Roth!"
    assert surfaces(first) == [("Ida Roth", "PER")]
    assert surfaces(second) == [("Ulm", "LOC")]


@pytest.mark.parametrize("empty", ["_", ""])
def test_a_column_of_spaces_last(reading, empty):
    content = (
        f"Ida\tB-PER\t{empty}\nRoth\tI-PER\tSpaceAfter=No\n!\tO\t{empty}\n\n"
        f"Ulm\tB-LOC\t{empty}\n"
    )
    first, second = reading(content)
    assert (first.text, second.text) == ("Ida Roth!", "Ulm")
    assert surfaces(first) == [("Ida Roth", "PER")]
    (first, _) = reading(content, join="words")
    assert first.text == "Ida Roth !"


def test_ragged_layers_are_all_read(reading):
    content = "Uni B-ORG\nUlm I-ORG B-LOC\nist O\n\nja O\nUlm O O B-LOC\n"
    for options in ({}, {"tag_columns": (1, 2, 3)}):
        first, second = reading(content, **options)
        assert surfaces(first) == [("Uni Ulm", "ORG"), ("Ulm", "LOC")]
        assert surfaces(second) == [("Ulm", "LOC")]
        kind = "row that leaves out layers of tags: they are O"
        assert reading.problems.counts[kind] == 3


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\r\r\n"])
def test_line_ends(reading, end):
    sentences = reading(columns().replace("\n", end).encode())
    assert list(map(surfaces, sentences)) == SPANS
    lone = "lines end in a lone carriage return"
    assert (lone in reading.problems.counts) is (end == "\r")


@pytest.mark.parametrize(
    "words",
    [
        ["สมชาย", "ไป", "ลำปาง"],
        ["ສົມ", "ໄປ", "ວຽງຈັນ"],
        ["ខ្ញុំ", "ទៅ", "ភ្នំពេញ"],
        ["ကျွန်တော်", "က", "ရန်ကုန်"],
        ["我们", "去", "丽水"],
        ["한국", "사람", "서울"],
        ["вот", "он", "Псков"],
    ],
)
def test_scripts_without_spaces(reading, words):
    tags = ["O", "O", "B-LOC"]
    (sentence,) = reading(columns(rows=[list(zip(words, tags, strict=True))]))
    spaced = words[0] in ("한국", "вот")
    assert sentence.text == (" " if spaced else "").join(words)
    assert surfaces(sentence) == [(words[2], "LOC")]


def test_the_command_says_what_was_chosen(tmp_path, capsys):
    path = tmp_path / "data"
    path.write_text(columns(suffix("-")))
    assert main([str(path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for part in (
        "2 columns divided by tabs or spaces",
        "words in column 0, joined with spaces",
        "tags in column 1",
        "scheme bio spelt LABEL-B, LABEL-I, O",
    ):
        assert part in shown


def test_columns_of_unknown_values_are_not_text(reading):
    words = [f"wort{index}" for index in range(12)]
    content = "".join(f"{w}\t{'NV'[i % 2]}N\n" for i, w in enumerate(words))
    with pytest.raises(DataError, match=r"tabs.*--format=text"):
        reading(content)
    assert len(reading(content, format="text")) == 12


SCRIPTS = [(97, 122), (0x430, 0x44F), (0x5D0, 0x5EA), (0x4E00, 0x9FFF)]
SCRIPTS += [(0xE01, 0xE2E), (0xAC00, 0xD7A3), (0x1F600, 0x1F64F), (65, 90)]
MARKS = [*".,!?;:'\"()[]{}#/|*-_…。「」", "O", "B-12", "0", "\t", "\u3000"]
MARKS += ["T1 ", '["', "('", "text,", "{'", "<", "# ", "1,2", "\u00a0"]


def test_prose_in_many_scripts_stays_text(tmp_path):
    draw, path = random.Random(5), tmp_path / "prose"

    def word():
        low, high = draw.choice(SCRIPTS)
        letters = draw.choices(range(low, high + 1), k=draw.randint(1, 7))
        mark = draw.choice(MARKS) if draw.random() < 0.3 else ""
        return "".join(map(chr, letters)) + mark

    for _ in range(150):
        lines = [
            " ".join(word() for _ in range(draw.choice([1, 2, 2, 3, 9])))
            for _ in range(draw.choice([1, 2, 3, 8, 20]))
        ]
        path.write_text(
            "\n".join(draw.choice(["", draw.choice(MARKS)]) + x for x in lines)
        )
        assert detect_format(path) is Format.TEXT, lines


@pytest.mark.slow
def test_real_text_stays_text(data_folder, tmp_path):
    import lzma

    draw, path = random.Random(6), tmp_path / "part"
    corpora = sorted((data_folder / "corpus").glob("*.xz"))
    for corpus in corpora:
        assert detect_format(corpus) is Format.TEXT
        with lzma.open(corpus, "rt", encoding="utf-8") as stream:
            lines = list(itertools.islice(stream, 20_000))
        for _ in range(40):
            first = draw.randrange(len(lines))
            part = lines[first : first + draw.choice([1, 2, 3, 10, 100])]
            path.write_text("".join(part))
            assert detect_format(path) is Format.TEXT
    assert corpora
