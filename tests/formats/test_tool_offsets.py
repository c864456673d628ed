"""Exports of annotation tools whose offsets count UTF-16 units or bytes."""

from __future__ import annotations

import json

import pytest

from biaffine_tf.errors import DataError

TEXT = "🦉 Zoë mag Ulm"
NAME = "Zoë"
UNITS = {
    "utf16": (3, 6),
    "bytes": (len("🦉 ".encode()), len("🦉 Zoë".encode())),
    "inclusive": (2, 4),
    "one_based": (3, 5),
    "utf16_inclusive": (3, 5),
}


def label_studio(start, end, mention):
    value = {"start": start, "end": end, "text": mention, "labels": ["X"]}
    result = [{"type": "labels", "value": value}]
    return {"data": {"text": TEXT}, "annotations": [{"result": result}]}


def prodigy(start, end, mention):
    span = {"start": start, "end": end, "label": "X", "text": mention}
    tokens = [{"text": TEXT, "start": 0, "end": len(TEXT), "id": 0}]
    return {"text": TEXT, "tokens": tokens, "spans": [span], "answer": "accept"}


def doccano(start, end, _):
    return {"text": TEXT, "label": [[start, end, "X"]]}


def doccano_objects(start, end, _):
    span = {"start_offset": start, "end_offset": end, "label": "X"}
    return {"text": TEXT, "entities": [span], "relations": []}


def spacy_tuples(start, end, _):
    return [TEXT, {"entities": [[start, end, "X"]]}]


def bioc(start, end, mention):
    item = {
        "infons": {"type": "X"},
        "text": mention,
        "locations": [{"offset": start, "length": end - start}],
    }
    passage = {"offset": 0, "text": TEXT, "annotations": [item]}
    return {"documents": [{"id": "1", "passages": [passage]}]}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    "make",
    [label_studio, prodigy, doccano, doccano_objects, spacy_tuples, bioc],
)
def test_the_flag_holds_for_every_tool(reading, make, unit):
    content = json.dumps(make(*UNITS[unit], NAME))
    (sentence,) = reading(content, offsets=unit)
    assert [sentence.surface(one) for one in sentence.spans] == [NAME]
    if make in (label_studio, prodigy, bioc):  # with the text of the span
        with pytest.raises(DataError, match=f"--offsets={unit}"):
            reading(content)
