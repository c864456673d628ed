"""The command, end to end: what it prints, and its exit codes."""

import json

import pytest

from biaffine_tf import formats
from biaffine_tf.commands.audit import main
from biaffine_tf.reports.audit import audit


def record(text, *entities, score=None):
    spans = []
    for entity in entities:
        string, label = entity.split("|")
        start = text.index(string)
        span = {"start": start, "end": start + len(string), "label": label}
        spans.append(span | ({} if score is None else {"score": score}))
    return {"text": text, "spans": spans}


DATA = [
    *[record(f"去北京{i}次", "北京|place") for i in range(9)],
    record("北京队赢了", "北京|team"),
    record("[b]在北京", "[b]|mark\x1b"),
    record("上海大学在“南方”", "上海大学|school", "“南方”|place"),
    record("上海大学在“北方”", "上海|school", "北方|place"),
    *[record(f"甲{i}公司，好", f"甲{i}公司|firm") for i in range(12)],
    record("乙公司好", "乙|firm"),
]
TITLES = [
    "The same string with different labels: 1",
    "Annotated here and not there: 1",
    "One entity here, in other boundaries there: 1",
    "Ends of entities, left in and left out: 1",
    "Quotes and brackets, left in and left out: 1",
]


@pytest.fixture
def write(tmp_path):
    def write(name, records):
        path = tmp_path / name
        lines = [json.dumps(r, ensure_ascii=False) + "\n" for r in records]
        path.write_text("".join(lines), encoding="utf-8")
        return str(path)

    return write


def run(capsys, *arguments):
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_tables_show_what_and_where(write, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")  # paths of any length in one line
    path = write("d.jsonl", DATA)
    code, out, err = run(capsys, path)
    assert code == 0 and err == ""
    for title in TITLES:
        assert title in out
    assert "Confident" not in out
    joined = "".join(out.split())
    for shown in (
        "26sentences,",
        f"{path}:10[北京|team]队赢了",
        f"{path}:11[b]在«北京»",
        f"{path}:13«[上海]大学»在“北方”",
        f"{path}:26[乙|firm]公司好",
        "[“南方”|place]",
    ):
        assert shown in joined, shown
    assert "\x1b" not in out


def test_json_holds_everything_and_places(write, capsys):
    path = write("d.jsonl", DATA)
    code, out, _ = run(capsys, path, "--json", "--top=0")
    assert code == 0
    found = json.loads(out)
    assert found == audit(formats.read(path)).to_json()
    assert (found["sentences"], found["spans"]) == (26, 28)
    (conflict,) = found["label_conflicts"]["findings"]
    assert conflict["labels"] == {"place": 9, "team": 1}
    assert conflict["places"] == [
        {
            "file": path,
            "line": 10,
            "id": None,
            "start": 0,
            "end": 2,
            "label": "team",
            "before": "",
            "text": "北京",
            "after": "队赢了",
        }
    ]
    (variant,) = found["edges"]["findings"]
    assert (variant["edge"], variant["text"]) == ("end", "公司")
    assert "confident_labels" not in found


def test_top_shortens_lists_and_says_so(write, capsys):
    twice = [record("甲乙|", "甲乙|A"), record("甲乙|", "甲乙|B")]
    twice += [record("丙丁|", "丙丁|A"), record("丙丁|", "丙丁|B")]
    path = write("d.jsonl", twice)
    _, out, _ = run(capsys, path, "--top=1")
    assert "different labels: 2, the first 1" in out
    _, out, _ = run(capsys, path, "--top=1", "--json")
    conflicts = json.loads(out)["label_conflicts"]
    assert conflicts["count"] == 2 and len(conflicts["findings"]) == 1


def test_files_are_looked_at_together_with_predictions_by_fold(write, capsys):
    first, second = write("a.jsonl", DATA[:9]), write("b.jsonl", DATA[9:])
    sure = [record(r["text"], "北京|team", score=0.875) for r in DATA[8:11]]
    rest = [record(r["text"], score=0.5) for r in [*DATA[:8], *DATA[11:]]]
    folds = write("p.jsonl", sure), write("q.jsonl", rest)
    code, out, _ = run(capsys, first, second, "--json", "--predictions", *folds)
    assert code == 0
    found = json.loads(out)
    assert found["label_conflicts"]["count"] == 1
    for name, kind, path in (
        ("confident_labels", "wrong label", first),
        ("confident_entities", "spurious", second),
    ):
        (listed,) = found[name]["findings"]
        assert (listed["confidence"], listed["class"]) == (0.875, kind)
        assert listed["file"] == path
    assert found["confident_boundaries"] == {"count": 0, "findings": []}
    code, out, _ = run(capsys, first, second, "--predictions", *folds)
    assert code == 0 and "predictions of another label: 1" in out
    assert "北京|team" in out


def test_what_is_skipped_is_noted(write, capsys):
    bad = {"text": "甲", "spans": [{"start": 0, "end": 9, "label": "x"}]}
    path = write("d.jsonl", [*DATA, bad])
    assert run(capsys, path)[0] == 2
    code, out, err = run(capsys, path, "--on_bad_data=skip", "--json")
    assert code == 0 and json.loads(out)["sentences"] == 26
    assert err.startswith(f"note: {path}: ") and "skipped: 1" in err


@pytest.mark.slow
def test_places_of_real_data_have_other_labels_than_the_usual(data_folder):
    path = data_folder / "ner" / "cluener" / "dev.json"
    found = audit(formats.read(path))
    assert found.label_conflicts and found.boundaries
    for conflict in found.label_conflicts[:100]:
        for place in conflict.places:
            (label,) = {
                span.label
                for span in place.sentence.spans
                if span[:2] == (place.start, place.end)
            }
            assert label == place.label != next(iter(conflict.labels))
