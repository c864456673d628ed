"""run_predict.py --output_dir: many files, kills, bad lines, refusals."""

import gzip
import json
import subprocess
import sys
import time

import pytest
import tiny
from command_harness import run_all

from biaffine_tf import formats

SHARD_SIZE = 40

pytestmark = pytest.mark.slow  # runs commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model and texts, plain and packed, with bad lines here and there."""
    folder = tmp_path_factory.mktemp("bulk")
    for name, seed in [("model", 3), ("other", 4)]:
        tiny.write_model(folder / name, model_seed=seed)
        tiny.add_onnx(folder / name)
    (folder / "texts").mkdir()
    for number in range(3):
        lines = [
            json.dumps({"id": s.id, "text": s.text}).encode() + b"\n"
            for s in tiny.sentences(500, seed=number)
        ]
        lines[100 * number + 1] = b'{"text": "ab\n'
        lines[300] = b'{"text": "\xcc\xec"}\n'
        path = folder / "texts" / f"{number}.jsonl"
        path.write_bytes(b"".join(lines))
    packed = gzip.compress(path.read_bytes())
    path.with_suffix(".jsonl.gz").write_bytes(packed)
    path.unlink()
    (folder / "long.txt").write_text("ab\n" + "ab天" * 20 + "\ncd\n")
    (folder / "damaged").mkdir()
    good, other = bytearray(packed), bytearray(packed)
    other[len(other) // 2] ^= 1
    (folder / "damaged" / "a.jsonl.gz").write_bytes(good)
    (folder / "damaged" / "b.jsonl.gz").write_bytes(other)
    (folder / "damaged" / "c.xlsx").write_bytes(b"PK\x03\x04" + bytes(40))
    return folder


def _flags(folder, out, *flags, inputs="texts/*", model="model"):
    return [
        "run_predict.py",
        f"--model_dir={folder / model}",
        f"--input={inputs if ',' in inputs else folder / inputs}",
        f"--output_dir={folder / out}",
        f"--shard_size={SHARD_SIZE}",
        "--output_score",
        *flags,
    ]


def _tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _keys(paths, **options):
    return [
        (s.id, s.text, {span.key for span in s.spans})
        for path in paths
        for s in formats.read(path, formats.ReadOptions(**options))
    ]


@pytest.fixture(scope="module")
def outcomes(folder):
    """Outcomes of calls in one process, in this order."""
    files = sorted((folder / "texts").iterdir())
    repeated = [f"--input={file}" for file in files[1:]]
    calls = {
        "first": _flags(folder, "out"),
        **{
            f"alone {file.name}": [
                "run_predict.py",
                f"--model_dir={folder / 'model'}",
                f"--input={file}",
                f"--output={folder / file.name}.alone",
                "--on_bad_data=skip",
            ]
            for file in files
        },
        "commas": _flags(folder, "commas", inputs=",".join(map(str, files))),
        "repeated": _flags(
            folder, "repeated", *repeated, inputs="texts/0.jsonl"
        ),
        "too long": _flags(
            folder, "long", "--long_text=error", inputs="long.txt"
        ),
        "matched twice": _flags(
            folder,
            "twice",
            f"--input={files[1]}",
            f"--input={folder}/texts/../texts/?.jsonl",
            f"--input={folder}/*/2.json*",
            inputs="texts/0*",
        ),
        "given up": _flags(folder, "given_up", inputs="damaged/*"),
        "given up, again": _flags(folder, "given_up", inputs="damaged/*"),
        "another batch size": _flags(folder, "two"),
    }
    # The first shards are gone when it is gone on with.
    outcomes = run_all(list(calls.values()))
    for shard in sorted((folder / "two").glob("*.jsonl"))[:3]:
        shard.write_bytes(b"")
    calls["less memory"] = _flags(folder, "two", "--batch_size=3")
    outcomes += run_all([calls["less memory"]])
    return dict(zip(calls, outcomes, strict=True))


def test_all_files_are_predicted_in_order(folder, outcomes):
    for name, outcome in outcomes.items():
        code = 3 if name.startswith("given up") else 0
        assert outcome.code == code, (name, outcome.err)
        assert "Traceback" not in outcome.err and not outcome.out
    names = sorted(p.name for p in (folder / "out").glob("*.jsonl"))
    assert len(names) == 3 * -(-498 // SHARD_SIZE)
    assert names[0] == "00000-0-000000.jsonl"
    alone = sorted(folder.glob("*.alone"))
    found = _keys(folder / "out" / name for name in names)
    assert found == _keys(alone)
    assert len(found) == 3 * 498 and sum(len(keys) for *_, keys in found)
    entities = sum(len(keys) for *_, keys in found)
    err = outcomes["first"].err
    assert (
        f"{folder / 'out'}: {entities} entities in {3 * 498} sentences of 3 "
        f"files, in {len(names)} shards, "
    ) in err
    assert "bad sentence skipped: 6 (first: " in err
    assert f"{folder / 'out' / 'bad_lines'}: what could not be read (6)" in err
    assert " a second" in err.splitlines()[-1]


def test_files_given_up_have_an_exit_code_and_are_named(folder, outcomes):
    summary = folder / "given_up" / "job" / "summary.json"
    found = json.loads(summary.read_text(encoding="utf-8"))
    assert [(one["name"], one["sentences"]) for one in found["given_up"]] == [
        ("b.jsonl.gz", 0),
        ("c.xlsx", 0),
    ]
    assert found["sentences"] == 498
    for name in ("given up", "given up, again"):
        err = outcomes[name].err
        assert "given up: c.xlsx: is a ZIP archive" in err
        assert f"exit code 3: 2 of 3 files were given up; {summary}" in err


def test_a_smaller_batch_size_goes_on_with_a_job(folder, outcomes):
    names = sorted(p.name for p in (folder / "two").glob("*.jsonl"))
    found, whole = (
        _keys(folder / out / name for name in names) for out in ("two", "out")
    )
    assert found == whole
    path = folder / "two" / "job" / "summary.json"
    settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
    assert [(one["batch_size"], one["shards"]) for one in settings] == [
        (3, 3),
        (64, len(names) - 3),
    ]
    err = outcomes["less memory"].err
    assert err.count(" has 0 bytes instead of ") == 3


def test_files_by_commas_and_repeated_flags(folder, outcomes):
    for name in ("commas", "repeated", "twice"):
        assert _tree(folder / name) == _tree(folder / "out")


def test_too_long_texts_are_bad_lines_if_they_are_errors(folder, outcomes):
    (path,) = (folder / "long").glob("*.jsonl")
    assert [s.text for s in formats.read(path)] == ["ab", "cd"]
    (side,) = (folder / "long" / "bad_lines").iterdir()
    bad = json.loads(side.read_text(encoding="utf-8"))
    assert (bad["line"], bad["raw"]) == (2, "ab天" * 20)
    assert "60 tokens" in bad["reason"]


def test_killed_the_bytes_are_the_same(folder, outcomes, root):
    """At any moment: tests/inference/test_bulk_kills.py."""
    out = folder / "killed"
    journal = out / "job" / "shards.jsonl"
    command = [sys.executable, *_flags(folder, "killed")]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") > 3:
            break
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -9, "it was done before"
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    assert _tree(out) == _tree(folder / "out")


REFUSED = {
    "another model": ({"model": "other"}, "the model (weights.safetensors)"),
    "another decoder": (["--decoder=greedy"], "--decoder (exact there"),
    "other inputs": ({"inputs": "texts/*.jsonl"}, "3 there, 2 now"),
    "scores left out": (["--nooutput_score"], "--output_score (True there"),
    "no input": ({"inputs": "none*"}, "as a pattern it matches none"),
    "both outputs": (["--output=x"], "--output and --output_dir are both"),
    "its own output": (
        {"inputs": "out/job/job.json"},
        "this is in --output_dir=",
    ),
    "shard size": (["--shard_size=0"], "--shard_size must be "),
    "standard input": ({"inputs": "-,"}, "--input=- can be read once"),
}
REFUSED_FILES = {
    "several files": ["--input=a,b", "--output=x"],
    "a pattern": ["--input=*.txt", "--output=x"],
    "shards of a file": ["--input=a", "--output=x", "--shard_size=5"],
}


def test_refusals_and_what_is_complete_load_no_tensorflow(folder, outcomes):
    calls = {"complete": _flags(folder, "out")}
    for name, (changes, _) in REFUSED.items():
        flags, options = ([], changes)
        if isinstance(changes, list):
            flags, options = changes, {}
        calls[name] = _flags(folder, "out", *flags, **options)
    for name, flags in REFUSED_FILES.items():
        calls[name] = ["run_predict.py", f"--model_dir={folder / 'model'}"]
        calls[name] += flags
    before = _tree(folder)
    found = dict(zip(calls, run_all(list(calls.values())), strict=True))
    assert _tree(folder) == before
    for name, outcome in found.items():
        assert not outcome.tensorflow, name
        if name == "complete":
            assert outcome.code == 0
            assert "it was complete already" in outcome.err
            continue
        assert outcome.code == 2, name
        (line,) = outcome.err.splitlines()
        assert line.startswith("error: ")
        assert "; " in line or " must be " in line
        said = REFUSED[name][1] if name in REFUSED else "--output_dir"
        assert said in line
