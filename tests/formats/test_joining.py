"""Predictions join their inputs by keys, ids, lines; no gold is read."""

import dataclasses
import io
import json
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from biaffine_tf.errors import DataError
from biaffine_tf.formats import (
    Format,
    Problems,
    ReadOptions,
    read,
    write,
)
from biaffine_tf.formats.unread import nearest_form
from biaffine_tf.spans import Sentence, Span

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),  # halves of characters, too
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
# Hypothesis knows the strings in our source, and so every key that a reader
# knows; none of these begins with a space.
KEYS = st.just("") | st.text(max_size=6).map(" {}".format)


def _written(sentences, file_format, **options):
    stream = io.StringIO()
    problems = Problems()
    write(stream, sentences, file_format, problems=problems, **options)
    return stream.getvalue(), problems


def _predicted(sentences):
    return [s.replace_spans([Span(0, 1, "x", 0.5)]) for s in sentences]


@given(
    extra=st.dictionaries(KEYS, VALUES, max_size=4),
    identity=st.none() | st.integers() | st.text(min_size=1, max_size=6),
    document=st.none() | st.integers() | st.text(min_size=1, max_size=6),
    is_array=st.booleans(),
    output=st.sampled_from([Format.SPAN_JSONL, Format.CLUENER]),
)
def test_keys_pass_through(
    tmp_path_factory, extra, identity, document, is_array, output
):
    record = {"text": "ab", **extra}
    assume(not any(nearest_form(record, key) for key in extra))
    if identity is not None:
        record["id"] = identity
    if document is not None:
        record["document"] = document
    line = json.dumps(record)
    path = tmp_path_factory.mktemp("f") / "f"
    path.write_text(f"[{line},\n{line}]" if is_array else f"{line}\n{line}\n")
    sentences = _predicted(read(path))
    text, problems = _written(sentences, output, with_lines=True)
    text.encode()  # no half of a character
    assert not problems
    for number, found in enumerate(map(json.loads, text.split("\n")[:-1])):
        label = {"x": {"a": [[0, 0]]}}
        spans = [{"start": 0, "end": 1, "label": "x"}]
        is_ours = output is Format.SPAN_JSONL
        assert found.pop("spans" if is_ours else "label") == (
            spans if is_ours else label
        )
        if identity is None:
            place = {"index": number} if is_array else {"line": number + 1}
            assert place.items() <= found.items()
            del found[next(iter(place))]
            if not is_ours:  # numbered, as submissions are
                assert found.pop("id") == number
        assert found == record
        for key in ("id", "document"):
            assert type(found.get(key)) is type(record.get(key))


def test_keys_that_a_format_cannot_hold_are_counted(reading):
    sentences = reading(
        '{"text": "a", "spans": [], "label": "sports", "url": 1}\n'
        '{"text": "b", "spans": [], "url": 2, "id": 4}\n'
    )
    for output, count in ((Format.CLUENER, 1), (Format.SPAN_JSONL, 0)):
        text, problems = _written(_predicted(sentences), output)
        assert [json.loads(line)["url"] for line in text.splitlines()] == [1, 2]
        assert sum(problems.counts.values()) == count
    for output in (Format.CONLL, Format.TEXT):
        _, problems = _written(sentences, output)
        counts = {k.split(" not ")[0]: n for k, n in problems.counts.items()}
        assert counts == {
            "key 'label' of the input": 1,
            "key 'url' of the input": 2,
            "id": 1,
        }


def test_other_names_of_ids_stay_and_are_understood(reading):
    (sentence,) = reading(
        '{"text": "a", "sent_id": "007", "doc_id": 3}', format="span_jsonl"
    )
    assert (sentence.id, sentence.document) == ("007", "3")
    text, _ = _written([sentence], Format.SPAN_JSONL, with_lines=True)
    assert json.loads(text) == {
        **{"id": "007", "document": "3", "text": "a"},
        **{"sent_id": "007", "doc_id": 3},
    }


def test_lines_of_texts_and_columns_are_those_of_the_file(reading):
    sentences = reading("a\n\n \nb\r\n\nc", format="text")
    text, _ = _written(sentences, Format.SPAN_JSONL, with_lines=True)
    found = [json.loads(line) for line in text.splitlines()]
    assert [(one["line"], one["text"]) for one in found] == [
        (1, "a"),
        (4, "b"),
        (6, "c"),
    ]
    sentences = reading("-DOCSTART- O\n\na B-x\nb O\n\n\nc O\n")
    text, _ = _written(sentences, Format.CLUENER, with_lines=True)
    assert [json.loads(line)["line"] for line in text.splitlines()] == [3, 7]
    text, _ = _written(sentences, Format.SPAN_JSONL)
    assert "line" not in text


def test_a_line_of_the_input_itself_is_kept(reading):
    sentences = reading('{"text": "a", "line": "mine"}\n')
    text, problems = _written(sentences, Format.SPAN_JSONL, with_lines=True)
    assert json.loads(text) == {"line": "mine", "text": "a"}
    assert not problems


def test_sentences_are_compared_without_what_came_with_them(reading):
    one, other = reading('[{"text": "a", "url": 1}]'), reading('{"text": "a"}')
    assert one == other and hash(one[0]) == hash(other[0])
    assert one[0].extra == {"url": 1} and one[0].index == 0


def test_numbers_that_are_none_are_refused(reading):
    for value in ("1e999", "-1e999", "NaN"):
        with pytest.raises(DataError, match=r"out of range|not JSON"):
            reading(f'{{"text": "a", "n": {value}}}')


WRONG = {
    "span outside": '{"text": "ab", "spans": [{"start": 1, "end": 9, '
    '"label": "x"}]}',
    "no list": '{"text": "ab", "spans": {"a": 1}}',
    "no label": '{"text": "ab", "spans": [{"start": 0, "end": 1}]}',
    "score": '{"text": "ab", "spans": [{"start": 0, "end": 1, "label": "x", '
    '"score": 7}]}',
    "mention": '{"text": "ab", "entities": [{"start_idx": 0, "end_idx": 0, '
    '"type": "x", "entity": "zz"}]}',
    "two kinds": '{"text": "ab", "spans": [], "entities": null}',
    "tokens": '{"tokens": ["a", "b"], "entity_mentions": [{"start": 5}]}',
    "mentions of a text": '{"text": "ab", "entity_mentions": 3}',
    "cluener": '{"text": "ab", "label": {"x": {"b": [[0, 0]]}}}',
    "cluener scores": '{"text": "ab", "label": {"x": {"a": [[0, 0, "z"]]}}}',
    "label of a word": '{"text": "ab", "label": "sports"}',
    "array": '[{"text": "ab", "label": {"x": 1}}]',
    "bad tag": "a B-x\nb Z?y\na O\nb O\na O\n",
    "broken scheme": "a B-x\nb M-x\na L-x\nb U-x\na O\n",
    "digits": "a0 B-x\nb1 1\na0 O\nb1 O\na0 O\n",
}


def _is_wrong(reading, content, **options):
    try:
        reading(content, **options)
    except DataError:
        return True
    return bool(reading.problems)  # something was repaired


@pytest.mark.parametrize("name", WRONG)
def test_wrong_gold_is_no_reason_not_to_read(reading, name):
    options = {"tag_scheme": "bio"} if name == "broken scheme" else {}
    assert _is_wrong(reading, WRONG[name], **options)
    (sentence,) = reading(WRONG[name], ignore_labels=True, **options)
    assert sentence.text.replace(" ", "") in ("ab", "ababa")
    assert sentence.spans is None
    assert set(reading.problems.counts) <= {
        "segmentation digit removed from a token"
    }


def _labelled(draw):
    text = (
        "".join(draw.choices("ab天 地", k=draw.randrange(1, 9))).strip() + "c"
    )
    start = draw.randrange(len(text))
    end = draw.randrange(start + 1, len(text) + 1)
    return Sentence(text, (Span(start, end, draw.choice("xy")),))


@pytest.mark.parametrize("file_format", ["cluener", "span_jsonl", "conll"])
def test_texts_are_the_same_with_and_without_labels(tmp_path, file_format):
    draw = random.Random(3)
    path = tmp_path / "f"
    write(path, [_labelled(draw) for _ in range(200)], file_format)
    labelled = list(read(path))
    assert sum(len(s.spans) for s in labelled) > 100
    unlabelled = list(read(path, ReadOptions(ignore_labels=True)))
    assert unlabelled == [dataclasses.replace(s, spans=None) for s in labelled]
