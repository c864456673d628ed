"""Recognising formats by content."""

from __future__ import annotations

import gzip
import json

import pytest

from biaffine_tf.errors import DataError
from biaffine_tf.formats import Format, detect_format

LABELLED = {"text": "ab", "label": {"spans": {"a": [[0, 0]]}}}
SPANS = {
    "text": '"label": {',
    "spans": [{"start": 0, "end": 1, "label": "x"}],
}
ENTITIES = {"text": "ab", "entities": []}
TOKENS = {"tokens": ["a"], "entity_mentions": []}
PROSE = "The cat sat on it .\nA dog came by .\nNobody chose plan B .\n"

CASES = [
    (json.dumps(LABELLED), Format.CLUENER),
    (json.dumps([LABELLED, LABELLED], indent=4), Format.CLUENER),
    ('{"text": "a"}\n{"text": "b"}', Format.CLUENER),
    ('\n  {"id": 1, "text": "a"}', Format.CLUENER),
    ("{}", Format.CLUENER),
    ("[]", Format.CLUENER),
    ('{"text": "' + "long " * 20_000 + '"}', Format.CLUENER),
    (json.dumps(SPANS), Format.SPAN_JSONL),
    (json.dumps([SPANS]), Format.SPAN_JSONL),
    (json.dumps(ENTITIES), Format.SPAN_JSONL),
    ("\ufeff\r\n" + json.dumps([ENTITIES], indent=1), Format.SPAN_JSONL),
    (json.dumps(TOKENS), Format.SPAN_JSONL),
    ('{"text": "a"}\n' + json.dumps(SPANS), Format.SPAN_JSONL),
    ('{"spans": [broken\n', Format.SPAN_JSONL),
    ("北 B-x\n京 I-x\n", Format.CONLL),
    ("北\tO\n", Format.CONLL),
    ("\n\n北\tO\r\n\r\n", Format.CONLL),
    ("-DOCSTART- O\n\n北 O\n京 O\n", Format.CONLL),
    ("a b c I-x\nd e f B-x\n\nd e f O\n", Format.CONLL),
    ("北 B_x\n京 I_x\n好 O\n", Format.CONLL),
    ("北 x-B\n京 x-I\n好 O\n", Format.CONLL),
    ("北 O\n京\n好 O\n了 O\n吗 O\n", Format.CONLL),
    ("\u3000 O\n京 O\n", Format.CONLL),
    (PROSE, Format.TEXT),
    ("He takes vitamin B-12\n", Format.TEXT),
    ("Vitamin B-12\n", Format.TEXT),
    ("blood type O\nshe likes tea\nand he has cake\n", Format.TEXT),
    ("[link] shared today\n", Format.TEXT),
    ("{laughs} well\n", Format.TEXT),
    ("[1] first note\n[2] second\n", Format.TEXT),
    ("北京好\n上海好\n", Format.TEXT),
    ("北\n京\n", Format.TEXT),
    ("one\ttwo\nthree\tfour\n", Format.TEXT),
    ("", Format.TEXT),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
def test_format(tmp_path, content, expected, pack):
    path = tmp_path / "data.bin"
    path.write_bytes(pack(content.encode()))
    assert detect_format(path) is expected


def test_a_cut_character_at_the_end_of_the_head_does_no_harm(tmp_path):
    path = tmp_path / "data"
    for shift in range(4):
        path.write_text("a" * shift + "\n" + "北 B-x\n京 I-x\n" * 9000)
        assert detect_format(path) is Format.CONLL


def test_tags_in_other_columns_are_found_when_named(reading):
    content = "北 B-x noun\n京 I-x noun\n"
    with pytest.raises(DataError, match=r"'noun'.*pass --tag_columns=1,"):
        reading(content)
    assert reading(content, tag_columns=(1,))[0].text == "北京"
