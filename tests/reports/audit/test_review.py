"""Findings for annotation tools: their order, suggestions, and the way back."""

import dataclasses
import json
import random

import pytest

from biaffine_tf import formats
from biaffine_tf.commands.audit import main
from biaffine_tf.corpora.corrections import Changes, correct
from biaffine_tf.errors import DataError
from biaffine_tf.formats.reviews import review_of, suggested_spans
from biaffine_tf.reports.audit import audit
from biaffine_tf.reports.audit.review import reviews
from biaffine_tf.spans import Sentence, Span

TOOLS = ["label_studio", "doccano", "brat", "prodigy", "span_jsonl"]


def labelled(text, *entities, **others):
    spans = []
    for entity in entities:
        string, label = entity.split("|")
        start = text.index(string)
        spans.append(Span(start, start + len(string), label))
    return Sentence(text, tuple(spans), **others)


def data(**others):
    made = [labelled(f"去北京{i}次，坐车", "北京|place") for i in range(9)]
    made += [labelled(f"在上海大学{i}", "上海大学|school") for i in range(9)]
    made += [labelled(f"甲{i}公司，好", f"甲{i}公司|firm") for i in range(12)]
    made += [
        labelled("北京队赢了", "北京|team", "队|team"),
        labelled("他去了北京。", "他|person"),
        labelled("上海大学在南方", "上海|place", "南方|place"),
        labelled("乙公司好", "乙|firm"),
    ]
    return [
        dataclasses.replace(one, file="d.jsonl", line=line, **others)
        for line, one in enumerate(made, 1)
    ]


def test_suggestions_are_the_usual_way():
    found = {one.sentence.text: one for one in reviews(audit(data()))}
    suggested = {
        text: {
            (text[span.start : span.end], span.label) for span in one.suggested
        }
        for text, one in found.items()
    }
    assert suggested == {
        "北京队赢了": {("北京", "place"), ("队", "team")},
        "他去了北京。": {("他", "person"), ("北京", "place")},
        "上海大学在南方": {("上海大学", "school"), ("南方", "place")},
        "乙公司好": {("乙公司", "firm")},
    }
    for one in found.values():
        wrong = 1.0
        for remark in one.remarks:
            wrong *= 1 - remark.score
        assert one.suspicion == pytest.approx(1 - wrong)


def test_confident_models_are_heard_first():
    gold = data()
    predicted = [
        one.replace_spans(span._replace(score=0.9) for span in one.spans)
        for one in gold
    ]
    text = gold[0].text
    predicted[0] = predicted[0].replace_spans([Span(1, 3, "team", 0.99)])
    predicted[1] = predicted[1].replace_spans(
        [*predicted[1].spans, Span(4, 5, "number", 0.98)]
    )
    found = reviews(audit(gold, predicted))
    assert [one.sentence.text for one in found[:2]] == [text, gold[1].text]
    assert found[0].suggested == (Span(1, 3, "team"),)
    assert found[1].suggested == (Span(1, 3, "place"), Span(4, 5, "number"))
    order = [one.suspicion for one in found]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("tool", TOOLS)
def test_tools_get_labels_and_suggestions(tool, tmp_path):
    source, path = tmp_path / "d.jsonl", tmp_path / "review"
    formats.write(source, data(), "span_jsonl")
    flags = [f"--output={path}", f"--output_format={tool}"]
    assert main([str(source), *flags]) == 0
    expected = reviews(audit(formats.read(source)))
    found = list(formats.read(path))
    by_text = {one.text: one for one in found}
    assert len(by_text) == len(expected)
    for one in expected:
        assert by_text[one.sentence.text].spans == one.sentence.spans
    if tool == "brat":  # in the order of file names, with notes
        notes = "".join(one.read_text() for one in sorted(path.glob("*.ann")))
        assert notes.count("AnnotatorNotes") == len(expected)
        return
    assert [one.text for one in found] == [s.sentence.text for s in expected]
    for read, one in zip(found, expected, strict=True):
        review = review_of(read.extra)
        assert (review["file"], review["line"]) == (
            one.sentence.file,
            one.sentence.line,
        )
        assert suggested_spans(read) == one.suggested
    if tool == "label_studio":
        tasks = json.loads(path.read_text(encoding="utf-8"))
        for task, one in zip(tasks, expected, strict=True):
            results = task["predictions"][0]["result"]
            values = [result["value"] for result in results]
            assert [(v["start"], v["end"], *v["labels"]) for v in values] == [
                span.key for span in one.suggested
            ]
    # Written again, the labels count, not what was suggested.
    assert main([str(source), "--corrections", str(path), *flags[:0],
                 f"--output={tmp_path / 'back.jsonl'}"]) == 0  # fmt: skip
    assert (tmp_path / "back.jsonl").read_text() == source.read_text()


@pytest.mark.parametrize("tool", TOOLS)
def test_corrections_change_spans_and_nothing_else(tool, tmp_path, capsys):
    sentences = data()
    sentences.insert(3, dataclasses.replace(sentences[0], line=99))  # twice
    sentences[5] = dataclasses.replace(sentences[5], extra={"url": "a/5"})
    source = tmp_path / "data.jsonl"
    formats.write(source, sentences, "span_jsonl")
    assert main([str(source), f"--output={tmp_path / 'out'}",
                 f"--output_format={tool}"]) == 0  # fmt: skip
    rng = random.Random(0)
    corrected = []
    for one in formats.read(tmp_path / "out"):
        end = rng.randint(1, len(one.text))
        corrected.append(one.replace_spans([Span(0, end, "new")]))
    rng.shuffle(corrected)
    folder = tmp_path / "corrected"
    formats.write(folder, corrected, tool)
    capsys.readouterr()
    after = tmp_path / "after.jsonl"
    assert main([str(source), "--corrections", str(folder),
                 f"--output={after}"]) == 0  # fmt: skip
    assert f"{len(corrected)} corrected sentences" in capsys.readouterr().out
    new = {one.text: one.spans for one in corrected}
    for before, now in zip(
        formats.read(source), formats.read(after), strict=True
    ):
        assert now.text == before.text and now.extra == before.extra
        assert now.spans == new.get(now.text, before.spans)


def test_suggestions_alone_are_no_corrections(tmp_path, capsys):
    source, path = tmp_path / "d.jsonl", tmp_path / "review.json"
    formats.write(source, data(), "span_jsonl")
    assert main([str(source), f"--output={path}"]) == 0
    tasks = json.loads(path.read_text(encoding="utf-8"))
    for task in tasks:
        task["annotations"] = [{"was_cancelled": True, "result": []}]
    path.write_text(json.dumps(tasks))
    flags = ["--corrections", str(path), f"--output={tmp_path / 'o.jsonl'}"]
    assert main([str(source), *flags]) == 2
    assert "is not annotated" in capsys.readouterr().err


def test_changes_are_counted():
    sentences = [labelled("甲乙丙丁", "甲|a", "丙|b"), labelled("戊己", "戊|a")]
    changes = Changes()
    corrected = [labelled("甲乙丙丁", "甲|c", "乙丙|b"), sentences[1]]
    found = correct(sentences, corrected, changes)
    assert [one.spans for one in found] == [one.spans for one in corrected]
    assert vars(changes) == {
        "corrected": 2,
        "changed": 1,
        "relabelled": 1,
        "added": 1,
        "removed": 1,
    }


def test_a_repeated_text_is_found_by_place_then_id_then_order():
    twice = [
        labelled("甲乙", "甲|a", id="x", file="f", line=1),
        labelled("甲乙", "甲|a", id="y", file="f", line=2),
    ]
    new = labelled("甲乙", "乙|b")
    review = {"review": {"file": "f", "line": 2, "remarks": []}}

    def places(*corrections):
        found = correct(twice, corrections, Changes())
        return [one.spans == new.spans for one in found]

    assert places(dataclasses.replace(new, extra=review)) == [False, True]
    assert places(dataclasses.replace(new, id="y")) == [False, True]
    assert places(new, twice[1]) == [True, False]
    with pytest.raises(DataError, match="may be of 2 sentences"):
        places(new)
    with pytest.raises(DataError, match="second for its sentence"):
        places(*[dataclasses.replace(new, id="y")] * 2)


def test_what_does_not_match_is_refused(tmp_path, capsys):
    source, path = tmp_path / "d.jsonl", tmp_path / "c.jsonl"
    formats.write(source, data(), "span_jsonl")
    good = data()[0].replace_spans([])
    bad = [labelled("另一句话"), Sentence(data()[1].text)]
    for wrong, said in zip(
        bad, ("text is not there", "not annotated"), strict=True
    ):
        formats.write(path, [good, wrong], "span_jsonl")
        flags = [f"--output={tmp_path / 'o.jsonl'}", "--corrections", str(path)]
        assert main([str(source), *flags]) == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "o.jsonl").exists()
        assert main([str(source), *flags, "--on_bad_data=skip"]) == 0
        told = capsys.readouterr()
        assert said in told.err and "1 corrected sentences" in told.out
        (tmp_path / "o.jsonl").unlink()


def test_arguments_that_contradict_each_other_are_refused(tmp_path, capsys):
    source = tmp_path / "d.jsonl"
    formats.write(source, data(), "span_jsonl")
    for flags, said in (
        (["--corrections", str(source)], "--output is not"),
        (["--number=3"], "--output is not"),
        (["--output=x", "--number=0"], "at least 1"),
        ([f"--output={source}"], "is the labelled data"),
    ):
        assert main([str(source), *flags]) == 2
        assert said in capsys.readouterr().err
