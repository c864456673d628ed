"""What is written is read back, and what cannot be written is counted."""

from __future__ import annotations

import gzip
import io
import json
import os
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats import (
    Format,
    Problems,
    ReadOptions,
    all_formats,
    read,
    write,
)
from biaffine_tf.formats.lines import Source
from biaffine_tf.spans import Sentence, Span

LABELS = st.sampled_from(["x", "X", "creative-work", "PER.NOM", "地址"])
# Everything that has ever moved an offset or split a line.
CHARACTERS = st.sampled_from('a1 北\u3000\x85\u2028\x0c😀e\u0301İ"\\\ufeff#-')
SCORES = st.none() | st.floats(0, 1)


@st.composite
def sentences(
    draw: st.DrawFn, text: st.SearchStrategy[str], scores: bool = False
) -> Sentence:
    """A sentence with any spans, or without labels."""
    content = draw(text)
    ids = st.none() | st.sampled_from(["0", "12", "007", "a b", "9" * 30])
    if not content or draw(st.booleans()):
        return Sentence(content, None, draw(ids))
    ranges = st.tuples(
        st.integers(0, len(content) - 1), st.integers(1, len(content))
    ).filter(lambda r: r[0] < r[1])
    spans = st.builds(
        lambda r, label, score: Span(*r, label, score),
        ranges,
        LABELS,
        SCORES if scores else st.none(),
    )
    return Sentence(content, tuple(draw(st.lists(spans))), draw(ids))


TEXTS = st.text(CHARACTERS | st.sampled_from("\n\r\t\0"), max_size=8)


def through(path, written, file_format, *, reading=None, **options):
    write(path, written, file_format, **options)
    return list(read(path, reading or ReadOptions(format=file_format)))


@given(st.lists(sentences(TEXTS, scores=True), min_size=1, max_size=4))
def test_span_jsonl(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("a") / "f"
    found = through(path, written, Format.SPAN_JSONL, with_scores=True)
    for old, new in zip(written, found, strict=True):
        assert (new.text, new.spans, new.id) == (old.text, old.spans, old.id)


@given(st.lists(sentences(TEXTS, scores=True), min_size=1, max_size=4))
def test_cluener(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("a") / "f"
    found = through(path, written, Format.CLUENER, with_scores=True)
    for number, (old, new) in enumerate(zip(written, found, strict=True)):
        assert new.text == old.text
        assert new.id == (old.id or str(number))
        if old.spans is None:
            assert new.spans is None
        else:
            assert sorted(new.spans, key=repr) == sorted(old.spans, key=repr)


@pytest.mark.slow
@given(
    st.lists(
        sentences(st.text(CHARACTERS, min_size=1, max_size=8)), min_size=1
    ),
    st.sampled_from(["bio", "bioes"]),
)
def test_conll(tmp_path_factory, written, scheme):
    path = tmp_path_factory.mktemp("a") / "f"
    layers = 8
    problems = Problems()
    options = ReadOptions(
        format="conll",
        tag_columns=tuple(range(1, layers + 1)),
        join="chars",
        segmentation_digit="keep",
    )
    write(
        path, written, "conll", layers=layers, scheme=scheme, problems=problems
    )
    found = list(read(path, options))
    lost = sum(
        amount
        for kind, amount in problems.counts.items()
        if kind.startswith("span")
    )
    for old, new in zip(written, found, strict=True):
        assert new.text == old.text
        assert set(new.spans) <= set(old.spans or ())
        lost -= len(old.spans or ()) - len(new.spans)
    assert lost == 0


@given(
    st.lists(
        st.text(CHARACTERS, min_size=1).filter(str.strip).map(Sentence),
        min_size=1,
    )
)
def test_text(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("a") / "f"
    problems = Problems()
    found = through(path, written, Format.TEXT, problems=problems)
    assert [s.text for s in found] == [s.text for s in written]
    assert not problems


def test_cluener_lines_are_those_of_the_task():
    stream = io.StringIO()
    spans = (Span(0, 2, "name", 0.5), Span(3, 5, "name"))
    written = [
        Sentence("张三和张三", spans, "17"),
        Sentence("无", ()),
        Sentence("无", None, "x"),
    ]
    assert write(stream, written, "cluener") == 3
    assert [
        json.loads(line) for line in stream.getvalue().split("\n")[:-1]
    ] == [
        {
            "id": 17,
            "text": "张三和张三",
            "label": {"name": {"张三": [[0, 1], [3, 4]]}},
        },
        {"id": 1, "text": "无", "label": {}},
        {"id": "x", "text": "无"},
    ]
    stream = io.StringIO()
    write(stream, written[:1], "cluener", with_scores=True)
    assert json.loads(stream.getvalue())["label"] == {
        "name": {"张三": [[0, 1, 0.5], [3, 4]]}
    }


def test_conll_writes_the_tokens_of_the_source():
    stream = io.StringIO()
    problems = Problems()
    sentence = Sentence(
        "New York\trocks",
        (Span(0, 8, "city"), Span(0, 3, "x"), Span(1, 3, "y"), Span(0, 3, "x")),
        words=((0, 3), (4, 8), (8, 9), (9, 14)),
    )
    write(stream, [sentence], "conll", layers=2, problems=problems)
    assert stream.getvalue() == (
        "New\tB-city\tB-x\nYork\tI-city\tO\n \tO\tO\nrocks\tO\tO\n\n"
    )
    assert sorted(problems.counts.values()) == [1, 1, 1]


def test_what_conll_cannot_hold_is_counted():
    stream = io.StringIO()
    problems = Problems()
    spans = (Span(0, 3, "x"), Span(0, 2, "y"), Span(1, 3, "z\n"))
    write(
        stream,
        [Sentence("", ()), Sentence("a\nb", spans)],
        "conll",
        problems=problems,
    )
    assert stream.getvalue() == "a\tB-x\n \tI-x\nb\tI-x\n\n"
    assert set(problems.counts) == {
        "sentence without characters not written",
        "tab, line break or NUL in a token written as a space",
        "span not written: all layers of tags are taken; see --output_layers",
        "span not written: its label breaks lines",
    }


def test_what_text_cannot_hold_is_counted():
    stream = io.StringIO()
    problems = Problems()
    written = [Sentence("a\r\nb", (Span(0, 1, "x"),)), Sentence(" ")]
    write(stream, written, "text", problems=problems)
    assert stream.getvalue() == "a  b\n \n"
    assert sorted(problems.counts.values()) == [1, 1, 2]


@pytest.mark.parametrize("name", ["conll", "conllu", "inline", "text"])
def test_what_is_written_for_nul_can_be_read(tmp_path, name):
    problems = Problems()
    write(tmp_path / "f", [Sentence("a\0b", ())], name, problems=problems)
    options = ReadOptions(format=name, join="chars")
    if name == "conllu":
        options = ReadOptions(format=name)
    assert [one.text for one in read(tmp_path / "f", options)] == ["a b"]
    assert any("NUL" in kind for kind in problems.counts)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")

    def failing():
        yield Sentence("new")
        raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        write(path, failing(), "text")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


def test_a_file_can_be_written_from_itself(tmp_path):
    path = tmp_path / "f"
    path.write_text("a\nb\n")
    write(path, read(path), "span_jsonl")
    assert [s.text for s in read(path)] == ["a", "b"]


def test_writing_follows_links_and_writes_to_devices(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    (tmp_path / "link").symlink_to(path)
    write(tmp_path / "link", [Sentence("new")], "text")
    assert (tmp_path / "link").is_symlink()
    assert path.read_text() == "new\n"
    assert write(os.devnull, [Sentence("x")], "text") == 1
    assert not os.path.isfile(os.devnull)


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        write(tmp_path / "no" / "f", [], "text")
    with pytest.raises(ConfigError, match="layers"):
        write(tmp_path / "f", [], "conll", layers=0)
    with pytest.raises(ConfigError, match="file_format"):
        write(tmp_path / "f", [], "xml")
    with pytest.raises(ConfigError, match="bmes"):
        write(tmp_path / "f", [Sentence("a", ())], "conll", scheme="bmes")
    for file_format in all_formats():
        package = file_format.package
        if not file_format.write or (package and not find_spec(package)):
            continue
        with pytest.raises(DataError, match=r"sentence 1 .*U\+D800"):
            write(
                tmp_path / "f",
                [Sentence("a"), Sentence("\ud800")],
                file_format,
            )
    assert os.listdir(tmp_path) == []


def test_reading_closes_the_file(tmp_path):
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    with Source(path, Problems()) as source:
        stream = source._stream
    assert stream.closed
    sentences = read(path)
    next(sentences)
    sentences.close()
    path.unlink()


def test_identifiers_become_numbers_only_if_nothing_is_lost():
    ids = ["0", "17", "007", "9" * 15, "9" * 16, "-1", "٣", "a"]
    stream = io.StringIO()
    write(stream, [Sentence("a", None, name) for name in ids], "span_jsonl")
    written = [
        json.loads(line)["id"] for line in stream.getvalue().splitlines()
    ]
    assert written == [0, 17, "007", int("9" * 15), *ids[4:]]
