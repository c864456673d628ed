"""Offsets in units other than half-open characters."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.commands.describe_data import main
from biaffine_tf.errors import DataError
from biaffine_tf.formats import Offsets, Problems, ReadOptions
from biaffine_tf.formats.entity_items import WHITE_END
from biaffine_tf.formats.offsets import OffsetError, to_characters
from biaffine_tf.formats.screening import UTF16, screen
from biaffine_tf.spans import Sentence, Span

TEXT = "🦉🦉 Zoë Öst mag Gießen, 𝒜 sehr."
MENTIONS = [("Zoë Öst", "PER"), ("Gießen", "LOC")]


def units(text: str, offsets: Offsets) -> int:
    """Length of a text in the units of an option."""
    if "utf16" in offsets:
        return len(text.encode("utf-16-le")) // 2
    return len(text.encode()) if "bytes" in offsets else len(text)


def given_as(text: str, start: int, end: int, offsets: Offsets):
    """The two numbers that a file in these units has for a span."""
    first = units(text[:start], offsets) + ("one_based" in offsets)
    last = units(text[:end], offsets) + ("one_based" in offsets)
    return first, last - (offsets in INCLUSIVE)


INCLUSIVE = {Offsets.INCLUSIVE, Offsets.ONE_BASED, Offsets.UTF16_INCLUSIVE}


def items(offsets: Offsets, text: str = TEXT, *, mention: bool):
    for name, label in MENTIONS:
        at = text.index(name)
        start, end = given_as(text, at, at + len(name), offsets)
        item = {"start": start, "end": end, "label": label}
        yield item | ({"text": name} if mention else {})


@given(st.text("a ß天é😀𝒜\n", min_size=1), st.data())
@pytest.mark.parametrize("offsets", list(Offsets)[1:])
def test_all_units_are_converted_back(offsets, text, data):
    end = data.draw(st.integers(1, len(text)))
    start = data.draw(st.integers(0, end - 1))
    numbers = given_as(text, start, end, offsets)
    assert to_characters(text, *numbers, offsets) == (start, end)


@given(st.text("aß😀", min_size=1))
@pytest.mark.parametrize("offsets", [Offsets.UTF16, Offsets.BYTES])
def test_what_divides_a_character_is_refused(offsets, text):
    starts = {units(text[:i], offsets): i for i in range(len(text) + 1)}
    for start in range(units(text, offsets) + 2):
        for end in range(start, units(text, offsets) + 2):
            if start in starts and end in starts:
                found = to_characters(text, start, end, offsets)
                assert found == (starts[start], starts[end])
            elif text.isascii() or (
                offsets is Offsets.UTF16 and "😀" not in text
            ):
                continue  # numbers are characters, and checked as such
            else:
                with pytest.raises(OffsetError):
                    to_characters(text, start, end, offsets)


def surfaces(sentence):
    return [(sentence.surface(one), one.label) for one in sentence.spans]


def as_entities(found):
    return [
        {
            "start_idx": one["start"],
            "end_idx": one["end"],
            "type": one["label"],
            **({"entity": one["text"]} if "text" in one else {}),
        }
        for one in found
    ]


def as_cluener(found):
    return {
        one["label"]: {one["text"]: [[one["start"], one["end"]]]}
        for one in found
    }


@pytest.mark.parametrize(
    ("key", "make", "own"),
    [
        ("spans", list, Offsets.CHARACTERS),
        ("entities", list, Offsets.CHARACTERS),
        ("entities", as_entities, Offsets.INCLUSIVE),
        ("label", as_cluener, Offsets.INCLUSIVE),
    ],
)
@pytest.mark.parametrize("offsets", list(Offsets)[1:])
def test_the_remedy_leads_to_the_right_reading(
    reading, key, make, own, offsets
):
    value = make(list(items(offsets, mention=True)))
    content = json.dumps({"text": TEXT, key: value})
    if offsets is own:
        (sentence,) = reading(content)
    else:
        with pytest.raises(DataError) as caught:
            reading(content)
        remedy = re.search(r"pass --offsets=(\w+)", str(caught.value))
        assert remedy[1] == offsets
        (sentence,) = reading(content, offsets=remedy[1])
    assert surfaces(sentence) == MENTIONS


def test_spans_past_the_end_name_the_unit_that_counts_more(reading):
    for offsets in (Offsets.UTF16, Offsets.BYTES):
        text = "𝒜🦉 Zoë Öst mag Gießen"
        content = json.dumps(
            {"text": text, "spans": list(items(offsets, text, mention=False))}
        )
        with pytest.raises(DataError, match=f"--offsets={offsets}"):
            reading(content)
        (sentence,) = reading(content, offsets=offsets)
        assert surfaces(sentence) == MENTIONS


@pytest.mark.parametrize(
    "item",
    [
        {"start": 0, "end": 3, "label": "X"},
        {"start": 0, "end": 3, "type": "X"},
        [0, 3, "X"],
    ],
)
def test_entities_without_their_text_ask_for_the_unit(reading, item):
    content = json.dumps({"text": "Ana geht", "entities": [item]})
    with pytest.raises(DataError, match="half-open or inclusive") as caught:
        reading(content)
    for offsets, expected in (("characters", "Ana"), ("inclusive", "Ana ")):
        assert f"--offsets={offsets}" in str(caught.value)
        (sentence,) = reading(content, offsets=offsets)
        assert surfaces(sentence) == [(expected, "X")]


def test_tokens_may_be_inclusive(reading):
    record = {
        "tokens": ["Ana", "Ruiz", "geht"],
        "entity_mentions": [
            {"start": 0, "end": 1, "entity_type": "X", "text": "Ana Ruiz"}
        ],
    }
    with pytest.raises(DataError, match="pass --offsets=inclusive"):
        reading(json.dumps(record))
    (sentence,) = reading(json.dumps(record), offsets="inclusive")
    assert surfaces(sentence) == [("Ana Ruiz", "X")]
    with pytest.raises(DataError, match="tokens cannot be read as bytes"):
        reading(json.dumps(record), offsets="bytes")


def test_exclusive_ends_under_inclusive_keys_are_doubted(reading):
    entity = {"start_idx": 0, "end_idx": 3, "type": "X"}
    content = json.dumps({"text": "Ana geht", "entities": [entity]})
    reading(content)
    assert WHITE_END in reading.problems.counts
    (sentence,) = reading(content, offsets="characters")
    assert surfaces(sentence) == [("Ana", "X")]
    assert not reading.problems


def test_utf16_units_without_mentions_are_doubted(reading):
    text = "🦉 Zoë Öst mag Gießen, sehr oft."
    found = list(items(Offsets.UTF16, text, mention=False))
    content = json.dumps({"text": text, "spans": found})
    reading(content)
    assert reading.problems.counts[UTF16] == 2
    assert "in UTF-16 units 'Zoë Öst'" in reading.problems.examples[UTF16][0]
    (sentence,) = reading(content, offsets="utf16")
    assert surfaces(sentence) == MENTIONS
    assert not reading.problems


@given(st.lists(st.sampled_from(["Ana", "🦉", "Öst", "𝒜", "mag", "天地"])))
def test_whole_words_raise_no_doubt(words):
    """Offsets that are right are never suspected, wherever the emoji are."""
    text, spans = "", []
    for word in words:
        spans.append(Span(len(text), len(text) + len(word), "X"))
        text += word + " "
    problems = Problems()
    spans = [one for one in spans if text[one.start].isalpha()]
    list(screen([Sentence(text, tuple(spans))], ReadOptions(), problems))
    assert UTF16 not in problems.counts


def test_the_command_takes_the_flag(tmp_path, capsys):
    path = tmp_path / "data.jsonl"
    found = list(items(Offsets.BYTES, mention=True))
    path.write_text(json.dumps({"text": TEXT, "spans": found}))
    assert main([str(path)]) == 2
    assert "bytes" in capsys.readouterr().err
    assert main([str(path), "--offsets=bytes"]) == 0
