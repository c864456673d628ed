"""The command, run as users run it."""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from biaffine_tf.commands.display import sample

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


def run(*arguments, **environment):
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}
    }
    return subprocess.run(
        [sys.executable, "-m", "biaffine_tf.display", *map(str, arguments)],
        cwd=ROOT,
        env={**inherited, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


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


def test_exact_output_without_colours(gold):
    result = run(gold)
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines == [
        "1  a",
        "  [[青川|place]大学|org][b]很美",
        "",
        "2  b",
        "  没有",
        "",
        "   org  1    place  1",
    ]


def test_gold_marks_mistakes(gold, predictions):
    result = run(predictions, "--gold", gold)
    assert (result.returncode, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines == [
        "1  a  ✓ 1  ✗ 1 wrong  ○ 1 missed",
        "  [[青川|✗org ○place]大学|org][b]很美",
        "",
        "2  b  ✓ none",
        "  没有",
        "",
        "   org  2    place  0   ✗ wrong   ○ missed",
    ]


def test_colours_only_where_wanted(gold):
    assert "\x1b" not in run(gold).stdout
    assert "\x1b[" in run(gold, FORCE_COLOR="1").stdout
    forced = run(gold, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "38;" not in forced and "48;" not in forced


def test_user_mistakes_are_one_line(tmp_path, gold):
    missing = run(tmp_path / "nothing.jsonl")
    assert missing.returncode == 2
    assert len(missing.stderr.splitlines()) == 1
    assert "nothing.jsonl" in missing.stderr
    other = write(tmp_path / "other.jsonl", ("z", "别的", []))
    unmatched = run(other, "--gold", gold)
    assert unmatched.returncode == 2
    assert len(unmatched.stderr.splitlines()) == 1
    negative = run(gold, "--count", "-1")
    assert negative.returncode == 2
    assert "Traceback" not in negative.stderr


def test_count_and_seed_choose_sentences(tmp_path):
    file = write(
        tmp_path / "many.jsonl", *((f"s{i}", f"句{i}", []) for i in range(50))
    )
    first, again, other = (
        run(file, "--count", 5, "--seed", seed).stdout for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first.count("  句") == 5
    assert run(file, "--count", 0).stdout.count("  句") == 50


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


def test_no_tensorflow_is_loaded():
    code = (
        "import sys, biaffine_tf.display.__main__;"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
