"""Text files: lines, documents, what is held out, and what is wrong."""

import collections
import gzip
import itertools
import lzma

import pretraining_texts
import pytest

from biaffine_tf.config import DataConfig, Document
from biaffine_tf.errors import DataError
from biaffine_tf.records import texts as texts_module
from biaffine_tf.records.texts import (
    Corpus,
    check_files,
    find_files,
    is_held_out,
)

DOCUMENTS = pretraining_texts.documents(40)
PACKERS = {"txt": bytes, "gz": gzip.compress, "xz": lzma.compress}


def read(files, **changes):
    """The lines of each document, and the corpus."""
    corpus = Corpus([str(file) for file in files], DataConfig(**changes))
    found = collections.defaultdict(list)
    for chunk in corpus.chunks():
        for line in chunk.lines:
            found[line.document].append(line.text)
    assert list(found) == list(range(corpus.documents))
    assert sum(map(len, found.values())) == corpus.lines
    return list(found.values()), corpus


@pytest.mark.parametrize("packer", PACKERS)
def test_documents_end_at_blank_lines_and_with_the_file(tmp_path, packer):
    halves = DOCUMENTS[:25], DOCUMENTS[25:]
    files = []
    for number, half in enumerate(halves):
        files.append(tmp_path / f"{number}.{packer}")
        data = PACKERS[packer](pretraining_texts.content(half))
        files[-1].write_bytes(data)
    found, corpus = read(files)
    assert found == DOCUMENTS
    assert corpus.bytes_read == sum(file.stat().st_size for file in files)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (Document.BLANK_LINE, [["a", "b"], ["c"]]),
        (Document.LINE, [["a"], ["b"], ["c"]]),
        (Document.FILE, [["a", "b", "c"]]),
    ],
)
def test_what_a_document_is(tmp_path, document, expected):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\n \n\r\na\nb\n\n\xe3\x80\x80\r\nc")
    assert read([path, path], document=document)[0] == expected * 2


def test_odd_characters_are_ordinary(tmp_path):
    path = tmp_path / "a.txt"
    lines = ["a\0b", "\u2028a\x85b\x0c", "a\ufeff", "a\rb", " a ", "\ufeffa"]
    path.write_bytes("\r\n".join(["\ufeff" + lines[0], *lines[1:]]).encode())
    found, corpus = read([path])
    assert found == [lines]
    assert corpus.problems.counts == {"byte order mark removed": 1}


def test_long_lines_are_cut(tmp_path):
    path = tmp_path / "a.txt"
    text = "天地。" * 5000
    path.write_text(text + "\nb\n", encoding="utf-8")
    corpus = Corpus([str(path)], DataConfig())
    (chunk,) = corpus.chunks()
    parts = [line.text for line in chunk.lines]
    assert "".join(parts) == text + "b"
    assert max(map(len, parts)) <= texts_module._LONGEST_LINE
    assert all(part.endswith("。") for part in parts[:-1])
    assert (corpus.lines, corpus.documents) == (2, 1)


def test_chunks_hold_whole_documents_but_for_large_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(texts_module, "_CHUNK_CHARACTERS", 100)
    monkeypatch.setattr(texts_module, "_LARGEST_CHUNK", 200)
    large = [["a" * 10] * 90]
    documents = DOCUMENTS + large + DOCUMENTS
    path = pretraining_texts.write(tmp_path / "a.txt", documents)
    chunks = list(Corpus([path], DataConfig()).chunks())
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    lines = [line.text for chunk in chunks for line in chunk.lines]
    assert lines == [*itertools.chain(*documents)]
    where = collections.defaultdict(set)
    for chunk in chunks:
        assert sum(len(line.text) for line in chunk.lines) <= 240
        for line in chunk.lines:
            where[line.document].add(chunk.number)
    cut = [number for number, seen in where.items() if len(seen) > 1]
    assert cut == [len(DOCUMENTS)]
    assert len(where[len(DOCUMENTS)]) >= 4


def test_what_is_held_out():
    def held_out(share, seed):
        return {
            number
            for number in range(20_000)
            if is_held_out(number, share=share, seed=seed)
        }

    tenth = held_out(0.1, seed=1)
    assert 1800 < len(tenth) < 2200
    assert held_out(0.05, seed=1) < tenth
    assert 100 < len(held_out(0.1, seed=2) & tenth) < 320
    assert not held_out(0, seed=1)


def test_files_are_found_in_order_and_once(tmp_path, monkeypatch):
    for name in ("b.txt", "a.txt", "c.gz", "[x].txt"):
        (tmp_path / name).write_text("a")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_files(["c.gz", "*.txt"]) == [
        "c.gz",
        "[x].txt",
        "a.txt",
        "b.txt",
    ]
    assert find_files(["b.txt", str(tmp_path / "b.txt")]) == ["b.txt"]
    assert find_files(["[x].txt"]) == ["[x].txt"]
    assert find_files(["~/a.txt"]) == [str(tmp_path / "a.txt")]


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["a.txt", "b*.txt"], r"^b\*\.txt: there is no such file"),
        (["none.txt"], "^none.txt: there is no such file"),
        (["folder"], r"^folder: this is a folder; .*'folder/\*'"),
        ([], "^no file is named"),
    ],
)
def test_files_that_are_not_there(tmp_path, monkeypatch, patterns, message):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message):
        find_files(patterns)


def test_bad_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("a\n天\n".encode() + "天地".encode("gb18030") + b"\n\nb")
    with pytest.raises(DataError, match=r"a\.txt:3: .* not UTF-8.*GB18030"):
        read([path])
    found, corpus = read([path], on_bad_data="skip")
    assert found == [["a", "天"], ["b"]]
    assert corpus.problems.counts == {"line skipped: not UTF-8": 1}
    (example,) = corpus.problems.examples["line skipped: not UTF-8"]
    assert example.startswith(f"{path}:3: ")


def test_a_damaged_file(tmp_path):
    path = tmp_path / "a.gz"
    data = gzip.compress(b"".join(b"%d\n" % i for i in range(99_999)))
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"a\.gz:\d+: .*damaged"):
        read([path])


def test_large_files_without_blank_lines_need_a_word(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n" * (1 << 20))
    with pytest.raises(DataError, match=r"a\.txt: .*--document=line"):
        check_files([str(path)], Document.BLANK_LINE)
    check_files([str(path)], Document.LINE)
    check_files([str(path)], Document.FILE)
    path.write_bytes(b"a\n" * 1000 + b" \r\n" + b"a\n" * (1 << 20))
    check_files([str(path)], Document.BLANK_LINE)
    path.write_bytes(b"a\n" * 1000)
    check_files([str(path)], Document.BLANK_LINE)


def test_unreadable_files_are_found_at_once(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("a".encode("utf-16"))
    with pytest.raises(DataError, match="UTF-16"):
        check_files([str(path)], Document.FILE)


@pytest.mark.slow
def test_the_real_corpus_is_read_whole(data_folder):
    files = find_files([str(data_folder / "corpus" / "*.txt.xz")])
    assert len(files) > 5
    expected = 0
    for file in files:
        with lzma.open(file) as lines:
            expected += sum(bool(line.decode().strip()) for line in lines)
    corpus = Corpus(files, DataConfig(document="line"))
    found = sum(len(chunk.lines) for chunk in corpus.chunks())
    assert found == corpus.lines == corpus.documents == expected
    assert 0.005 < corpus.held_out_documents / expected < 0.015
    assert not corpus.problems
