"""Annotations and data that are not read: errors that name them."""

from __future__ import annotations

import gzip
import json

import pytest

from biaffine_tf.errors import DataError
from biaffine_tf.formats import Format, ReadOptions, detect_format, read

TEXT = "Ida mag Ulm"
SPAN = {"begin": 0, "finish": 3, "kind": "PER"}
TOKENS = {"tokens": ["Ida", "mag", "Ulm"]}

# Objects whose annotations no format of this file's knowledge reads, and the
# form that the message offers. Formats of tools read some of them: then they
# are no longer here.
UNREAD = {
    "mentions": ({"text": TEXT, "mentions": []}, "spans"),
    "named_entities": ({"text": TEXT, "named_entities": [SPAN]}, "spans"),
    "an unknown key": ({"text": TEXT, "x7": [SPAN]}, "spans"),
    "pairs by label": ({"text": TEXT, "x7": {"PER": [[0, 3]]}}, "spans"),
    "pairs in objects": (
        {"text": TEXT, "x7": [{"t": "PER", "r": [0, 3]}]},
        "spans",
    ),
    "values": (
        {"text": TEXT, "x7": [{"value": {"start": 0, "end": 3}}]},
        "spans",
    ),
    "triples": ({"text": TEXT, "x7": [[0, 3, "PER"]]}, "label"),
    "label first": ({"text": TEXT, "x7": [["PER", 0, 3]]}, "label"),
    "tags of tokens": (TOKENS | {"x7": ["B-PER", "O", "O"]}, "ner_tags"),
    "numbers of tokens": (TOKENS | {"x7": [1, 0, 0]}, "ner_tags"),
    "tags in a string": ({"text": TEXT, "x7": "B-PER O O"}, "ner_tags"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_unread_annotations_are_named(reading, name):
    record, form = UNREAD[name]
    key = next(one for one in record if one not in ("text", "tokens"))
    with pytest.raises(DataError) as caught:
        reading(json.dumps(record))
    assert repr(key) in str(caught.value)
    assert form in caught.value.remedy
    # Predictions need the text alone.
    (sentence,) = reading(json.dumps(record), ignore_labels=True)
    assert (sentence.text, sentence.spans) == (TEXT, None)


@pytest.mark.parametrize(
    "extra",
    [
        {"tags": ["news", "sport"]},
        {"labels": ["positive"]},
        {"size": [3, 4], "pages": [1, 2], "stamp": {"start": "a", "end": "b"}},
        {"meta": {"source": "x", "year": 3}, "url": "O", "score": [1, 2, 3]},
        {"position": 3, "end": 4},
    ],
)
def test_other_keys_are_no_annotations(reading, extra):
    (sentence,) = reading(json.dumps({"text": TEXT} | extra))
    assert sentence.spans is None
    assert sentence.extra == extra
    (sentence,) = reading(json.dumps({"text": TEXT, "spans": []} | extra))
    assert sentence.spans == ()
    assert not reading.problems


def test_annotations_beside_those_that_are_read_are_counted(reading):
    record = {"text": TEXT, "spans": [], "x7": [[0, 3, "PER"]]}
    reading(json.dumps(record))
    (kind,) = reading.problems.counts
    assert "'x7'" in kind


# Files, and what their messages say.
FILES = {
    '["Ida mag Ulm", "Ulm"]': "JSON",
    '["Ida mag Ulm"]\n["Ulm"]\n': "JSON",
    '[["Ida mag Ulm", 7]]': "JSON",
    '[\n  [\n    "Ida",\n    ["B-PER"]\n  ]\n]\n': "JSON",
    '["' + "x" * 70_000 + '"]': "JSON",
    "[" + ", ".join(f'"{number}"' for number in range(20_000)) + "]": "JSON",
    "{'text': 'Ida', 'spans': []}\n{'text': 'Ulm', 'spans': []}\n": "Python",
    "('Ida', {'x': [(0, 3, 'PER')]})\n": "Python",
    "DATA = [\n  ('Ida', ['B-PER']),\n  ('Ulm', ['O']),\n]\n": "Python",
    "T1\tPER 0 3\tIda\nR1\tin Arg1:T1 Arg2:T2\n#1\tNote T1\tx\n": "brat",
    "T1\tPER 0 3;8 11\tIda Ulm\n": "brat",
    "word,tag,pos\nIda,x,N\nUlm,y,N\n": "comma",
    'label;id\nx;"1"\ny;"2"\n': "semicolon",
    '"Ida, hier",7\n"Ulm",8\n': "comma",
    'no,review\n1,"Ida, so"\n2,b\n3,c\n4,d\n': "'no', 'review'",
    "no\treview\n1\tIda mag\n2\tb\n3\tc\n4\td\n": "'no', 'review'",
    "no;review\n" + '5;"two\nlines"\n' * 9_999: "'no', 'review'",
    '<?xml version="1.0"?>\n<a>Ida</a>\n': "XML",
}


@pytest.mark.parametrize("content", FILES)
def test_files_that_are_not_text(reading, content):
    for options in ({}, {"ignore_labels": True}):
        with pytest.raises(DataError, match=FILES[content]) as caught:
            reading(content, **options)
        assert "--format=text" in caught.value.remedy
    assert reading(content, format="text")


PROSE = [
    "[link] shared today\n",
    "[1] first\n[2] second\n",
    "[Applause]\n[Laughter]\n",
    "[[Main Page]] is a page\n",
    '["hm"] was said\nthen left\n',
    '("Yes," he said.)\n"No," she said.\n',
    '("Yes")\nmore prose\n',
    '("Yes", "No")\nwere all the answers that were given\nto her\n',
    '"Yes", he said, and left\n"No", she said\n',
    "Hello, world\nGoodbye, friend\n",
    "Hello, world\n" + "Goodbye, friend\n" * 9,
    "今天天气很好我们出去玩,他说\n" + "然后,就走了\n" * 9,
    "text, label and more\nfoo\n",
    "T1 weighted images\nT2 too\n",
    "(a) first\n(b) second\n",
    "x = [1, 2] is Python\n",
    "<b>bold</b> text\n",
    "one\ttwo\nthree\tfour\n",
]


@pytest.mark.parametrize("content", PROSE)
def test_prose_that_looks_a_little_like_it(tmp_path, content):
    path = tmp_path / "prose"
    path.write_text(content)
    assert detect_format(path) is Format.TEXT


@pytest.mark.parametrize(
    "options", [{"token_column": 1}, {"tag_columns": (1, 2)}]
)
def test_what_options_call_columns_is_no_text(reading, options):
    content = "1 Ida N\n2 Ulm N\n\n1 x y\n"
    with pytest.raises(DataError, match="is given, and the lines have"):
        reading(content, ignore_labels=True, **options)
    found = reading(content, ignore_labels=True, format="conll", **options)
    assert len(found) == 2
    assert len(reading(content, format="text", **options)) == 3


@pytest.mark.parametrize("name", ["f.csv", "f.TSV", "f.csv.gz"])
@pytest.mark.parametrize("content", ["review\na\n", "no,review\n1,a b\n"])
def test_tables_by_name_ask_for_the_column(tmp_path, name, content):
    path = tmp_path / name
    opened = gzip.open if name.endswith("gz") else open
    with opened(path, "wt") as stream:
        stream.write(content)
    with pytest.raises(DataError, match="'review'") as caught:
        detect_format(path)
    assert "--text_column" in caught.value.remedy
    options = ReadOptions(text_column="review")
    assert [one.text for one in read(path, options)] in (["a"], ["a b"])


@pytest.mark.parametrize(
    "content",
    [
        "word,tag\nAnn,B-PER\nLee,I-PER\nran,O\n",
        '{"text": "a", "body": "b"}\n',
        "{{PER:Ann}} ran\n",
        "a text\n",
    ],
)
def test_text_column_is_obeyed_or_refused(reading, content):
    """Whatever else a file looks like, and whichever format is named."""
    if content.startswith("word"):
        found = reading(content, text_column="word")
        assert [one.text for one in found] == ["Ann", "Lee", "ran"]
    reading(content, ignore_labels=True)
    for options in ({}, {"format": detect_format(reading.path)}):
        with pytest.raises(DataError, match="--text_column=body is given"):
            reading(content, text_column="body", **options)
