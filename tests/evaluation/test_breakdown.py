"""Parts of the data against loops over all spans and all pairs of them."""

import dataclasses
import math

import pytest
from evaluation_pairs import LABELS, nested_pairs
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation import (
    Panel,
    breakdowns,
    false_positives,
    mentions,
    score,
)
from biaffine_tf.spans import Sentence, Span

seen_mentions = st.sets(
    st.tuples(st.text("ab中", min_size=1, max_size=2), st.sampled_from(LABELS)),
    max_size=12,
)
COUNTS = "gold", "predicted", "correct"


def total(buckets):
    return {
        name: sum(getattr(score, name) for score in buckets.values())
        for name in COUNTS
    }


def holds(outer, inner):
    return (
        outer.start <= inner.start
        and inner.end <= outer.end
        and inner.end - inner.start < outer.end - outer.start
    )


def depth_by_pairs(span, spans):
    outer = any(holds(span, other) for other in spans)
    inner = any(holds(other, span) for other in spans)
    if outer:
        return "middle" if inner else "outer"
    return "inner" if inner else "flat"


def range_of(number, buckets):
    """The one bucket, named "3", "5-8" or "9+", that has the number."""
    found = []
    for name in buckets:
        first, _, last = name.rstrip("+").partition("-")
        high = math.inf if name.endswith("+") else int(last or first)
        if int(first) <= number <= high:
            found.append(name)
    (only,) = found
    return only


def bucket_by_description(panel, span, text, gold, side, seen, buckets):
    """Where a span of a side belongs, looked up the slow way."""
    correct = span.key in {other.key for other in gold}
    depth = depth_by_pairs(span, gold if correct else side)
    string = text[span.start : span.end]
    if (string, span.label) in seen:
        mention = "seen"
    elif any(string == other for other, _ in seen):
        mention = "other labels"
    else:
        mention = "unseen"
    return {
        "label": lambda: span.label,
        "width": lambda: range_of(len(string), buckets),
        "parts": lambda: "flat" if depth == "flat" else "nested",
        "depth": lambda: depth,
        "mention": lambda: mention,
        "entities": lambda: "with" if gold else "without",
        "length": lambda: range_of(len(text), buckets),
    }[panel]()


@given(st.lists(nested_pairs(), max_size=4), seen_mentions, st.integers(0, 40))
def test_every_span_is_in_the_bucket_of_its_description(pairs, seen, padding):
    pairs = [
        tuple(
            dataclasses.replace(side, text=side.text + "a" * padding)
            for side in pair
        )
        for pair in pairs
    ]
    panels = breakdowns(iter(pairs), seen=seen)
    assert list(panels) == list(Panel)
    assert panels["label"] == score(pairs).labels
    without = {name: one for name, one in panels.items() if name != "mention"}
    assert breakdowns(pairs) == without
    for panel, buckets in panels.items():
        if panel == "boundaries":
            continue
        counts = {name: dict.fromkeys(COUNTS, 0) for name in buckets}
        for gold, predicted in pairs:
            sides = [
                list({span.key: span for span in side.spans}.values())
                for side in (gold, predicted)
            ]
            for name, side in zip(COUNTS[:2], sides, strict=True):
                for span in side:
                    bucket = bucket_by_description(
                        panel, span, gold.text, sides[0], side, seen, buckets
                    )
                    counts[bucket][name] += 1
                    if name == "predicted" and span.key in {
                        other.key for other in sides[0]
                    }:
                        counts[bucket]["correct"] += 1
        assert counts == {
            name: {count: getattr(found, count) for count in COUNTS}
            for name, found in buckets.items()
        }


@given(st.lists(nested_pairs(), max_size=6))
def test_boundaries_forget_the_label(pairs):
    sides = [
        {
            (i, span.start, span.end)
            for i, pair in enumerate(pairs)
            for span in pair[side].spans
        }
        for side in (0, 1)
    ]
    found = breakdowns(pairs)["boundaries"]
    if not sides[0] | sides[1]:
        assert found == {}
        return
    (only,) = found.values()
    assert (only.gold, only.predicted) == tuple(map(len, sides))
    assert only.correct == len(sides[0] & sides[1])
    assert only.correct >= total(score(pairs).labels)["correct"] / len(LABELS)


def test_many_spans_of_one_long_text_take_little_time():
    # A comparison of all pairs would take a minute.
    text = "字" * 20_000
    spans = [Span(i, i + 5, "x") for i in range(0, 19_000, 4)]
    spans += [Span(i, i + 1, "y") for i in range(0, 19_000, 4)]
    sentence = Sentence(text, tuple(spans))
    found = breakdowns([(sentence, sentence)])["depth"]
    assert {name: bucket.gold for name, bucket in found.items()} == {
        "outer": len(spans) // 2,
        "inner": len(spans) // 2,
    }


def test_buckets_go_from_small_to_large():
    text = "字" * 100
    spans = [Span(0, width, "x") for width in (40, 20, 10, 9, 6, 4, 3, 2, 1)]
    sentence = Sentence(text, tuple(spans))
    widths = breakdowns([(sentence, sentence)])["width"]
    assert list(widths) == [
        *("1", "2", "3", "4"),
        *("5-8", "9-16", "17-32", "33+"),
    ]
    assert [bucket.gold for bucket in widths.values()] == [1] * 5 + [2, 1, 1]
    pairs = [
        (Sentence(text * n, spans[-1:]), Sentence(text * n, ()))
        for n in (6, 1, 2, 3)
    ]
    lengths = breakdowns(pairs)["length"]
    assert list(lengths) == ["65-128", "129-256", "257-512", "513+"]


def test_no_gold_span_is_lost_beyond_a_cut_or_a_width_limit():
    # What a model that reads 512 characters and spans of 64 cannot find.
    text = "字" * 20_000
    beyond = (
        Span(600, 603, "late"),
        Span(100, 400, "wide"),
        Span(0, 20_000, "wide"),
        Span(19_999, 20_000, "last"),
    )
    near = Span(3, 5, "near")
    pair = Sentence(text, (near, *beyond)), Sentence(text, (near,))
    found = score([pair])
    assert found.micro.recall == found.labels["near"].recall / 5 == 1 / 5
    assert found.cluener.recall == (1 + 0 + 0 + 0) / 4
    assert found.labels["wide"].gold == 2
    for buckets in breakdowns([pair], seen={("字字", "near")}).values():
        assert total(buckets) == {"gold": 5, "predicted": 1, "correct": 1}


def test_mentions_are_strings_with_their_labels():
    train = [
        Sentence("清华和北大", (Span(0, 2, "school"), Span(3, 5, "school"))),
        Sentence("清华路", (Span(0, 2, "address"),)),
    ]
    seen = mentions(iter(train))
    assert seen == {("清华", "school"), ("北大", "school"), ("清华", "address")}


@given(st.lists(nested_pairs(), max_size=6))
def test_false_positives_are_those_of_sentences_without_gold(pairs):
    found = false_positives(iter(pairs))
    empty = [(gold, p) for gold, p in pairs if not gold.spans]
    assert found.sentences == len(empty)
    predicted = [{span.key for span in p.spans} for _, p in empty]
    assert found.entities == sum(map(len, predicted))
    assert found.characters == sum(len(gold.text) for gold, _ in empty)
    if empty:
        flagged = [spans for spans in predicted if spans]
        assert found.sentence_rate == len(flagged) / len(empty)
        assert found.per_1000_characters == pytest.approx(
            found.entities / (found.characters / 1000)
        )
    else:
        assert found.sentence_rate == found.per_1000_characters == 0
    without = breakdowns(pairs)["entities"].get("without")
    assert (without.predicted if without else 0) == found.entities


@pytest.mark.parametrize("side", [0, 1])
def test_unlabelled_is_not_empty(side):
    pair = [Sentence("ab", ()), Sentence("ab", ())]
    pair[side] = Sentence("ab", None, file="f.json", line=3)
    for count in (breakdowns, false_positives):
        with pytest.raises(DataError, match=r"^f.json:3: .*is not labelled"):
            count([tuple(pair)])
    with pytest.raises(DataError, match="training sentence 'ab' is not label"):
        mentions([pair[side]])
