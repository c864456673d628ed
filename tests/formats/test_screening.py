"""Unlabelled sentences and white space at the ends of spans."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.commands.describe_data import main
from biaffine_tf.corpora.summary import SIMILAR_LABELS
from biaffine_tf.errors import DataError
from biaffine_tf.formats import Problems, ReadOptions, Unlabelled
from biaffine_tf.formats.screening import (
    BLANK,
    TRIMMED,
    UNLABELLED,
    WHITE_EDGE,
    WHITE_LABEL,
    screen,
)
from biaffine_tf.spans import Sentence, Span


@st.composite
def spaced_sentences(draw):
    """Texts with much white space of many kinds, and any spans of them."""
    text = draw(st.text("ab天 \n\t\u3000\u00a0\u2028\u200b", min_size=1))
    bounds = st.integers(0, len(text))
    pairs = draw(st.lists(st.tuples(bounds, bounds)))
    spans = [
        Span(min(a, b), max(a, b), label, score=0.5)
        for (a, b), label in zip(pairs, "xyz" * len(pairs), strict=False)
        if a != b
    ]
    return Sentence(text, tuple(spans), file="f", line=7)


@given(spaced_sentences())
def test_trimmed_spans_are_the_stripped_surfaces(sentence):
    problems = Problems()
    options = ReadOptions(trim_spans=True)
    (found,) = screen([sentence], options, problems)
    stripped = []
    counts = {TRIMMED: 0, BLANK: 0}
    for span in sentence.spans:
        surface = sentence.surface(span)
        if not surface.strip():
            counts[BLANK] += 1
            continue
        counts[TRIMMED] += surface != surface.strip()
        stripped.append((surface.strip(), span.label, span.score))
    assert [
        (found.surface(span), span.label, span.score) for span in found.spans
    ] == stripped
    for old, new in zip(sentence.spans, found.spans, strict=False):
        if not counts[BLANK]:
            assert old.start <= new.start < new.end <= old.end
    assert problems.counts == {k: n for k, n in counts.items() if n}


@given(spaced_sentences())
def test_untrimmed_spans_stay_and_are_counted(sentence):
    problems = Problems()
    (found,) = screen([sentence], ReadOptions(), problems)
    assert found == sentence
    surfaces = [sentence.surface(span) for span in sentence.spans]
    expected = sum(surface != surface.strip() for surface in surfaces)
    assert problems.counts.get(WHITE_EDGE, 0) == expected
    assert all(
        example.startswith("f:7: ")
        for example in problems.examples.get(WHITE_EDGE, [])
    )


def test_unlabelled_sentences_are_left_out_and_counted():
    sentences = [
        Sentence("a", file="f", line=1),
        Sentence("b", (), file="f", line=2),
        Sentence("c", file="f", line=3),
    ]
    problems = Problems()
    options = ReadOptions(unlabelled=Unlabelled.SKIP)
    (left,) = screen(sentences, options, problems)
    assert left.text == "b"
    assert problems.lines() == [f"{UNLABELLED}: 2 (first: f:1)"]
    assert list(screen(sentences, ReadOptions(), Problems())) == sentences


def test_a_file_without_labels_says_so_when_they_are_left_out(reading):
    with pytest.raises(DataError, match="unlabelled sentence left out: 1"):
        reading('{"text": "a", "id": 1}', unlabelled="skip")


def test_new_options_at_their_defaults_change_no_fingerprint():
    """Literally what earlier versions put into config.json and records."""
    assert repr(ReadOptions()) == (
        "ReadOptions(format=None, on_bad_data=<OnBadData.ERROR: 'error'>, "
        "token_column=0, tag_columns=(-1,), tag_scheme=<TagScheme.AUTO: "
        "'auto'>, join=<Join.AUTO: 'auto'>, segmentation_digit="
        "<SegmentationDigit.AUTO: 'auto'>)"
    )
    assert repr(ReadOptions(tag_columns=(-1,))) == repr(ReadOptions())
    different = [
        ReadOptions(trim_spans=True),
        ReadOptions(unlabelled=Unlabelled.SKIP),
        ReadOptions(tag_columns=(1, 2)),
    ]
    assert len({repr(one) for one in [ReadOptions(), *different]}) == 4


def test_the_command_shows_and_trims(tmp_path, capsys):
    path = tmp_path / "spans.jsonl"
    spans = [{"start": 0, "end": 4, "label": "x"}]
    path.write_text(
        json.dumps({"text": "abc ", "spans": spans})
        + "\n"
        + json.dumps({"text": "   a", "spans": [{**spans[0], "end": 3}]})
    )
    assert main([str(path), "--json"]) == 0
    (before,) = json.loads(capsys.readouterr().out)
    assert before["problems"][WHITE_EDGE]["count"] == 2
    assert before["problems"][WHITE_EDGE]["examples"][1] == (
        f"{path}:2: [0, 3) '   '"
    )
    assert main([str(path), "--json", "--trim_spans"]) == 0
    (after,) = json.loads(capsys.readouterr().out)
    assert after["spans"] == 1 and after["span_width"]["max"] == 3
    assert {k: v["count"] for k, v in after["problems"].items()} == {
        TRIMMED: 1,
        BLANK: 1,
    }


def test_labels_that_differ_little_are_named(tmp_path, capsys):
    path = tmp_path / "labels.jsonl"
    labels = ["PER", "per", "PER ", "P ER", "ORG", "PER"]
    path.write_text(
        "\n".join(
            json.dumps(
                {"text": "ab", "spans": [{"start": 0, "end": 1, "label": one}]}
            )
            for one in labels
        )
    )
    assert main([str(path), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert {k: v["examples"] for k, v in found["problems"].items()} == {
        WHITE_LABEL: [f"{path}:3: 'PER '"],
        SIMILAR_LABELS: [
            f"{path}: 'P ER' (1), 'PER' (2), 'PER ' (1), 'per' (1)"
        ],
    }
