"""Exports of annotation tools, as their users bring them."""

from __future__ import annotations

import json
import textwrap
from typing import NamedTuple

import pytest

from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats import (
    Problems,
    ReadOptions,
    detect_format,
    read,
    write,
)
from biaffine_tf.formats.tag_names import parse_tag_names
from biaffine_tf.spans import Sentence, Span

TEXT = "Ann Lee met Bo in Ely."
ANN, BO, ELY = ("Ann Lee", "PER"), ("Bo", "PER"), ("Ely", "LOC")
TRIPLES = [[0, 7, "PER"], [18, 21, "LOC"]]


class Case(NamedTuple):
    """A file, its format, and what is right.

    Attributes:
        format: Name of the format that is detected.
        content: Text of the file.
        spans: Spans of each sentence; None for an unlabelled one.
        counted: Words of the problems that are counted.
    """

    format: str
    content: str
    spans: list[list[tuple[str, str]] | None]
    counted: tuple[str, ...] = ()


def lines(*values: object) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def offsets(*pairs: tuple[int, int, str]) -> list[dict[str, object]]:
    keys = ("start_offset", "end_offset", "label")
    return [dict(zip(keys, pair, strict=True)) for pair in pairs]


def labels(*triples: list[object]) -> list[dict[str, object]]:
    return [
        {"start": start, "end": end, "text": TEXT[start:end], "labels": [label]}
        for start, end, label in triples
    ]


def task(*triples: list[object], **others: object) -> dict[str, object]:
    result = [
        {"type": "labels", "value": one, "id": "r"} for one in labels(*triples)
    ]
    return {
        "data": {"text": TEXT},
        "annotations": [{"result": result}],
        **others,
    }


def tokens(*words: str) -> list[dict[str, object]]:
    found, end = [], 0
    for number, word in enumerate(words):
        start = TEXT.index(word, end)
        end = start + len(word)
        found.append({"text": word, "start": start, "end": end, "id": number})
    return found


WORDS = ["Ann", "Lee", "met", "Bo", "in", "Ely", "."]
TAGS = ["B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"]

CASES = {
    "doccano, first line without labels": Case(
        "doccano",
        lines({"text": TEXT, "label": []}, {"text": TEXT, "label": TRIPLES}),
        [[], [ANN, ELY]],
    ),
    "doccano, old name of the key": Case(
        "doccano",
        lines({"text": TEXT, "labels": TRIPLES}, {"text": "x"}),
        [[ANN, ELY], None],
    ),
    "doccano, text under data": Case(
        "doccano", lines({"data": TEXT, "label": TRIPLES}), [[ANN, ELY]]
    ),
    "doccano, an array": Case(
        "doccano", json.dumps([{"text": TEXT, "label": TRIPLES}]), [[ANN, ELY]]
    ),
    "doccano, objects": Case(
        "doccano",
        lines({"text": TEXT, "annotations": offsets((12, 14, "PER"))}),
        [[BO]],
    ),
    "doccano, relations": Case(
        "doccano",
        lines(
            {"text": TEXT, "entities": [], "relations": []},
            {
                "text": TEXT,
                "entities": offsets((12, 14, "PER")),
                "relations": [{"from_id": 1, "to_id": 2, "type": "near"}],
            },
        ),
        [[], [BO]],
        ("relation",),
    ),
    "Label Studio": Case(
        "label_studio", json.dumps([task(*TRIPLES)]), [[ANN, ELY]]
    ),
    "Label Studio, not labelled or cancelled": Case(
        "label_studio",
        json.dumps(
            [
                {"data": {"text": TEXT}},
                {"data": {"text": TEXT}, "annotations": []},
                {
                    "data": {"text": TEXT},
                    "annotations": [{"was_cancelled": True, "result": []}],
                },
                task(),
            ]
        ),
        [None, None, None, []],
        ("cancelled",),
    ),
    "Label Studio, a ground truth, a choice and a relation": Case(
        "label_studio",
        json.dumps(
            [
                {
                    "data": {"body": TEXT, "source": 7},
                    "annotations": [
                        {"result": []},
                        {
                            "ground_truth": True,
                            "result": [
                                {"value": one, "type": "labels"}
                                for one in labels([12, 14, "PER"])
                            ]
                            + [
                                {"type": "relation", "from_id": "a"},
                                {"type": "choices", "value": {"choices": []}},
                            ],
                        },
                    ],
                }
            ]
        ),
        [[BO]],
        ("further annotation", "relation left out", "choices left out"),
    ),
    "Label Studio, predictions alone": Case(
        "label_studio",
        json.dumps(
            [
                {
                    "data": {"text": TEXT},
                    "predictions": [
                        {
                            "result": [
                                {"value": one, "score": 0.5}
                                for one in labels([12, 14, "PER"])
                            ]
                        }
                    ],
                }
            ]
        ),
        [[BO]],
        ("prediction read",),
    ),
    "Label Studio, JSON-MIN": Case(
        "label_studio",
        json.dumps(
            [
                {"id": 1, "text": TEXT, "annotator": 1, "annotation_id": 5},
                {"id": 2, "text": TEXT, "entities_": labels(*TRIPLES)},
            ],
            indent=1,
        ),
        [[], [ANN, ELY]],
    ),
    "Prodigy": Case(
        "prodigy",
        lines(
            {
                "text": TEXT,
                "tokens": tokens(*WORDS),
                "spans": [{"start": 12, "end": 14, "label": "PER"}],
                "answer": "accept",
            },
            {"text": TEXT, "answer": "accept"},
            {"text": TEXT, "spans": [], "answer": "reject"},
            {"text": TEXT, "answer": "ignore"},
            {"text": TEXT, "_input_hash": 1},
        ),
        [[BO], [], None],
        ("answer reject", "answer ignore"),
    ),
    "Hugging Face": Case(
        "hf",
        lines({"tokens": WORDS, "ner_tags": TAGS}, {"tokens": ["x"]}),
        [[ANN, ELY], None],
    ),
    "Hugging Face, words and labels": Case(
        "hf", json.dumps([{"words": WORDS, "labels": TAGS}]), [[ANN, ELY]]
    ),
    "spaCy": Case(
        "spacy_tuples",
        json.dumps([[TEXT, {"entities": TRIPLES}], [TEXT, {}]]),
        [[ANN, ELY], None],
    ),
    "spaCy, lines": Case(
        "spacy_tuples",
        lines([TEXT, {"entities": TRIPLES}], [TEXT, {"entities": []}]),
        [[ANN, ELY], []],
    ),
    "spaCy, NER annotator": Case(
        "spacy_tuples",
        json.dumps(
            {
                "classes": ["PER", "LOC"],
                "annotations": [[TEXT, {"entities": TRIPLES}], None],
            }
        ),
        [[ANN, ELY]],
        ("null",),
    ),
    "spaCy, Python": Case(
        "spacy_tuples",
        f"# coding: utf-8\nTRAIN_DATA = [\n    ({TEXT!r},\n"
        "     {'entities': [(0, 7, 'PER'), (18, 21, 'LOC')]}),\n]\n",
        [[ANN, ELY]],
    ),
    "PubTator": Case(
        "pubtator",
        "7|t|Ann Lee met Bo\n7|a|in Ely.\n7\t0\t7\tAnn Lee\tPER\tP1\n"
        "7\t18\t21\tEly\tLOC\n7\tCID\tP1\tP2\n\n8|t|None here\n",
        [[ANN, ELY], []],
        ("relation",),
    ),
    "BioC": Case(
        "bioc",
        json.dumps(
            {
                "source": "x",
                "documents": [
                    {
                        "id": "7",
                        "relations": [{"id": "R"}],
                        "passages": [
                            {"offset": 0, "text": "Title", "annotations": []},
                            {
                                "offset": 6,
                                "text": TEXT,
                                "annotations": [
                                    {
                                        "infons": {"type": "PER"},
                                        "text": "Bo",
                                        "locations": [
                                            {"offset": 18, "length": 2}
                                        ],
                                    },
                                    {
                                        "infons": {"type": "PER"},
                                        "text": "Ann Bo",
                                        "locations": [
                                            {"offset": 6, "length": 3},
                                            {"offset": 18, "length": 2},
                                        ],
                                    },
                                ],
                            },
                        ],
                    }
                ],
            },
            indent=2,
        ),
        [[], [BO]],
        ("relation", "discontinuous"),
    ),
    "inline markup": Case(
        "inline",
        "{{PER:Ann Lee}} met {{ORG:the {{LOC:Ely}} club}}.\n\n"
        "A \\{\\{b:c\\}\\}\n",
        [[ANN, ("the Ely club", "ORG"), ELY], []],
    ),
    "GLiNER": Case(
        "gliner",
        json.dumps([{"tokenized_text": WORDS, "ner": [[0, 1, "PER"]]}]),
        [[ANN]],
    ),
    "W2NER": Case(
        "w2ner",
        json.dumps(
            [
                {
                    "sentence": WORDS,
                    "ner": [
                        {"index": [0, 1], "type": "PER"},
                        {"index": [0, 3], "type": "PER"},
                    ],
                    "word": [],
                }
            ]
        ),
        [[ANN]],
        ("discontinuous",),
    ),
    "MRC": Case(
        "mrc",
        json.dumps(
            [
                {
                    "context": " ".join(WORDS),
                    "entity_label": label,
                    "impossible": not spans,
                    "qas_id": f"0.{number}",
                    "query": "which?",
                    "span_position": spans,
                }
                for number, (label, spans) in enumerate(
                    [("PER", ["0;1", "3;3"]), ("LOC", ["5;5"]), ("ORG", [])]
                )
            ]
        ),
        [[ANN, BO, ELY]],
    ),
    "UIE, negative examples at the end": Case(
        "uie",
        lines(
            {
                "content": TEXT,
                "prompt": "PER",
                "result_list": [{"text": "Bo", "start": 12, "end": 14}],
            },
            {"content": "x", "prompt": "PER", "result_list": []},
            {"content": TEXT, "prompt": "LOC", "result_list": []},
        ),
        [[BO], []],
    ),
    "CSV": Case(
        "csv",
        'id,text,more\n1,"Ann, ""Lee""\nmet Bo",x\n2,,y\n3,Ely,\n',
        [None, None],
        ("row without a text",),
    ),
}


def found(sentences: list[Sentence]) -> list[list[tuple[str, str]] | None]:
    return [
        one.spans
        if one.spans is None
        else [(one.surface(span), span.label) for span in one.spans]
        for one in sentences
    ]


@pytest.mark.parametrize("name", CASES)
def test_it_is_read(reading, name):
    case = CASES[name]
    sentences = reading(case.content)
    assert detect_format(reading.path) == case.format
    assert found(sentences) == case.spans
    problems = " ".join(reading.problems.counts)
    assert all(words in problems for words in case.counted)
    assert len(reading.problems.counts) >= len(case.counted)


@pytest.mark.parametrize("name", CASES)
def test_labels_are_ignored_where_they_are_not_wanted(reading, name):
    sentences = reading(CASES[name].content, ignore_labels=True)
    assert {one.spans for one in sentences} == {None}
    assert len(sentences) >= len(CASES[name].spans)  # also rejected tasks


WRONG = {
    "doccano": (
        {"text": TEXT, "label": [[0, 40, "PER"]]},
        r"outside its text",
    ),
    "doccano, numbers": (
        {
            "text": TEXT,
            "annotations": [{**offsets((0, 3, "x"))[0], "label": 4}],
        },
        "the number 4",
    ),
    "Prodigy": (
        {"text": TEXT, "answer": "accept", "spans": [{"start": 0, "end": 3}]},
        "must be an object of start, end and label",
    ),
    "Hugging Face": (
        {"tokens": ["a"], "ner_tags": ["B-X", "O"]},
        "2 tags in 'ner_tags' for 1 tokens",
    ),
    "Hugging Face, numbers": (
        {"tokens": ["a"], "ner_tags": [1]},
        r"'ner_tags' are numbers.*--tag_names=",
    ),
    "GLiNER": (
        {"tokenized_text": ["a"], "ner": [[0, 1, "X"]]},
        "outside its sentence of 1 tokens",
    ),
    "spaCy": ([TEXT, {"entities": [[0, 3]]}], r"must be \[start, end, label\]"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(reading, name):
    content = lines(WRONG[name][0])
    with pytest.raises(DataError, match=WRONG[name][1]) as caught:
        reading(content)
    assert caught.value.line == 1 and caught.value.remedy
    with pytest.raises(DataError, match="bad sentence skipped: 1"):
        reading(content, on_bad_data="skip")


def test_a_mention_must_be_what_the_text_says(reading):
    wrong = task(*TRIPLES)
    wrong["annotations"][0]["result"][0]["value"]["text"] = "Bo"
    for content in (
        lines(wrong),
        "7|t|Ann Lee\n7\t0\t3\tBo\tPER\n",
    ):
        with pytest.raises(DataError, match="the mention 'Bo' is at"):
            reading(content)


def test_names_of_numbered_tags(reading, tmp_path):
    content = lines({"tokens": ["Ann", "x"], "ner_tags": [1, 0]})
    names = ["O", "B-PER"]
    as_json = {
        "list": names,
        "model": {"id2label": {"1": "B-PER", "0": "O"}},
        "features": {
            "features": {
                "ner_tags": {"feature": {"names": names, "_type": "x"}}
            }
        },
    }
    given = ["O,B-PER", *map(json.dumps, as_json.values()), "O\nB-PER\n"]
    for text in given:
        path = tmp_path / "names"
        path.write_text(text)
        parsed = parse_tag_names(text if text == given[0] else str(path))
        assert parsed == ("O", "B-PER")
        assert found(reading(content, tag_names=parsed)) == [[("Ann", "PER")]]
    with pytest.raises(DataError, match="holds 1, which is no tag of the 1"):
        reading(content, tag_names=("O",))
    with pytest.raises(DataError, match="cannot be read"):
        parse_tag_names(str(tmp_path / "none"))


def test_tokens_of_one_file_are_joined_alike(reading):
    chinese = lines(
        {"tokens": ["北", "京", "好"], "ner_tags": ["B-LOC", "I-LOC", "O"]},
        {"tokens": ["A", "B"], "ner_tags": ["O", "O"]},
    )
    assert [one.text for one in reading(chinese)] == ["北京好", "AB"]
    joined = reading(chinese, join="words")
    assert [one.text for one in joined] == ["北 京 好", "A B"]


@pytest.fixture
def brat(tmp_path):
    """A folder with two texts, one of them without annotations."""
    folder = tmp_path / "brat"
    folder.mkdir()
    (folder / "a.txt").write_text("Ann\nLee met 😀 Bo\n")
    (folder / "a.ann").write_text(
        textwrap.dedent(
            """\
            T1\tPER 0 3;4 7\tAnn Lee
            T2\tPER 14 16\tBo
            T3\tPER 0 3;14 16\tAnn Bo
            R1\tKnows Arg1:T1 Arg2:T2\t
            #1\tAnnotatorNotes T2\tscore 0.25
            #2\tAnnotatorNotes T1\tis it?
            """
        )
    )
    (folder / "b.txt").write_text("Nobody")
    return folder


def test_brat(brat):
    problems = Problems()
    one, other = read(brat, problems=problems)
    assert one.spans == (Span(0, 7, "PER"), Span(14, 16, "PER", 0.25))
    assert (one.id, one.text) == ("a", "Ann\nLee met 😀 Bo\n")
    assert (other.id, other.spans) == ("b", None)
    assert [kind.partition(" left")[0] for kind in problems.counts] == [
        "relation",
        "discontinuous span",
        "note",
    ] or len(problems.counts) == 3
    assert detect_format(brat) == detect_format(brat / "a.ann") == "brat"
    assert list(read(brat / "a.ann")) == [one]


def test_a_text_of_brat_is_part_of_its_fingerprint(brat):
    corpus = Corpus((str(brat / "a.ann"),))
    before = corpus.fingerprint()
    (brat / "a.txt").write_text("Ann\nLee met 😀 Jo\n")
    assert corpus.fingerprint() != before


def test_brat_needs_its_text(brat):
    (brat / "a.txt").unlink()
    with pytest.raises(DataError, match=r"need their text.*a\.txt"):
        next(read(brat / "a.ann"))
    (brat / "a.ann").write_text("")
    (brat / "a.txt").write_text("Nobody")
    (found,) = read(brat / "a.ann")
    assert found.spans == ()


def test_a_folder_of_brat_is_never_mixed_with_another(brat, tmp_path):
    with pytest.raises(DataError, match="not an empty folder"):
        write(brat, [Sentence("a", ())], "brat")
    names = [Sentence("a", (), key) for key in ("x", "X", "../y", "x")]
    problems = Problems()
    write(tmp_path / "new", names, "brat", problems=problems)
    assert len([*(tmp_path / "new").glob("*.ann")]) == 4
    assert sum(problems.counts.values()) == 3


def test_other_keys_find_their_way_back(tmp_path):
    """From a tool into our JSON, and back into the tool."""
    files = {
        "doccano": lines(
            {"id": 5, "text": TEXT, "label": [], "meta": {"a": 1}}
        ),
        "prodigy": lines({"text": TEXT, "answer": "accept", "meta": {"a": 1}}),
        "label_studio": json.dumps(
            [
                {
                    **task(),
                    "id": 5,
                    "meta": {"a": 1},
                    "data": {"text": TEXT, "b": 2},
                }
            ]
        ),
        "hf": lines({"tokens": ["a"], "ner_tags": ["O"], "meta": {"a": 1}}),
        "gliner": lines({"tokenized_text": ["a"], "ner": [], "meta": {"a": 1}}),
    }
    for name, content in files.items():
        path, ours = tmp_path / name, tmp_path / f"{name}.ours"
        path.write_text(content)
        write(ours, read(path), "span_jsonl")
        record = json.loads(ours.read_text())
        assert record["meta"] == {"a": 1}, name
        write(tmp_path / "back", read(ours), name)
        back = (tmp_path / "back").read_text()
        assert '"meta": {"a": 1}' in back
        if name == "label_studio":
            assert record["data"] == {"b": 2} and record["id"] == 5
            (again,) = json.loads(back)
            assert again["data"] == {"text": TEXT, "id": 5, "b": 2}


def test_predictions_are_suggestions_with_scores(tmp_path):
    sentence = Sentence(TEXT, (Span(12, 14, "PER", 0.5),), "7")
    path = tmp_path / "f"

    def written(name: str) -> str:
        write(path, [sentence, Sentence("x", ())], name, predicted=True)
        return path.read_text()

    first, second = json.loads(written("label_studio"))
    assert (
        "annotations" not in first and second["predictions"][0]["result"] == []
    )
    (prediction,) = first["predictions"]
    assert prediction["score"] == 0.5 and prediction["model_version"]
    assert prediction["result"][0]["value"] == {
        **{"start": 12, "end": 14},
        **{"text": "Bo", "labels": ["PER"]},
    }
    task = json.loads(written("prodigy").splitlines()[0])
    assert "answer" not in task and "_input_hash" not in task
    assert task["spans"] == [
        {"start": 12, "end": 14, "label": "PER", "score": 0.5}
    ]
    line = json.loads(written("doccano").splitlines()[0])
    assert line["label"] == [[12, 14, "PER"]] and line["scores"] == [0.5]


def test_tables(reading):
    (one, two) = reading('id;text;more\n1;"a;b";x\n2;c;y\n')
    assert (one.text, one.id, one.extra) == ("a;b", "1", {"more": "x"})
    assert (two.text, two.line) == ("c", 3)
    (one, two) = reading("text,a,a,,b\nx,1,2,3,4,5\ny,1,,,4\n", format="csv")
    assert one.extra == two.extra == {"a": "1", "b": "4"}
    assert [*reading.problems.counts.values()] == [3]
    content = "number\tbody of it\n1\ta\n"
    with pytest.raises(DataError, match=r"'body of it'; name .*--text_column"):
        reading(content, format="csv")
    (found,) = reading(content, text_column="body of it")
    assert found.text == "a"
    with pytest.raises(DataError, match="broken here"):
        reading('text,b\n"a,b\n', format="csv")


@pytest.mark.parametrize(
    "prose",
    [
        "Text, and more of it\nanother line\n",
        "Content; text\nNo.\n",
        "She said {{ and }} to me: a|t|b\n",
        "|t|x\nT1 is a line\n",
        "[Ann] said\n[Bo] did not\n",
        "{{no label}} {{: a}}\n",
    ],
)
def test_prose_stays_text(reading, prose):
    reading(prose)
    assert detect_format(reading.path) == "text"


def test_excel(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["id", "text"], [1, "Ann"], [2, None], [3, "北京"]):
        book.active.append(row)
    book.create_sheet("more")
    book.save(tmp_path / "f.xlsx")
    problems = Problems()
    found = list(read(tmp_path / "f.xlsx", problems=problems))
    assert [(one.id, one.text) for one in found] == [
        ("1", "Ann"),
        ("3", "北京"),
    ]
    assert sum(problems.counts.values()) == 2  # the row and the other sheet
    assert any("more" in one[0] for one in problems.examples.values())


def test_formats_that_are_only_read_say_so(tmp_path):
    with pytest.raises(ConfigError, match="only read"):
        write(tmp_path / "f", [Sentence("a")], "csv")


def test_long_first_objects_are_recognised(reading):
    """The head of a file need not hold a whole object."""
    long = "x" * (1 << 17)
    task_ = {"data": {"text": TEXT + long}, "annotations": [{"result": []}]}
    reading(json.dumps([task_]))
    assert detect_format(reading.path) == "label_studio"
    reading(lines({"label": TRIPLES, "text": TEXT + long}))
    assert detect_format(reading.path) == "doccano"


def test_options_do_not_change_what_was_stored():
    assert "tag_names" not in repr(ReadOptions())
    assert "tag_names" in repr(ReadOptions(tag_names=("O",)))
