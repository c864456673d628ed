"""A new format is one module, and known everywhere else by itself."""

import copy
import gzip
import json
import os
import pathlib
import pickle
import subprocess
import sys

import pytest
import toy_format
from inference import bulk_runs

from biaffine_tf import formats
from biaffine_tf.commands.describe_data import main as describe
from biaffine_tf.commands.evaluate import main as evaluate
from biaffine_tf.errors import ConfigError
from biaffine_tf.formats import registry
from biaffine_tf.spans import Sentence, Span

CONTENT = "<toy>\n[Ann|person] saw [Ely|place]\nnobody\n"
ANN = Sentence("Ann saw Ely", (Span(0, 3, "person"), Span(8, 11, "place")))


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A file of a format that is registered for a test."""
    monkeypatch.setattr(registry, "_FORMATS", dict(registry._FORMATS))
    formats.register(toy_format.FORMAT)
    path = tmp_path / "data"
    path.write_text(CONTENT)
    yield path
    del formats.Format.TOY


def test_it_is_recognised_read_and_written(toy, tmp_path):
    assert formats.detect_format(toy) is toy_format.FORMAT
    found = list(formats.read(toy))
    assert [(one.text, one.spans, one.line) for one in found] == [
        (ANN.text, ANN.spans, 2),
        ("nobody", (), 3),
    ]
    options = formats.ReadOptions(format="toy")
    assert options.format is formats.Format.TOY is toy_format.FORMAT
    nested = ANN.replace_spans([*ANN.spans, Span(1, 2, "x", 0.5)])
    ours = _write(tmp_path / "a", [nested], "span_jsonl")
    problems = formats.Problems()
    again = _write(
        *(tmp_path / "b", formats.read(ours), "toy"), problems=problems
    )
    assert again.read_text() == CONTENT.replace("nobody\n", "")
    assert sum(problems.counts.values()) == 2
    assert "score not written: Toy holds none" in problems.counts


def _write(path, sentences, name, **options):
    formats.write(path, sentences, name, with_scores=True, **options)
    return path


def test_commands_know_it(toy, tmp_path, capsys):
    assert describe([str(toy), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["format"], found["spans"]) == ("toy", 2)
    ours, back = tmp_path / "ours.jsonl", tmp_path / "back.toy.gz"
    for old, new, name in ((toy, ours, "span_jsonl"), (ours, back, "toy")):
        arguments = [str(old), f"--to={name}", f"--output={new}"]
        assert describe(arguments) == 0
    assert gzip.decompress(back.read_bytes()).decode() == CONTENT
    arguments = [str(ours), str(back), "--predicted_format=toy", "--json"]
    assert evaluate(arguments) == 0
    assert json.loads(capsys.readouterr().out)["micro"]["f1"] == 1
    with pytest.raises(SystemExit):
        evaluate(["--help"])
    names = ",".join(sorted(formats.all_formats()))
    assert "toy" in names
    shown = "".join(capsys.readouterr().out.split())
    assert f"--gold_format{{{names}}}" in shown


def test_formats_that_are_only_read_are_refused_by_name(tmp_path, capsys):
    with pytest.raises(SystemExit):
        describe(["x.csv", "--to=csv", f"--output={tmp_path}/y.csv"])
    shown = capsys.readouterr().err
    assert "'conll'" in shown and "<" not in shown


HELP = """
import runpy, sys
import toy_format
from biaffine_tf import formats

formats.register(toy_format.FORMAT)
sys.argv = ["run_predict.py", "--help"]
runpy.run_path("run_predict.py", run_name="__main__")
"""


def test_flags_know_it(root):
    paths = [str(root), str(pathlib.Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", HELP],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = " ".join(done.stdout.split()).replace("| ", "|")
    names = [*sorted([*formats.all_formats(), "toy"])]
    assert f"--format={'|'.join(names)}" in shown
    for name in ("csv", "excel", "text"):  # hold no spans
        names.remove(name)
    assert f"--output_format={'|'.join(names)}" in shown


def test_bulk_prediction_knows_it(toy, tmp_path):
    out = tmp_path / "out"
    bulk_runs.run([toy], out, output_format=toy_format.FORMAT)
    (name,) = bulk_runs.shards(out)
    assert name == "00000-data-000000.toy"
    assert (out / name).read_text() == "<toy>\nAnn saw Ely\nnobody\n"


def test_unknown_names_are_refused_with_the_known_ones(toy):
    for wrong in (
        lambda: formats.find_format("xml"),
        lambda: formats.ReadOptions(format="xml"),
        lambda: formats.write("f", [], "xml"),
    ):
        with pytest.raises(ConfigError, match="cannot be 'xml'; choose one of"):
            wrong()
    with pytest.raises(
        ConfigError, match=", ".join(sorted(formats.all_formats()))
    ):
        formats.find_format("xml")


def test_a_format_is_its_name():
    """In JSON, in fingerprints, in other processes, as of the earlier enum."""
    for one in formats.all_formats():
        assert json.dumps(one) == f'"{one}"' == json.dumps(one.name)
        assert pickle.loads(pickle.dumps(one)) is one is copy.deepcopy(one)
        assert getattr(formats.Format, one.upper()) is one
    assert repr(formats.Format.CONLL) == "<Format.CONLL: 'conll'>"
