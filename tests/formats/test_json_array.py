"""Arrays cut into elements, against `json.loads` of the whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import DataError
from biaffine_tf.formats import Problems, json_array, lines, read
from biaffine_tf.formats.lines import Source


class Chunks:
    """A source whose chunks end where a test wants them to."""

    file = "data.json"

    def __init__(self, data: bytes, size: int) -> None:
        self._chunks = [data[i : i + size] for i in range(0, len(data), size)]

    def chunks(self):
        # The reader looks for the bracket in the first chunk.
        while b"[" not in self._chunks[0]:
            first, second, *rest = self._chunks
            self._chunks = [first + second, *rest]
        return iter(self._chunks)

    def place(self, line=None):
        return lines.Place(self.file, line)


STRINGS = st.text(
    st.sampled_from('"\\[]{},\n\t 日é😀\u2028a') | st.characters(codec="utf-8"),
    max_size=12,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | STRINGS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=8,
)


@given(
    values=st.lists(VALUES, max_size=5),
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    before=st.sampled_from(["", " ", "\n\n", "\r\n\t"]),
    size=st.integers(1, 9),
)
def test_elements_are_those_of_json(values, indent, ascii_only, before, size):
    text = before + json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    data = (text + "\n").encode()
    elements = list(json_array.array_elements(Chunks(data, size)))
    assert [json.loads(element.data) for element in elements] == values
    # The line of an element is the line of its first byte.
    position = 0
    for number, element in elements:
        position = data.index(element, position)
        assert number == 1 + data.count(b"\n", 0, position)
        position += len(element)


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[{"text": "a"},\n{"text": "b"', 2, "not closed"),
        ('[{"text": "a"}\n', 1, "not closed"),
        ('[\n{"text": "a"}]\n\n x', 4, "follows"),
        ('[{"text": "a"}\n}]', 2, "closing brace"),
        ('[{"text": "a"},\n{"text":\n"b}]\n', 3, "string"),
    ],
)
def test_broken_arrays_name_the_line(text, line, problem, size):
    with pytest.raises(DataError, match=problem) as caught:
        list(json_array.array_elements(Chunks(text.encode(), size)))
    assert caught.value.line == line


def test_elements_before_the_damage_are_read(tmp_path):
    path = tmp_path / "data.json"
    path.write_text('[{"text": "a"}, {"text": "b"}, {"te')
    sentences = read(path)
    assert next(sentences).text == "a"
    assert next(sentences).text == "b"
    with pytest.raises(DataError, match="not closed"):
        next(sentences)


def test_a_broken_element_can_be_skipped(reading):
    content = '[{"text": "a"},\n {text: 1},\n {"text": "c"},\n]'
    sentences = reading(content, on_bad_data="skip")
    assert [s.text for s in sentences] == ["a", "c"]
    assert [s.line for s in sentences] == [1, 3]
    assert reading.problems.counts == {"bad sentence skipped": 2}
    assert "data:2:" in reading.problems.examples["bad sentence skipped"][0]


def test_one_long_element_takes_linear_time(tmp_path):
    """Quadratic code would take minutes for these 60 chunks of escapes."""
    path = tmp_path / "data.json"
    text = '"\\\u3000' * 300_000
    path.write_text(json.dumps([{"text": text}]))
    assert [s.text for s in read(path)] == [text]


def test_an_element_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100_000)
    path = tmp_path / "data.json"
    path.write_text('[\n{"text": "a", "spans": [' + "[]," * 100_000)
    with (
        Source(path, Problems()) as source,
        pytest.raises(DataError, match="without an end") as caught,
    ):
        list(json_array.array_elements(source))
    assert caught.value.line == 2
