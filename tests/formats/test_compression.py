"""Compressed files in and out, archives, standard input and output."""

import bz2
import gzip
import io
import lzma
import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import pytest

from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats import Problems, read, write
from biaffine_tf.formats.compression import SUFFIXES
from biaffine_tf.formats.damage import check_undamaged
from biaffine_tf.formats.lines import Source
from biaffine_tf.spans import Sentence

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = [f"{number} 字 {number * 7919}" for number in range(24_000)]
CONTENT = "\n".join(TEXTS).encode()


def _zstandard(data):
    zstandard = pytest.importorskip("zstandard")
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


PACKERS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": lambda data: bz2.compress(data, 1),
    ".zst": _zstandard,
}


def test_all_that_is_written_is_tested():
    assert set(PACKERS) == set(SUFFIXES)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_files_are_read(reading, suffix):
    pack = PACKERS[suffix]
    assert [s.text for s in reading(pack(CONTENT))] == TEXTS
    # One behind the other, as `cat a.gz b.gz` makes them.
    packed = pack(b"a\nb") + pack(b"c\n") + pack(b"") + pack(b"d")
    assert [s.text for s in reading(packed)] == ["a", "bc", "d"]
    with pytest.raises(DataError, match="the file is empty"):
        reading(pack(b""))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", PACKERS)
def test_what_is_cut_off_or_damaged_is_never_silent(reading, suffix):
    packed = PACKERS[suffix](CONTENT)
    for size in (20, len(packed) // 2, len(packed) - 1):
        for on_bad_data in ("error", "skip"):
            with pytest.raises(DataError, match="cannot be read on") as caught:
                reading(packed[:size], on_bad_data=on_bad_data)
            assert caught.value.line >= 1
        if size > 20:
            check_undamaged(reading.path)  # what is there is right
    for at in range(30, len(packed) - 30, len(packed) // 8):
        damaged = bytes([*packed[:at], packed[at] ^ 16, *packed[at + 1 :]])
        with pytest.raises(DataError):
            reading(damaged)
        with pytest.raises(DataError, match="damaged") as caught:
            check_undamaged(reading.path)
        assert caught.value.file == str(reading.path)


def test_plain_files_are_not_read_twice(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    check_undamaged(path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", PACKERS)
def test_names_say_how_to_write(tmp_path, suffix):
    PACKERS[suffix](b"")
    path = tmp_path / f"f.jsonl{suffix}"
    sentences = [Sentence(text) for text in TEXTS]
    write(path, sentences, "text")
    assert [s.text for s in read(path)] == TEXTS
    once = path.read_bytes()
    assert len(once) < len(CONTENT) / 2
    write(path, sentences, "text")
    assert path.read_bytes() == once


def test_without_zstandard_it_is_named(reading, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(DataError, match="pip install zstandard") as caught:
        reading(b"\x28\xb5\x2f\xfd" + bytes(20))
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="pip install zstandard"):
        write(tmp_path / "a.zst", [Sentence("a")], "text")
    assert not (tmp_path / "a.zst").exists()


def _zip(name="a.txt"):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, "北京\n")
    return data.getvalue()


def _tar():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO(b""))
    return data.getvalue()


FOREIGN = {
    "zip": (_zip(), r"is a ZIP archive.*xlsx.*; unpack it first \(unzip "),
    "zip in gzip": (gzip.compress(_zip()), "is a ZIP archive"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "is an empty ZIP archive"),
    "tar": (_tar(), r"is a tar archive; unpack it first \(tar -xf "),
    "tar in gzip": (gzip.compress(_tar()), "is a tar archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "is a 7-Zip archive"),
    "pdf": (b"%PDF-1.7\n", "is a PDF document; save its text"),
    "parquet": (b"PAR1" + bytes(20), "is a Parquet file"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_text_is_called_by_its_name(reading, name):
    data, said = FOREIGN[name]
    for on_bad_data in ("error", "skip"):
        with pytest.raises(DataError, match=said):
            reading(data, on_bad_data=on_bad_data)
        for file_format in ("text", "conll"):
            with pytest.raises(DataError, match=said):
                reading(data, format=file_format, on_bad_data=on_bad_data)


def test_texts_that_begin_like_archives_are_texts(reading):
    for text in ("PK 是", "BZh91", "7z 文件", "PAR", "(\xb5/"):
        assert [s.text for s in reading(text + "\n")] == [text]


COPY = """
import sys
from biaffine_tf import readers
print("said")
readers.write(sys.argv[2], readers.read(sys.argv[1]), "text")
"""


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_a_dash_is_standard_input_and_output(tmp_path, pack):
    """Also where it is a file that is appended to."""
    out = tmp_path / "out"
    out.write_text("before\n")
    (tmp_path / "-").write_text("no")
    with out.open("a") as file:
        subprocess.run(
            [sys.executable, "-c", COPY, "-", "-"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=pack(CONTENT),
            stdout=file,
            check=True,
        )
    lines = out.read_text().splitlines()
    assert lines[0] == "before" and lines.count("said") == 1
    assert [one for one in lines[1:] if one != "said"] == TEXTS


def test_streams_have_names_of_files_too(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COPY, "/dev/stdin", "/dev/stdout"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=CONTENT,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert sorted(done.stdout.decode().splitlines()) == sorted([*TEXTS, "said"])


def test_standard_input_is_named_in_messages():
    done = subprocess.run(
        [sys.executable, "-m", "biaffine_tf.readers", "-"],
        cwd=ROOT,
        input=b'{"text": "a"}\n{"text"}\n',
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: standard input:2: broken JSON")


def test_a_source_knows_whether_it_is_compressed(tmp_path):
    for name, data in (("a", b"a\n"), ("b", gzip.compress(b"a\n"))):
        (tmp_path / name).write_bytes(data)
        with Source(tmp_path / name, Problems()) as source:
            assert source.is_compressed == (name == "b")
