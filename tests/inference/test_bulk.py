"""Bulk prediction: shards, their order, bad lines, whose a folder is."""

import bz2
import dataclasses
import gzip
import io
import json
import lzma
import os
import random
import re
import tracemalloc

import pytest
from bulk_runs import (
    TOO_LONG,
    FakePredictor,
    opened,
    run,
    shards,
    tree,
    write_lines,
)

from biaffine_tf import formats
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats import lines
from biaffine_tf.formats.inputs import find_files

PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


def _read(out):
    """Sentences of all shards, in the order of their names."""
    return [
        sentence
        for name in shards(out)
        if os.path.getsize(out / name)
        for sentence in formats.read(out / name)
    ]


def _bad_lines(out):
    return [
        json.loads(line)
        for path in sorted((out / "bad_lines").glob("*"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def test_shards_hold_what_the_files_hold_in_their_order(tmp_path):
    files, texts = [], []
    for number, (suffix, pack) in enumerate(PACKERS.items()):
        # The last shard full, nearly empty, nearly full.
        content = write_lines(tmp_path / "l", 20 + number, first=100 * number)
        texts += content.read_text().splitlines()
        # Not in the order of the alphabet.
        files.append(tmp_path / f"{'zaxb'[number]}.txt{suffix}")
        files[-1].write_bytes(pack(content.read_bytes()))
    predictor = FakePredictor()
    job = run(files, tmp_path / "out", predictor=predictor)
    found = _read(tmp_path / "out")
    assert [sentence.text for sentence in found] == texts == predictor.seen
    for sentence in found:
        digits = [span.start for span in sentence.spans]
        assert digits == [m.start() for m in re.finditer(r"\d", sentence.text)]
    assert shards(tmp_path / "out") == [
        f"0000{number}-{'zaxb'[number]}-00000{shard}.jsonl"
        for number, count in enumerate([2, 3, 3, 3])
        for shard in range(count)
    ]
    assert [shard.sentences for shard in job.shards] == [
        *(10, 10),
        *(10, 10, 1),
        *(10, 10, 2),
        *(10, 10, 3),
    ]
    assert sum(s.entities for s in job.shards) == sum(
        len(sentence.spans) for sentence in found
    )
    assert job.sentences == 86 and not job.problems
    assert not (tmp_path / "out" / "bad_lines").exists()


def test_a_shard_depends_on_its_own_sentences_alone(tmp_path):
    """And so not on the shards before it."""
    whole = write_lines(tmp_path / "whole.txt", 20)
    second = write_lines(tmp_path / "second.txt", 10, first=10)
    run([whole], tmp_path / "a")
    run([second], tmp_path / "b")
    of_whole, of_second = _read(tmp_path / "a"), _read(tmp_path / "b")
    assert of_whole[10:] == [
        dataclasses.replace(s, file=t.file, line=t.line)
        for s, t in zip(of_second, of_whole[10:], strict=True)
    ]
    lines = [sentence.extra["line"] for sentence in of_whole]
    assert lines == list(range(1, 21))


def test_only_what_is_missing_is_done(tmp_path):
    files = [write_lines(tmp_path / f"{n}.txt", 25, first=n) for n in (0, 50)]
    out = tmp_path / "out"
    run(files, out)
    before = tree(out)
    (out / "00001-50-000001.jsonl").unlink()
    kept = {name: os.stat(out / name).st_mtime_ns for name in shards(out)}
    predictor = FakePredictor()
    run(files, out, predictor=predictor)
    assert predictor.seen == files[1].read_text().splitlines()[10:20]
    assert tree(out) == before
    for name, time in kept.items():
        assert os.stat(out / name).st_mtime_ns == time
    with opened(files, out) as job:
        assert job.is_complete
        job.run(None)  # asks no predictor
        assert not job.has_run and sum(s.sentences for s in job.shards) == 50


def test_files_without_a_sentence_have_an_empty_shard_and_are_named(tmp_path):
    files = []
    for name, content in [
        ("empty", b""),
        ("blank", b"\n \n"),
        ("empty_array", b"[]"),
        ("packed", gzip.compress(b"")),
    ]:
        files.append(tmp_path / name)
        files[-1].write_bytes(content)
    files.insert(1, write_lines(tmp_path / "good", 3))
    out = tmp_path / "out"
    job = run(files, out)
    assert [os.path.getsize(out / name) > 0 for name in shards(out)] == [
        file.name == "good" for file in files
    ]
    assert job.problems.counts["file not read"] == 4
    bad = _bad_lines(out)
    assert [os.path.basename(one["file"]) for one in bad] == [
        *("empty", "blank", "empty_array", "packed")
    ]
    for one in bad:
        assert "empty" in one["reason"] or "no sentence" in one["reason"]
        assert one["raw"] is None


def test_the_same_name_in_several_folders(tmp_path):
    files = [
        write_lines(tmp_path / folder / "a.txt", 3, first=first)
        for folder, first in [("x", 0), ("y", 50)]
    ]
    out = tmp_path / "out"
    run(files, out)
    assert shards(out) == ["00000-a-000000.jsonl", "00001-a-000000.jsonl"]
    assert [s.text[:2] for s in _read(out)] == [
        *("a0", "a1", "a2"),
        *("a5", "a5", "a5"),
    ]


def test_odd_names(tmp_path):
    names = ["天" * 80 + ".jsonl", "a b\n*.tar.gz", os.fsdecode(b"\xff\xfe.x")]
    for name in names:
        (tmp_path / name).write_bytes(b"a1\n\xff\n")
    out = tmp_path / "out"
    run([tmp_path / name for name in names], out)
    assert shards(out) == [
        f"00000-{'天' * 33}-000000.jsonl",
        "00001-a_b__-000000.jsonl",
        "00002-__-000000.jsonl",
    ]
    assert len(_read(out)) == 3
    bad = _bad_lines(out)
    assert [os.path.basename(one["file"]) for one in bad] == [
        *names[:2],
        r"\xff\xfe.x",
    ]


DAMAGES = {
    "cut to nothing": lambda path: os.truncate(path, 0),
    "cut": lambda path: os.truncate(path, 100),
    "a flipped bit": lambda path: path.write_bytes(
        path.read_bytes()[:50] + b"\xff" + path.read_bytes()[51:]
    ),
    "gone": os.unlink,
}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize(
    "file", ["00001-b-000001.jsonl", "bad_lines/00001-b-000001.jsonl"]
)
def test_a_shard_that_is_not_what_was_written_is_done_again(
    tmp_path, name, file
):
    files = [write_lines(tmp_path / f"{n}.txt", 25) for n in "ab"]
    content = files[1].read_bytes().splitlines(keepends=True)
    files[1].write_bytes(b"".join([*content[:15], b"\xff\n", *content[15:]]))
    out = tmp_path / "out"
    run(files, out)
    before = tree(out)
    DAMAGES[name](out / file)
    predictor = FakePredictor()
    job = run(files, out, predictor=predictor)
    assert [text[:3] for text in predictor.seen] == [
        f"a{n}" for n in range(10, 20)
    ]
    (line,) = job.changed
    assert str(out / file) in line and line.endswith(": predicted again")
    assert tree(out) == before


def test_settings_that_change_no_entity_may_change(tmp_path):
    path = write_lines(tmp_path / "a.txt", 25)
    out = tmp_path / "out"
    settings = {"decoder": "exact", "batch_size": 64, "xla": False}
    run([path], out, settings=settings)
    (out / "00000-a-000001.jsonl").unlink()
    (out / "job" / "summary.json").unlink()
    smaller = settings | {"batch_size": 8}
    reading = {"on_bad_data": "error"}
    with pytest.raises(ConfigError, match="--decoder"):
        run([path], out, settings=smaller | {"decoder": "greedy"})
    run([path], out, settings=smaller, reading=reading)
    found = json.loads((out / "job" / "summary.json").read_text())
    first = {"batch_size": 64, "xla": False, "on_bad_data": "skip"}
    second = {"batch_size": 8, "xla": False, "on_bad_data": "error"}
    assert found["settings"] == [first | {"shards": 2}, second | {"shards": 1}]
    with opened([path], out, settings=settings) as job:  # and back
        assert job.is_complete


def test_the_remedy_for_bad_lines_helps_the_job_that_named_it(tmp_path):
    path = write_lines(tmp_path / "a.txt", 25)
    path.write_bytes(path.read_bytes() + b"\xff\n")
    out = tmp_path / "out"
    with pytest.raises(DataError, match="--on_bad_data=skip"):
        run([path], out, reading={"on_bad_data": "error"})
    predictor = FakePredictor()
    run([path], out, predictor=predictor)
    assert len(predictor.seen) == 5 and len(_read(out)) == 25


def test_the_summary_counts_what_there_is(tmp_path):
    files = [write_lines(tmp_path / f"{n}.txt", 25) for n in range(2)]
    files[0].write_bytes(files[0].read_bytes() + b"\xff\n")
    out = tmp_path / "out"
    run(files, out)
    path = out / "job" / "summary.json"
    found = json.loads(path.read_text())
    entities = sum(len(sentence.spans) for sentence in _read(out))
    assert (found["inputs"], found["shards"]) == (2, 6)
    assert (found["sentences"], found["entities"]) == (50, entities)
    assert (found["bad"], found["given_up"]) == (1, [])
    assert found["problems"]["bad sentence skipped"]["count"] == 1
    path.unlink()
    with opened(files, out) as job:
        job.run(None)
    assert json.loads(path.read_text()) == found
    (out / "00000-0-000001.jsonl").unlink()

    class Dying(FakePredictor):
        def predict(self, sentences, **decoding):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(files, out, predictor=Dying())
    assert not path.exists()  # it would be that of another state


def test_numbers_of_cluener_are_those_of_the_file(tmp_path):
    files = [write_lines(tmp_path / f"{n}.txt", 23) for n in range(2)]
    options = {"output_format": formats.Format.CLUENER}
    run(files, tmp_path / "out", **options)
    ids = [sentence.id for sentence in _read(tmp_path / "out")]
    assert ids == [str(number) for number in range(23)] * 2
    assert shards(tmp_path / "out")[0] == "00000-0-000000.json"


GOOD = '{"text": "a1"}'
BAD_CONTENT = {
    "broken JSON": (f'{GOOD}\n{{"text": \n{GOOD}\n', 2, "broken JSON"),
    "no text": (f'{GOOD}\n{{"txt": "a"}}\n{GOOD}\n', 2, "has no 'text'"),
    "not an object": (f"{GOOD}\n7\n{GOOD}\n", 2, "expected an object"),
    "array": (f'[{GOOD},\n{{"text"}},\n{GOOD}]', 2, "broken JSON"),
    "columns": ("a B-x\n1 I-x\n\na\n1 O\n\na O\n1 O\n", 4, "column"),
    "not UTF-8": (b"a1\n\xb5\xd8a\na1\n", 2, "not UTF-8"),
    "NUL": ("a1\na\0b\na1\n", 2, "NUL"),
    "too long": (f"a1\n{'b' * (TOO_LONG + 1)}\na1\n", 2, "too long"),
}
RAW = {"array": '{"text"}', "columns": "a\n1 O"}


@pytest.mark.parametrize("name", BAD_CONTENT)
@pytest.mark.parametrize("shard_size", [1, 10])
def test_bad_lines_go_to_a_side_file(tmp_path, name, shard_size):
    content, line, reason = BAD_CONTENT[name]
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "a").write_bytes(data)
    good = write_lines(tmp_path / "b", 2)
    out = tmp_path / "out"
    job = run([tmp_path / "a", good], out, shard_size=shard_size)
    texts = [sentence.text for sentence in _read(out)]
    assert texts == ["a1", "a1", *good.read_text().splitlines()]
    (bad,) = _bad_lines(out)
    assert bad["file"] == str(tmp_path / "a") and bad["line"] == line
    assert reason in bad["reason"]
    raw = RAW.get(name, "").encode() or data.splitlines()[1]
    if "raw_hex" in bad:
        assert name == "not UTF-8" and bad["raw"] == r"\xb5\xd8a"
        assert bytes.fromhex(bad["raw_hex"]) == raw
    else:
        assert bad["raw"].encode() == raw
    assert job.problems.counts == {"bad sentence skipped": 1}
    assert [shard.bad for shard in job.shards if shard.bad] == [1]


DAMAGED = {
    "cut off": (gzip.compress(b"a1\n" * 9)[:-9], "cannot be read on"),
    "not closed": (f"[{GOOD},{GOOD},".encode(), "not closed"),
    "UTF-16": ("a1\n".encode("utf-16"), "UTF-16"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_left_of_a_damaged_file_is_given_up(tmp_path, name):
    data, reason = DAMAGED[name]
    (tmp_path / "a").write_bytes(data)
    good = write_lines(tmp_path / "b", 12)
    out = tmp_path / "out"
    job = run([tmp_path / "a", good], out)
    (bad,) = _bad_lines(out)
    assert reason in bad["reason"] and bad["raw"] is None
    before = 2 if name == "not closed" else 0
    assert len(_read(out)) == before + 12
    kind = "file not read to its end" if before else "file not read"
    assert job.problems.counts[kind] == 1
    (given_up,) = job.given_up
    assert (given_up["input"], given_up["name"]) == (0, "a")
    assert given_up["sentences"] == before and reason in given_up["reason"]
    summary = json.loads((out / "job" / "summary.json").read_text())
    assert summary["given_up"] == job.given_up
    with opened([tmp_path / "a", good], out) as again:  # as long as it is so
        assert again.is_complete and again.given_up == job.given_up


def test_nothing_of_a_damaged_file_is_predicted(tmp_path):
    """Checksums stand at the end: text before them may be another one."""
    draw = random.Random(0)
    texts = "".join(f"{draw.randrange(10**9)}\n" for _ in range(20_000))
    data = bytearray(gzip.compress(texts.encode()))
    out = tmp_path / "out"
    for at in (len(data) // 4, len(data) // 2, len(data) - 50):
        damaged = bytes([*data[:at], data[at] ^ 4, *data[at + 1 :]])
        (tmp_path / f"{at}").write_bytes(damaged)
    files = sorted(tmp_path.iterdir())
    predictor = FakePredictor()
    job = run(files, out, predictor=predictor)
    assert not predictor.seen
    assert len(job.given_up) == len(files) == 3
    assert job.problems.counts == {"file not read": 3}


@pytest.mark.slow
def test_a_file_that_is_cut_off_is_predicted_up_to_there(tmp_path):
    draw = random.Random(0)
    texts = [f"{draw.randrange(10**9)}" for _ in range(60_000)]
    data = gzip.compress("\n".join(texts).encode())
    (tmp_path / "a").write_bytes(data[: len(data) * 9 // 10])
    (tmp_path / "b").write_bytes(gzip.compress(b"a1\n" * 30_000) + b"more")
    predictor = FakePredictor()
    job = run(
        [tmp_path / "a", tmp_path / "b"],
        tmp_path / "out",
        predictor=predictor,
        shard_size=10**6,
    )
    first, second = job.given_up
    count = first["sentences"]
    assert 20_000 < count < 60_000 and predictor.seen[:count] == texts[:count]
    assert second["sentences"] > 20_000


def test_the_machine_is_not_taken_for_damage(tmp_path, monkeypatch):
    """What can be read tomorrow is not given up today."""
    files = [tmp_path / "a", write_lines(tmp_path / "b", 3)]
    files[0].write_text(f"{'a' * 50}\n" * 2_000)  # more than is read at once
    out = tmp_path / "out"

    def read(self, size=lines.HEAD_BYTES):
        if self._lines_read:
            raise self.place(1).error("cannot be read on") from OSError(5, "no")
        chunk = self._stream.read(size)
        self._lines_read += chunk.count(b"\n")
        return chunk

    with monkeypatch.context() as patch:
        patch.setattr(lines.Source, "_read", read)
        with pytest.raises(DataError, match="cannot be read on"):
            run(files, out, shard_size=10_000)
    assert not shards(out)
    run(files, out, shard_size=10_000)
    assert len(_read(out)) == 2_003


def test_bad_lines_stop_the_job_if_that_is_wanted(tmp_path):
    path = write_lines(tmp_path / "a.txt", 25)
    path.write_bytes(path.read_bytes() + b"\xff\n")
    reading = {"on_bad_data": "error"}
    with pytest.raises(DataError, match=r"a\.txt:26: .* not UTF-8"):
        run([path], tmp_path / "out", reading=reading)
    assert len(shards(tmp_path / "out")) == 2
    # Nothing is left of the third.
    assert not list((tmp_path / "out").glob(".*"))


def test_what_cannot_be_written_is_counted_with_its_shard(tmp_path):
    (tmp_path / "a.txt").write_text("a1\n" * 11 + "1\t2\n")
    options = {
        "output_format": formats.Format.CONLL,
        "output_score": False,
    }
    job = run([tmp_path / "a.txt"], tmp_path / "out", **options)
    ((kind, (example,)),) = job.problems.examples.items()
    assert "tab, line break or NUL" in kind
    assert example.startswith("00000-a-000001.conll: sentence 1")


OTHERS = {
    "another model": ({"model": {"weights": "x"}}, r"the model \(weights\)"),
    "another setting": (
        {"settings": {"decoder": "greedy"}},
        r"--decoder \(exact there, greedy now\)",
    ),
    "another shard_size": (
        {"shard_size": 5},
        r"--shard_size \(10 there, 5 now\)",
    ),
    "another format": ({"reading": {"format": "text"}}, "--format"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_job_is_refused(tmp_path, name):
    changes, message = OTHERS[name]
    path = write_lines(tmp_path / "a.txt", 25)
    out = tmp_path / "out"
    run([path], out)
    before = tree(out)
    with pytest.raises(ConfigError, match=message) as caught:
        run([path], out, **changes)
    assert str(out) in caught.value.problem
    assert "another --output_dir" in caught.value.remedy
    assert tree(out) == before


def test_other_inputs_are_refused(tmp_path):
    files = [write_lines(tmp_path / f"{n}.txt", 5, first=n) for n in range(3)]
    out = tmp_path / "out"
    run(files[:2], out)
    for other, message in [
        (files, r"number of inputs \(2 there, 3 now\)"),
        (files[1::-1], r"content or order of inputs \(1\.txt and 1 others\)"),
        ([files[0], files[2]], r"content or order of inputs \(2\.txt\)"),
    ]:
        with pytest.raises(ConfigError, match=message):
            run(other, out)
    files[1].write_text(files[1].read_text().replace("b", "c"))
    with pytest.raises(ConfigError, match=r"inputs \(1\.txt\)"):
        run(files[:2], out)


def test_inputs_may_be_moved(tmp_path):
    path = write_lines(tmp_path / "old" / "a.txt", 25)
    run([path], tmp_path / "out")
    (tmp_path / "old").rename(tmp_path / "new")
    with opened([tmp_path / "new" / "a.txt"], tmp_path / "out") as job:
        assert job.is_complete


def test_an_input_that_changes_meanwhile_stops_the_job(tmp_path):
    path = write_lines(tmp_path / "a.txt", 25)

    class Intruder(FakePredictor):
        def predict(self, sentences, **decoding):
            yield from super().predict(sentences, **decoding)
            if len(self.seen) == 20:
                path.write_text("a1\n" + path.read_text())

    with pytest.raises(DataError, match=r"a\.txt: has changed while"):
        run([path], tmp_path / "out", predictor=Intruder())
    assert len(shards(tmp_path / "out")) == 1


def test_a_folder_of_other_files_is_refused(tmp_path):
    path = write_lines(tmp_path / "in" / "a.txt", 5)
    for out in (path.parent, path):
        before = tree(tmp_path)
        with pytest.raises(
            ConfigError, match=r"no bulk job wrote: a\.txt|not a f"
        ):
            run([path], out)
        assert tree(tmp_path) == before


def test_damaged_state_is_refused_or_done_again(tmp_path):
    path = write_lines(tmp_path / "a.txt", 35)
    out = tmp_path / "out"
    run([path], out)
    before = tree(out)
    journal = out / "job" / "shards.jsonl"
    for kept in (0, 5, len(journal.read_bytes()) - 1):
        journal.write_bytes(before["job/shards.jsonl"][:kept])
        run([path], out)
        assert tree(out) == before
    for content in ("", "[]", "{}", '{"format_version": 2}'):
        (out / "job" / "job.json").write_text(content)
        with pytest.raises(ConfigError, match=r"job\.json: not "):
            run([path], out)


@pytest.mark.parametrize(
    ("key", "value"),
    [("sentences", "10"), ("is_last", 1), ("problems", []), ("sha256", None)],
)
def test_lines_of_the_journal_that_hold_something_else(tmp_path, key, value):
    """They count as lost, and so do those behind them."""
    path = write_lines(tmp_path / "a.txt", 25)
    out = tmp_path / "out"
    run([path], out)
    before, journal = tree(out), out / "job" / "shards.jsonl"
    first, second, third = journal.read_text().splitlines()
    changed = json.dumps(json.loads(second) | {key: value})
    journal.write_text(f"{first}\n{changed}\n{third}\n")
    predictor = FakePredictor()
    run([path], out, predictor=predictor)
    assert len(predictor.seen) == 15 and tree(out) == before


def test_a_folder_has_one_process(tmp_path):
    path = write_lines(tmp_path / "a.txt", 5)
    with (
        opened([path], tmp_path / "out"),
        pytest.raises(ConfigError, match="another process writes to it"),
        opened([path], tmp_path / "out"),
    ):
        pass
    run([path], tmp_path / "out")


def test_inputs_are_looked_at_before_anything_is_made(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    for path, message in [(link, "cannot be read"), ("/dev/null", "a device")]:
        with pytest.raises(DataError, match=message):
            run([path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_patterns_and_the_folder_that_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.txt", "sub/c.txt"):
        write_lines(tmp_path / name, 5)
    expected = ["a.txt", "b.txt", "sub/c.txt"]
    for _ in range(2):  # the second time, there is something in it
        found = find_files(["**/*"], output_dir="out")
        assert found == expected
        run(found, "out")
    assert len(find_files(["**/*"])) > 3
    with pytest.raises(DataError, match=r"this is in --output_dir=out"):
        find_files(["out/job/job.json"], output_dir="out")
    for patterns, message in [
        (["no*"], r"^no\*: there is no such file, and as a pattern"),
        (["s*"], r"^s\*: there is no such file"),  # a folder alone
        (["out/*"], r"^out/\*: all that it matches is in --output_dir=out"),
        (["sub"], r"this is a folder; .*'sub/\*'"),
        ([], "no file is named"),
    ]:
        with pytest.raises(DataError, match=message):
            find_files(patterns, output_dir="out")


class _Forgetful(FakePredictor):
    def predict(self, sentences, **decoding):
        for sentence in super().predict(sentences, **decoding):
            self.seen.clear()
            yield sentence


def _peak(tmp_path, count):
    """Most memory that it takes to predict so many lines."""
    path = tmp_path / f"{count}.txt"
    with path.open("wb") as file:
        for number in range(count):
            bad = number % 50 == 7
            file.write(b"\xff\n" if bad else b"a%-48d\n" % number)
    tracemalloc.start()
    job = run(
        [path], tmp_path / f"{count}", predictor=_Forgetful(), shard_size=4_000
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert job.sentences == count - count // 50
    return peak


@pytest.mark.slow
def test_memory_is_constant(tmp_path):
    few = _peak(tmp_path, 1_500)  # more than is read at once
    many = _peak(tmp_path, 15_000)
    # The lines alone would be 675 kB, their sentences megabytes.
    assert many < 2 * few


def test_progress_says_speed_and_time_left(tmp_path, monkeypatch):
    files = [write_lines(tmp_path / f"{n}.txt", 600) for n in range(2)]
    out = tmp_path / "out"

    def bars():
        """What stands in the terminal, one after the other."""
        terminal = io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stderr", terminal)
            with opened(files, out, shard_size=200) as job:
                job.run(FakePredictor())
        return terminal.getvalue().strip().split("\r"), job

    lines, _ = bars()
    pattern = r"predicting: 100%\|.*\| \d\d:\d\d<00:00, 1,200 sentences, [\d,]+"
    assert re.fullmatch(pattern + " a second", lines[-1])
    # What was done before counts as done, but not for the speed.
    (out / "00001-1-000002.jsonl").unlink()
    lines, job = bars()
    assert re.search(r"\| \d\d:\d\d<[\d:?]+, 200 sentences, ", lines[-1])
    assert job.sentences == 200
