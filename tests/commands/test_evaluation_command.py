"""The command, end to end: formats, output, exit codes."""

import json

import pytest

from biaffine_tf.commands.evaluate import main

CLUENER = [
    {
        "text": "小明在北京上学",
        "label": {"name": {"小明": [[0, 1]]}, "address": {"北京": [[3, 4]]}},
    },
    {"text": "今天没有事", "label": {}},
]
SPANS = [
    {"id": "b", "text": "今天没有事", "spans": []},
    {
        "id": "a",
        "text": "小明在北京上学",
        "spans": [
            {"start": 0, "end": 2, "label": "name", "score": 0.9},
            {"start": 2, "end": 5, "label": "address"},
            {"start": 5, "end": 7, "label": "verb [x]"},
        ],
    },
]
COLUMNS = """小 B-name
明 I-name
在 O
北 O
京 O
上 O
学 O

今 O
天 O
没 O
有 O
事 O
"""


@pytest.fixture
def files(tmp_path):
    def write(name, content):
        path = tmp_path / name
        if not isinstance(content, str):
            content = "".join(
                json.dumps(line, ensure_ascii=False) + "\n" for line in content
            )
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


def run(capsys, *arguments):
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_cluener_gold_and_span_predictions(files, capsys):
    gold, predicted = files("gold.json", CLUENER), files("pred.jsonl", SPANS)
    code, out, err = run(capsys, gold, predicted, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["sentences"] == 2
    assert found["micro"] == pytest.approx(
        {"precision": 1 / 3, "recall": 1 / 2, "f1": 2 / 5}
    )
    assert found["macro"]["f1"] == pytest.approx(1 / 3)
    assert found["cluener"]["f1"] == pytest.approx(1 / 2)
    assert found["labels"]["verb [x]"]["gold"] == 0
    (note,) = [line for line in err.splitlines() if "gold does not" in line]
    assert "'verb [x]' (1 predicted)" in note


def test_column_gold_and_cluener_predictions(files, capsys):
    gold, predicted = files("gold.txt", COLUMNS), files("pred.json", CLUENER)
    code, out, _ = run(
        capsys,
        gold,
        predicted,
        "--json",
        "--gold_format=conll",
        "--predicted_format=cluener",
    )
    assert code == 0
    assert json.loads(out)["labels"]["name"]["f1"] == 1.0
    assert json.loads(out)["micro"]["precision"] == 1 / 2


def test_the_table_names_and_explains_each_score(files, capsys):
    gold, predicted = files("gold.json", CLUENER), files("pred.jsonl", SPANS)
    code, out, _ = run(capsys, gold, predicted)
    assert code == 0
    rows = {line.split()[1]: line for line in out.splitlines() if "│" in line}
    assert "0.3333" in rows["micro"] and "0.4000" in rows["micro"]
    assert "0.5000" in rows["cluener"]
    assert "verb [x]" in rows["verb"]
    for name in ("micro: all (start", "macro: unweighted", "cluener: CLUENER"):
        assert name in out


def test_bad_lines_are_skipped_on_demand_and_counted(files, capsys):
    bad = '{"text": "a", "label": {"x": {"a": [[0, 9]]}}}\n'
    lines = [json.dumps(line, ensure_ascii=False) + "\n" for line in CLUENER]
    gold = files("gold.json", lines[0] + bad + lines[1])
    predicted = files("pred.json", CLUENER)
    assert run(capsys, gold, predicted, "--json")[0] == 2
    code, out, err = run(
        capsys, gold, predicted, "--json", "--on_bad_data=skip"
    )
    assert code == 0
    assert json.loads(out)["micro"]["f1"] == 1.0
    assert f"note: {gold}: " in err and "skipped: 1" in err


def test_nested_layers_in_several_tag_columns(files, capsys):
    nested = [
        {
            "text": "北京大学",
            "spans": [
                {"start": 0, "end": 4, "label": "school"},
                {"start": 0, "end": 2, "label": "place"},
            ],
        }
    ]
    rows = ["北 B-school B-place", "京 I-school I-place", "大 I-school O"]
    columns = "\n".join([*rows, "学 I-school O", ""])
    gold, predicted = files("gold.jsonl", nested), files("pred.txt", columns)
    arguments = [gold, predicted, "--json", "--predicted_tag_columns"]
    code, out, _ = run(capsys, *arguments, "1,2")
    assert code == 0
    assert json.loads(out)["micro"]["f1"] == 1.0
    _, out, _ = run(capsys, *arguments, "2")
    assert json.loads(out)["micro"]["recall"] == 0.5


def test_what_else_is_asked_for_is_added_to_the_scores(files, capsys):
    gold, predicted = files("gold.json", CLUENER), files("pred.jsonl", SPANS)
    train = files(
        "train.txt", "北 B-scene\n京 I-scene\n\n小 B-name\n明 I-name\n"
    )
    _, out, _ = run(capsys, gold, predicted, "--json")
    plain = json.loads(out)
    code, out, _ = run(
        capsys,
        *(gold, predicted, "--json", "--intervals", "--train", train),
        *("--compare", gold, "--compare_format=cluener"),
    )
    assert code == 0
    found = json.loads(out)
    assert {name: found.pop(name) for name in plain} == plain
    assert list(found) == [
        *("intervals", "breakdowns", "false_positives", "comparison"),
    ]
    interval = found["intervals"]["labels"]["name"]["f1"]
    assert interval == {"low": 0.0, "high": 1.0, "level": 0.95}
    mention = found["breakdowns"]["mention"]
    assert list(mention) == ["seen", "other labels", "unseen"]
    assert mention["seen"]["f1"] == 1.0
    assert mention["other labels"]["gold"] == 1
    assert mention["unseen"]["predicted"] == 2
    assert found["false_positives"] == {
        "sentences": 1,
        "sentence_rate": 0.0,
        "entities": 0,
        "characters": 5,
        "per_1000_characters": 0.0,
    }
    assert "randomisation" in found["comparison"]["test"]
    difference = found["comparison"]["differences"]["micro"]["f1"]
    assert difference["value"] == pytest.approx(2 / 5 - 1)
    assert difference["p_value"] == 1.0  # of one sentence that differs
    _, out, _ = run(capsys, gold, predicted, "--json", "--breakdowns")
    assert "mention" not in json.loads(out)["breakdowns"]


def test_runs_are_pooled(files, capsys):
    gold, predicted = files("gold.json", CLUENER), files("pred.jsonl", SPANS)
    arguments = [gold, predicted, gold, "--breakdowns"]
    code, out, err = run(
        capsys, *arguments, "--intervals", "--json", "--compare", predicted
    )
    assert code == 0
    found = json.loads(out)
    assert list(found) == [
        *("runs", "pooled", "breakdowns", "false_positives", "comparison"),
    ]
    assert [scores["micro"]["f1"] for scores in found["runs"]] == [
        pytest.approx(2 / 5),
        1.0,
    ]
    assert found["pooled"]["micro"]["f1"]["mean"] == pytest.approx(0.7)
    assert found["pooled"]["micro"]["f1"]["deviation"] == pytest.approx(
        0.6 / 2**0.5
    )
    assert found["breakdowns"]["boundaries"]["any label"]["gold"] == 4
    assert "runs" in found["comparison"]["test"]
    assert f"{predicted}: labels that gold does not have" in err
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    rows = {line.split()[1]: line for line in out.splitlines() if "│" in line}
    assert "0.7000" in rows["micro"] and "0.4243" in rows["micro"]
    for explanation in ("micro: all (start", "sd: standard deviation"):
        assert explanation in out


def test_the_tables_of_everything(files, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    gold, predicted = files("gold.json", CLUENER), files("pred.jsonl", SPANS)
    code, out, _ = run(
        capsys,
        *(gold, predicted, "--intervals", "--train", gold),
        *("--compare", gold),
    )
    assert code == 0
    assert all(len(line) <= 80 for line in out.splitlines())
    for expected in (
        "95 % intervals",
        "0.0000 .. 1.0000",
        "mention seen",
        "unseen",
        "boundaries only",
        "first minus second",
        "-0.6000",
        "approximate randomisation",
        "sentences without gold entities: 1, 0.00 % of them with predictions",
    ):
        assert expected in out
    # Nothing is nested here: a panel of one bucket says nothing.
    assert "flat and nested" not in out
    (unseen,) = [line for line in out.splitlines() if "unseen" in line]
    assert unseen.split()[3:9:2] == ["0.0000", "-", "0.0000"]
