"""CLUENER's and the span JSON formats, and what is wrong with their lines."""

from __future__ import annotations

import json

import pytest

from biaffine_tf import formats
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence, Span


def one(reading, value: object, **options: object) -> Sentence:
    (sentence,) = reading(json.dumps(value) + "\n", **options)
    return sentence


def test_cluener(reading):
    text = "张三在北京大学,张三!"
    label = {
        "name": {"张三": [[0, 1], [8, 9]]},
        "address": {"北京": [[3, 4]]},
        "organization": {"北京大学": [[3, 6]]},
    }
    sentence = one(reading, {"id": 7, "text": text, "label": label})
    assert sentence.id == "7"
    assert [(sentence.surface(s), *s.key) for s in sentence.spans] == [
        ("张三", 0, 2, "name"),
        ("张三", 8, 10, "name"),
        ("北京", 3, 5, "address"),
        ("北京大学", 3, 7, "organization"),
    ]
    assert sentence.line == 1


def test_cluener_without_labels_and_with_scores(reading):
    assert one(reading, {"id": "x", "text": "无"}).spans is None
    assert one(reading, {"text": "无", "label": {}}).spans == ()
    assert one(reading, {"text": "无"}).id is None
    scored = one(reading, {"text": "ab", "label": {"n": {"b": [[1, 1, 0.5]]}}})
    assert scored.spans == (Span(1, 2, "n", 0.5),)


def test_ours(reading):
    sentence = one(
        reading,
        {
            "id": "a-1",
            "text": "e\u0301😀b",
            "spans": [
                {"start": 2, "end": 3, "label": "x", "score": 1},
                {"start": 0, "end": 4, "label": "y", "text": "e\u0301😀b"},
                {"start": 2, "end": 3, "label": "y", "mention": "😀"},
            ],
        },
    )
    assert sentence.id == "a-1"
    assert sentence.spans == (
        Span(2, 3, "x", 1.0),
        Span(0, 4, "y"),
        Span(2, 3, "y"),
    )


def test_cmeee(reading):
    sentence = one(
        reading,
        {
            "text": "肺部感染",
            "entities": [
                {"start_idx": 0, "end_idx": 3, "type": "dis"},
                {
                    "start_idx": 0,
                    "end_idx": 1,
                    "type": "bod",
                    "entity": "肺部",
                },
            ],
        },
    )
    assert sentence.spans == (Span(0, 4, "dis"), Span(0, 2, "bod"))


def test_token_lists(reading):
    sentence = one(
        reading,
        {
            "sent_id": "doc-3",
            "tokens": ["The", "IL-2", "gene", "promoter"],
            "entity_mentions": [
                {
                    "start": 1,
                    "end": 3,
                    "entity_type": "DNA",
                    "text": "IL-2 gene",
                },
                {"start": 1, "end": 2, "entity_type": "protein"},
            ],
        },
    )
    assert sentence.text == "The IL-2 gene promoter"
    assert sentence.words == ((0, 3), (4, 8), (9, 13), (14, 22))
    assert sentence.spans == (Span(4, 13, "DNA"), Span(4, 8, "protein"))
    assert sentence.id == "doc-3"


def test_kinds_may_be_mixed_in_one_file(reading):
    values = [
        {"text": "a", "spans": []},
        {"text": "b", "entities": []},
        {"tokens": ["c"], "entity_mentions": []},
        {"text": "d"},
        {"tokens": ["e", "f"]},
    ]
    expected = [("a", ()), ("b", ()), ("c", ()), ("d", None), ("e f", None)]
    lines = "\n".join(json.dumps(value) for value in values)
    for content in (lines, json.dumps(values), json.dumps(values, indent=2)):
        assert [(s.text, s.spans) for s in reading(content)] == expected


def span(**changes: object) -> dict:
    return {
        "text": "abcd",
        "spans": [{"start": 1, "end": 2, "label": "x", **changes}],
    }


def without(key: str) -> dict:
    value = span()
    del value["spans"][0][key]
    return value


def entity(**changes: object) -> dict:
    item = {"start_idx": 1, "end_idx": 1, "type": "x", "entity": "b"}
    return {"text": "abcd", "entities": [item | changes]}


def mention(**changes: object) -> dict:
    item = {"start": 0, "end": 1, "entity_type": "x"}
    return {"tokens": ["a", "b"], "entity_mentions": [item | changes]}


def cluener(label: object) -> dict:
    return {"text": "abcd", "label": label}


BAD = [
    (span(start=-1), "outside"),
    (span(end=5), r"\[1, 5\).*4 characters"),
    (span(start=2), "outside"),
    (span(start=3), "outside"),
    (span(start=True), "'start' of a span must be a whole number, got True"),
    (span(start=1.0), "whole number, got 1.0"),
    (span(end="2"), "whole number, got '2'"),
    (span(end=None), "whole number, got None"),
    (span(label=""), "'' cannot be a label"),
    (span(label=" \n"), "cannot be a label"),
    (span(label=3), "'label' of a span must be a string"),
    (span(label="\ud800"), "half of a character"),
    (span(score=1.5), "0 to 1, got 1.5"),
    (span(score=True), "0 to 1, got True"),
    (span(text="c"), r"'c' is at \[1, 2\) \(half-open\), which is 'b'"),
    (span(mention=""), "'' is at"),
    (span(start=-3, text="b"), r"\[-3, 2\).*outside"),
    (span(start=2, end=2, text=""), "empty or reversed"),
    (without("label"), "a span has no 'label'; it has 'start', 'end'"),
    (without("start"), "has no 'start'"),
    (without("end"), "has no 'end'"),
    ({"text": "a", "spans": {}}, "'spans' of the object must be an array"),
    ({"text": "a", "spans": [3]}, "each of 'spans' must be an object, got 3"),
    ({"spans": []}, "no 'text'"),
    ({"text": 3, "spans": []}, "must be a string, got 3"),
    ({"text": None, "spans": []}, "must be a string, got None"),
    ({"text": "\ud800", "spans": []}, r"U\+D800 at position 0"),
    ({"text": "a", "spans": [], "entities": []}, "both"),
    ({"id": 1.5, "text": "a", "spans": []}, "'id' must be a string, got 1.5"),
    ({"id": True, "text": "a", "spans": []}, "'id' must be a string"),
    (entity(end_idx=4), "outside"),
    (entity(end_idx=0), "reversed"),
    (entity(entity="c"), "'c' is at"),
    (entity(type=None), "'type' of an entity must be a string"),
    (entity(start_idx=False), "whole number, got False"),
    (mention(end=3), "2 tokens.*count tokens"),
    (mention(start=1), "outside"),
    (mention(start=-1), "outside"),
    (mention(text="b"), "'b' is at"),
    ({"tokens": ["a", ""], "entity_mentions": []}, "token 1 is empty"),
    ({"tokens": ["a", 1], "entity_mentions": []}, "token 1 must be a string"),
    ({"tokens": "ab", "entity_mentions": []}, "must be an array, got 'ab'"),
    (cluener([]), "'label' of the object must be an object"),
    (cluener(None), "must be an object, got None"),
    (cluener({"x": [[0, 1]]}), "label 'x' must be an object"),
    (cluener({"x": {"ab": [0, 1]}}), "must be an array, got 0"),
    (cluener({"x": {"ab": [[0]]}}), "inclusive end"),
    (cluener({"x": {"ab": [[0, 2]]}}), r"'ab' is at \[0, 3\).*'abc'"),
    (cluener({"x": {"": [[0, -1]]}}), "empty or reversed"),
    (cluener({"x": {"d": [[-1, 3]]}}), "outside"),
    (cluener({"x": {"ab": [[0.0, 1]]}}), "whole number, got 0.0"),
    (cluener({"x": {"ab": [[False, True]]}}), "whole number, got False"),
    (cluener({"x": {"ab": [[0, 1, 2]]}}), "0 to 1, got 2"),
    (cluener({"": {"ab": [[0, 1]]}}), "cannot be a label"),
    ({"id": 1, "label": {"x": {}}}, "together with their texts"),
]


@pytest.mark.parametrize(("value", "problem"), BAD)
def test_bad_lines_are_named_or_skipped(reading, value, problem):
    good = json.dumps({"text": "good"} | dict.fromkeys(value.keys() & {"x"}))
    content = f"{json.dumps(value)}\n\n{json.dumps(value)}\n{good}\n"
    kind = "cluener" if "label" in value else "span_jsonl"
    with pytest.raises(DataError, match=problem) as caught:
        reading("\n" + content, format=kind)
    assert caught.value.line == 2
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    sentences = reading(content, format=kind, on_bad_data="skip")
    assert [s.text for s in sentences] == ["good"]
    assert reading.problems.counts == {"bad sentence skipped": 2}
    assert "data:1: " in reading.problems.examples["bad sentence skipped"][0]


def test_the_other_json_format_is_named(reading):
    spans = json.dumps({"text": "a", "spans": []})
    with pytest.raises(DataError, match="--format=span_jsonl"):
        reading(spans, format="cluener")
    with pytest.raises(DataError, match="--format=cluener"):
        reading('{"text": "a", "label": {}}', format="span_jsonl")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"text": "a"', "broken JSON at column"),
        ("{'text': 'a'}", "broken JSON at column 2"),
        ('{"text": "a"} {"text": "b"}', "Extra data"),
        ('"text"', "expected an object, got 'text'"),
        ("[1]", "expected an object"),
        ('{"text": "a", "text": "b"}', "'text' is given twice"),
        ('{"text": "a", "n": NaN}', "NaN is not JSON"),
        ('{"text": "a", "n": ' + "9" * 5000 + "}", "unreadable JSON"),
        ('{"text": "a", "n": ' + "[" * 100_000, "nested too deeply"),
        ('{"text": "a\tb"}', "control character"),
    ],
)
def test_broken_json_is_named(reading, line, problem):
    with pytest.raises(DataError, match=problem) as caught:
        reading(f'{{"text": "good"}}\n{line}\n', format="span_jsonl")
    assert caught.value.line == 2


def test_a_repeated_mention_is_not_lost_silently(reading):
    line = '{"text": "aba", "label": {"x": {"a": [[0, 0]], "a": [[2, 2]]}}}'
    with pytest.raises(DataError, match="'a' is given twice"):
        reading(line)


def test_an_empty_text_is_read_and_counted(reading):
    (sentence,) = reading('{"text": "", "spans": []}')
    assert sentence.text == ""
    assert reading.problems.counts == {"sentence with an empty text": 1}


def test_documents_and_back(tmp_path):
    path, again = str(tmp_path / "d.jsonl"), str(tmp_path / "again.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"text": "a", "spans": [], "document": "x"}\n')
        file.write('{"text": "b", "spans": [], "doc_id": 7}\n')
        file.write('{"text": "c", "spans": []}\n')
    read = list(formats.read(path))
    assert [s.document for s in read] == ["x", "7", None]
    formats.write(again, read, formats.Format.SPAN_JSONL)
    assert [s.document for s in formats.read(again)] == ["x", "7", None]
