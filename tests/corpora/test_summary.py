"""`python -m biaffine_tf.readers` and what it counts."""

from __future__ import annotations

import collections
import itertools
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.commands.describe_data import main
from biaffine_tf.corpora.summary import count_overlaps, quantiles
from biaffine_tf.formats import Problems
from biaffine_tf.spans import Span

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
@given(
    st.lists(
        st.builds(
            lambda start, width, label: Span(start, start + width, label),
            st.integers(0, 6),
            st.integers(1, 5),
            st.sampled_from("xy"),
        ),
        max_size=8,
    )
)
def test_overlaps_are_those_of_all_pairs(spans):
    distinct = set(spans)

    def meets(one, other):
        return one.start < other.end and other.start < one.end

    def inside(one, other):
        same = one[:2] == other[:2]
        return other.start <= one.start and one.end <= other.end and not same

    pairs = list(itertools.combinations(distinct, 2))
    found = count_overlaps(spans)
    assert found.overlapping == sum(
        any(s != other and meets(s, other) for other in distinct)
        for s in distinct
    )
    assert found.nested == sum(
        any(inside(s, other) for other in distinct) for s in distinct
    )
    assert found.crossing == sum(
        meets(a, b) and not inside(a, b) and not inside(b, a) and a[:2] != b[:2]
        for a, b in pairs
    )
    assert found.duplicates == len(spans) - len(distinct)
    assert found.relabelled == len({a[:2] for a, b in pairs if a[:2] == b[:2]})


@given(st.lists(st.integers(0, 9), max_size=30))
def test_quantiles_are_those_of_numpy(numbers):
    found = quantiles(collections.Counter(numbers))
    if not numbers:
        assert found == {}
        return
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)):
        expected = np.quantile(numbers, share, method="inverted_cdf")
        assert found[name] == expected


def test_problems_keep_the_first_examples():
    problems = Problems()
    assert not problems
    for number in range(5):
        problems.count("odd line", f"f:{number}", amount=2)
    assert problems.counts == {"odd line": 10}
    assert problems.examples == {"odd line": ["f:0", "f:1", "f:2"]}
    assert problems.to_json()["odd line"]["count"] == 10
    assert problems.lines() == ["odd line: 10 (first: f:0)"]


@pytest.fixture
def spans_file(tmp_path):
    path = tmp_path / "[data].json"
    spans = [(0, 4, "org"), (0, 2, "city"), (0, 2, "name"), (0, 4, "org")]
    records = [
        {
            "id": "1",
            "text": "北京大学",
            "spans": [
                {"start": start, "end": end, "label": label}
                for start, end, label in spans
            ],
        },
        {"id": "1", "text": "北京大学"},
        {"text": "无人", "spans": []},
        {"text": 3},
    ]
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def test_json(spans_file, capsys):
    code = main(["--json", "--on_bad_data=skip", str(spans_file)])
    assert code == 0
    (found,) = json.loads(capsys.readouterr().out)
    problems = found.pop("problems")
    assert found == {
        "file": str(spans_file),
        "format": "span_jsonl",
        "sentences": 3,
        "unlabelled_sentences": 1,
        "sentences_without_spans": 1,
        "sentences_with_overlap": 1,
        "characters": 10,
        "tokens": 0,
        "duplicate_texts": 1,
        "duplicate_ids": 1,
        "length": {"p50": 4, "p90": 4, "p99": 4, "max": 4},
        "spans": 4,
        "labels": {"org": 2, "city": 1, "name": 1},
        "span_width": {"p50": 2, "p90": 4, "p99": 4, "max": 4},
        "overlapping_spans": 3,
        "nested_spans": 2,
        "crossing_pairs": 0,
        "duplicate_spans": 1,
        "ranges_with_several_labels": 1,
    }
    assert problems["bad sentence skipped"]["count"] == 1


def test_tables(spans_file, capsys):
    assert main(["--on_bad_data=skip", str(spans_file)]) == 0
    shown = capsys.readouterr().out
    for expected in (
        "[data].json",
        "span_jsonl",
        "org",
        "50.0%",
        "bad sentence skipped",
        ":4: ",
    ):
        assert expected in shown
