"""The command, run as users run it."""

import collections
import json
from pathlib import Path

import pytest

from biaffine_tf.commands.display import main, sample

ROOT = Path(__file__).resolve().parents[3]


def write(path, *sentences):
    path.write_text(
        "".join(
            json.dumps(
                {
                    "id": id_,
                    "text": text,
                    "spans": [
                        {"start": s, "end": e, "label": label}
                        for s, e, label in spans
                    ],
                },
                ensure_ascii=False,
            )
            + "\n"
            for id_, text, spans in sentences
        ),
        encoding="utf-8",
    )
    return path


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command; the exit code and what it says."""

    def run(*arguments, **environment):
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return main(list(map(str, arguments))), *capsys.readouterr()

    return run


@pytest.fixture
def gold(tmp_path):
    return write(
        tmp_path / "gold.jsonl",
        ("a", "青川大学[b]很美", [(0, 2, "place"), (0, 4, "org")]),
        ("b", "没有", []),
    )


@pytest.fixture
def predictions(tmp_path):
    return write(
        tmp_path / "predictions.jsonl",
        ("b", "没有", []),
        ("a", "青川大学[b]很美", [(0, 2, "org"), (0, 4, "org")]),
    )


def test_exact_output_without_colours(run, gold):
    code, out, err = run(gold)
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines == [
        "1  a",
        "  [[青川|place]大学|org][b]很美",
        "",
        "2  b",
        "  没有",
        "",
        "   org  1    place  1",
    ]


def test_gold_marks_mistakes(run, gold, predictions):
    code, out, err = run(predictions, "--gold", gold)
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines == [
        "1  a  ✓ 1  ✗ 1 wrong  ○ 1 missed",
        "  [[青川|✗org ○place]大学|org][b]很美",
        "",
        "2  b  ✓ none",
        "  没有",
        "",
        "   org  2    place  0   ✗ wrong   ○ missed",
    ]


def test_colours_only_where_wanted(run, gold):
    assert "\x1b" not in run(gold)[1]
    assert "\x1b[" in run(gold, FORCE_COLOR="1")[1]
    _, forced, _ = run(gold, FORCE_COLOR="1", NO_COLOR="1")
    assert "38;" not in forced and "48;" not in forced


def test_count_and_seed_choose_sentences(run, tmp_path):
    file = write(
        tmp_path / "many.jsonl", *((f"s{i}", f"句{i}", []) for i in range(50))
    )
    first, again, other = (
        run(file, "--count", 5, "--seed", seed)[1] for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first.count("  句") == 5
    assert run(file, "--count", 0)[1].count("  句") == 50


def test_sample_is_fair_and_in_order():
    counts = collections.Counter()
    for seed in range(2000):
        drawn = [
            number
            for _, number in sample(((None, i) for i in range(8)), 3, seed)
        ]
        assert drawn == sorted(set(drawn)) and len(drawn) == 3
        counts.update(drawn)
    # 2000 * 3 / 8 = 750 each; 5 standard deviations are about 108.
    assert all(abs(counts[i] - 750) < 108 for i in range(8)), counts
