"""Files that are broken, foreign or strange."""

from __future__ import annotations

import json
import os
import pathlib
import threading
import tracemalloc

import pytest

from biaffine_tf.errors import DataError
from biaffine_tf.formats import ReadOptions, all_formats, lines, read

GOOD = '{"text": "好"}\n'


def error_of(reading, content: str | bytes, **options: object) -> DataError:
    with pytest.raises(DataError) as caught:
        reading(content, **options)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(reading.path))
    return caught.value


def test_missing_files_and_directories(tmp_path):
    with pytest.raises(DataError, match="no such file; check the path"):
        next(read(tmp_path / "none"))
    with pytest.raises(DataError, match="is a directory"):
        next(read(tmp_path))
    with pytest.raises(DataError, match="cannot be opened"):
        next(read("a\0b"))


OF_LINES = [one for one in all_formats() if not (one.binary or one.folder)]


@pytest.mark.parametrize("file_format", [None, *OF_LINES])
@pytest.mark.parametrize(
    "content", ["", "\n", "\n\n \n\r\n\t\n", "\ufeff", "\ufeff\n"]
)
def test_files_without_a_sentence(reading, file_format, content):
    for on_bad_data in ("error", "skip"):
        error = error_of(
            reading, content, format=file_format, on_bad_data=on_bad_data
        )
        assert "empty" in error.problem or "no sentence" in error.problem


def test_an_empty_array_and_documents_only(reading):
    assert "no sentence" in error_of(reading, "[]").problem
    content = "-DOCSTART- O\n\n"
    assert "no sentence" in error_of(reading, content, format="conll").problem


def test_a_file_whose_sentences_are_all_skipped_says_so(reading):
    error = error_of(reading, "{}\n{}\n", on_bad_data="skip")
    assert "bad sentence skipped: 2" in error.problem
    assert "data:1: " in error.problem


def test_compression_is_told_by_content(tmp_path):
    path = tmp_path / "plain.gz"
    path.write_text("北京\n")
    assert [s.text for s in read(path)] == ["北京"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf16(reading, encoding):
    mark = {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}
    data = mark.get(encoding, b"") + GOOD.encode(encoding)
    error = error_of(reading, data)
    assert "UTF-16" in error.problem
    assert "iconv -f UTF-16" in error.remedy
    # Without its mark it shows by its NUL bytes or by its encoding.
    error = error_of(reading, "ab\n".encode("utf-16-le"))
    assert "NUL" in error.problem and "UTF-16" in error.remedy


def test_another_encoding_is_named(reading):
    error = error_of(reading, "北京\n".encode("gb18030"))
    assert error.line == 1
    assert "byte 1 of the line, 0xB1, is not UTF-8" in error.problem
    assert "iconv -f GB18030 -t UTF-8" in error.remedy
    error = error_of(reading, b"ab\n\nab\xff\n")
    assert error.line == 3
    assert "byte 3 of the line, 0xFF" in error.problem
    assert "GB18030" not in error.remedy


@pytest.mark.parametrize(
    ("good", "bad", "file_format"),
    [
        ("好", "坏", "text"),
        ('{"text": "好"}', '{"text": "坏"}', "cluener"),
        ("好 O\n", "好 O\n坏 O\n", "conll"),
    ],
)
def test_mixed_encodings_can_be_skipped(reading, good, bad, file_format):
    data = f"{good}\n".encode() + f"{bad}\n".encode("gb18030")
    data += f"{good}\n".encode()
    sentences = reading(data, format=file_format, on_bad_data="skip")
    assert [s.text for s in sentences] == ["好", "好"]
    assert reading.problems.counts == {"bad sentence skipped": 1}
    assert "not UTF-8" in str(reading.problems.examples)


def test_bad_bytes_in_an_array_name_their_line(reading):
    array = b'[{"text":\n"a"},\n{"text":\n "b\xff"}]'
    error = error_of(reading, array)
    assert error.line == 4
    assert "byte 4 of the line" in error.problem


def test_half_characters_are_not_utf8(reading):
    assert error_of(reading, b"a\xed\xa0\x80\n").line == 1
    assert "U+D83D" in error_of(reading, '{"text": "\\ud83d"}').problem
    (sentence,) = reading('{"text": "\\ud83d\\ude00"}')
    assert sentence.text == "😀"


def test_nul_bytes(reading):
    error = error_of(reading, b"a\nb\0c\n")
    assert error.line == 2
    assert "NUL" in error.problem
    (sentence,) = reading('{"text": "a\\u0000b"}')
    assert sentence.text == "a\0b"


def test_lines_end_at_line_feeds_only(reading):
    strange = "a\u2028b\x85c\x0cd\x0be\x1cf\rg"
    sentences = reading(f"{strange}\r\n\n\r\nz\r\r\n")
    assert [s.text for s in sentences] == [strange, "z\r"]
    assert [s.line for s in sentences] == [1, 4]
    assert reading.problems.counts == {"blank line passed over": 2}


def test_a_byte_order_mark_is_removed_once_and_counted(reading):
    sentences = reading("\ufeff\ufeffa\n\ufeffb\n")
    assert [s.text for s in sentences] == ["\ufeffa", "\ufeffb"]
    assert reading.problems.counts == {"byte order mark removed": 1}


@pytest.mark.parametrize("length", [1, 65_534, 65_536, 65_537, 300_000])
def test_lines_across_chunks(reading, length):
    texts = ["a" * length, "字" * (length // 3 + 1), "b", "é" * length]
    sentences = reading("\n".join(texts))
    assert [s.text for s in sentences] == texts
    assert [s.line for s in sentences] == [1, 2, 3, 4]


def test_a_line_without_end_is_refused(reading, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1 << 20)
    error = error_of(reading, "a\n" + "b" * (3 << 20))
    assert error.line == 2
    assert "without an end" in error.problem


@pytest.mark.parametrize("deep", ["[", '{"a":', '{"text": "a", "spans": ['])
def test_deeply_nested_json(reading, deep):
    for content in (
        deep * 100_000,
        "[" + deep * 100_000,
        GOOD + deep * 100_000,
    ):
        error_of(reading, content, format="span_jsonl")


@pytest.mark.parametrize("is_array", [False, True])
def test_memory_does_not_grow_with_the_file(tmp_path, is_array):
    path = tmp_path / "data"
    indent = 1 if is_array else None
    record = {"text": "字" * 200, "spans": []}
    row = json.dumps(record, ensure_ascii=False, indent=indent)
    rows = (",\n" if is_array else "\n").join([row] * 6000)
    path.write_text(f"[{rows}]" if is_array else rows)
    assert path.stat().st_size > 3_600_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(path)) == 6000
        assert tracemalloc.get_traced_memory()[1] < 1_200_000
    finally:
        tracemalloc.stop()


def test_a_pipe_can_be_read(tmp_path: pathlib.Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = "北 B-x\n京 I-x\n\n" * 20_000
    writer = threading.Thread(target=pipe.write_text, args=(content,))
    writer.start()
    sentences = list(read(pipe, ReadOptions()))
    writer.join()
    assert len(sentences) == 20_000
    assert sentences[-1].text == "北京"


def test_sentences_come_before_the_error(tmp_path):
    path = tmp_path / "data"
    path.write_text(GOOD * 3 + "{broken\n")
    sentences = read(path)
    for _ in range(3):
        assert next(sentences).text == "好"
    with pytest.raises(DataError, match=":4: broken JSON"):
        next(sentences)
