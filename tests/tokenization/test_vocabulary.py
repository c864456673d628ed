"""Vocabularies keep every token, byte for byte, and refuse broken files."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.errors import DataError
from biaffine_tf.tokenization import Vocabulary

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
ODD_TOKENS = ["\u2028", "##\u2028", "\u3000", "\x85", "\x0b", " ", "\ufeff"]


def write(tmp_path, content):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content.encode())
    return path


tokens = st.lists(
    st.one_of(
        st.sampled_from(ODD_TOKENS),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    ).filter(lambda token: "\n" not in token and not token.endswith("\r")),
    unique=True,
).map(lambda drawn: SPECIALS + [p for p in drawn if p not in SPECIALS])


@given(tokens=tokens, line_end=st.sampled_from(["\n", "\r\n"]))
def test_a_file_gives_back_its_lines(tmp_path_factory, tokens, line_end):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_bytes("".join(token + line_end for token in tokens).encode())
    vocabulary = Vocabulary.from_file(path)
    assert list(vocabulary) == tokens
    assert [vocabulary.id(token) for token in tokens] == list(
        range(len(tokens))
    )
    vocabulary.save(path)
    assert path.read_bytes() == "".join(p + "\n" for p in tokens).encode()
    assert Vocabulary.from_file(path) == vocabulary
    assert os.listdir(path.parent) == ["vocab.txt"]


@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\r\n\r\n"])
def test_byte_order_mark_and_blank_end_are_no_tokens(tmp_path, ending):
    path = write(tmp_path, "\ufeff" + "\n".join(SPECIALS) + ending)
    assert Vocabulary.from_file(path).tokens == tuple(SPECIALS)


def test_special_ids_are_line_numbers(tmp_path):
    path = write(tmp_path, "a\n[SEP]\n[PAD]\n[CLS]\n[UNK]\n")
    vocabulary = Vocabulary.from_file(path)
    ids = vocabulary.pad_id, vocabulary.unk_id, vocabulary.cls_id
    assert (*ids, vocabulary.sep_id) == (2, 4, 3, 1)
    assert vocabulary.get("b", 7) == 7 and "a" in vocabulary


@pytest.mark.parametrize("missing", SPECIALS)
def test_a_missing_special_token_is_named(tmp_path, missing):
    rest = [token for token in SPECIALS if token != missing]
    path = write(tmp_path, "\n".join(rest))
    with pytest.raises(DataError) as caught:
        Vocabulary.from_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert f": {missing} missing among 3 tokens" in message
    assert caught.value.remedy


@pytest.mark.parametrize(
    "lines, line, problem",
    [
        ([*SPECIALS, "x", "y", "x"], 7, "'x' repeats the one of line 5"),
        ([*SPECIALS, "", "y"], 5, "empty line"),
        ([*SPECIALS, "x\r\r", "y"], 5, "line end"),
        (["\ufeff\ufeffa", *SPECIALS], 1, "byte order mark"),
    ],
)
def test_a_broken_line_is_named(tmp_path, lines, line, problem):
    path = write(tmp_path, "\n".join(lines))
    with pytest.raises(DataError, match=problem) as caught:
        Vocabulary.from_file(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_other_encodings_are_refused_with_the_line(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"[PAD]\n[UNK]\n" + "中".encode("gbk"))
    with pytest.raises(DataError, match=r"vocab.txt:3: .*not UTF-8.*0xd6"):
        Vocabulary.from_file(path)


def test_what_cannot_be_opened_is_said(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*No such file.*vocab_"):
        Vocabulary.from_file(tmp_path / "absent.txt")
    with pytest.raises(DataError, match="cannot read the vocabulary"):
        Vocabulary.from_file(tmp_path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path, "old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        Vocabulary(SPECIALS).save(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["vocab.txt"]
