"""run_predict.py: every format in, every format out, then scored."""

import gzip
import itertools
import json
import subprocess
import sys

import pytest
import tiny
from command_harness import run_all

from biaffine_tf import evaluation, formats
from biaffine_tf.commands.evaluate import main as evaluate
from biaffine_tf.config import DecodingConfig, ExperimentConfig
from biaffine_tf.formats import ReadOptions
from biaffine_tf.inference import loading

TEXTS = ["ab天地", "a", "人 山", "fgh水。天", "", "龘"]
INPUTS = {
    "cluener.json": '{"text": "ab天", "label": {"x": {"b": [[1, 1]]}}}\n'
    '{"id": 2, "text": "人 山", "label": {}}\n',
    "unlabelled.json": '{"id": 0, "text": "ab天"}\n',
    "ours.jsonl": "".join(
        json.dumps({"id": f"s{i}", "text": text, "spans": []}) + "\n"
        for i, text in enumerate(TEXTS)
    ),
    "array.json": '[{"text": "ab天", "spans": []}, {"text": "a"}]',
    "cmeee.json": '[{"text": "ab天", "entities": [{"start_idx": 0, '
    '"end_idx": 1, "type": "x", "entity": "ab"}]}]',
    "genia.jsonl": '{"tokens": ["ab", "c1", ",", "fg"], "entity_mentions": '
    '[{"start": 0, "end": 1, "entity_type": "x"}]}\n',
    "chars.conll": "a\tB-x\nb\tI-x\n天\tO\n\n人\tO\n山\tB-x\n",
    "words.conll": "abc B-x\n, O\nfgh1 O\n\nab O\nc O\n",
    "text.txt": "ab天地\n\n人山 水火\n",
}
OUTPUTS = ["cluener", "span_jsonl", "conll"]
LOST = "span not written: it does not fall on tokens"

pytestmark = pytest.mark.slow  # every test runs commands


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    for name, content in INPUTS.items():
        (folder / name).write_text(content, encoding="utf-8")
    for name, nested in [("flat", False), ("nested", True)]:
        config = ExperimentConfig(
            model=tiny.model_config(), decoding=DecodingConfig(nested=nested)
        )
        tiny.write_model(folder / name, config, model_seed=3)
        tiny.add_onnx(folder / name)
    return folder


def _calls(folder):
    calls = {}

    def call(name, *flags, model="nested", source="ours.jsonl"):
        calls[name] = [
            f"--model_dir={folder / model}",
            f"--input={folder / source}",
            f"--output={folder / 'out' / name}",
            *flags,
        ]

    call("scores.jsonl", "--output_score")
    call("scores.json", "--output_score", "--output_format=cluener")
    call("nested.jsonl")
    call("nested_not.jsonl", "--nonested", "--engine=tensorflow")
    call("flat.jsonl", model="flat")
    call("flat_nested.jsonl", "--nested", model="flat")
    call("nested.conll", "--output_format=conll")
    call("one.conll", "--output_format=conll", "--output_layers=1")
    call("many.conll", "--output_format=conll", "--output_layers=30")
    call("packed.jsonl.gz")
    call("skipped.jsonl", "--on_bad_data=skip", source="bad.jsonl")
    call("long.jsonl", source="long.txt")
    call("cut.jsonl", "--long_text=truncate", source="long.txt")
    call("overlap.jsonl", "--window_overlap=3", source="long.txt")
    call("none_long.jsonl", "--long_text=error")
    call("numbered.jsonl", source="text.txt")
    call("joined.jsonl", source="keys.jsonl")
    call("joined.json", "--output_format=cluener", source="keys.jsonl")
    calls["text"] = [f"--model_dir={folder / 'flat'}", "--text=ab\t天地"]
    calls["no text"] = [f"--model_dir={folder / 'flat'}", "--text="]
    return calls


@pytest.fixture(scope="module")
def outcomes(folder):
    """Outcomes of the calls, by name."""
    calls = _calls(folder)
    (folder / "out").mkdir(exist_ok=True)
    (folder / "bad.jsonl").write_text('{"text": "ab"}\n{"text"}\n')
    (folder / "keys.jsonl").write_text(
        '{"text": "ab天", "url": "a/1", "spans": "wrong"}\n'
        '{"id": "7", "text": "ab", "url": "a/2", "spans": [{"start": 9}]}\n\n'
        '{"text": "天a", "url": "a/3", "entities": {}}\n'
    )
    (folder / "long.txt").write_text("ab天 " * 30 + "\nab\n")
    done = run_all(
        [["run_predict.py", *flags] for flags in calls.values()],
        has_loaded=True,
    )
    outcomes = dict(zip(calls, done, strict=True))
    for outcome in outcomes.values():
        assert outcome.code == 0, outcome.err
        assert "Traceback" not in outcome.err
    leftovers = [p for p in (folder / "out").iterdir() if "tmp" in p.name]
    assert not leftovers
    return outcomes


@pytest.fixture(scope="module")
def matrix(folder):
    """Problems of each format in and out: what the command calls."""
    found = {}
    (folder / "out").mkdir(exist_ok=True)
    with loading.load(str(folder / "flat"), {}) as predictor:
        for name, output_format in itertools.product(INPUTS, OUTPUTS):
            problems = formats.Problems()
            formats.write(
                folder / "out" / f"{name}.{output_format}",
                predictor.predict(formats.read(folder / name)),
                output_format,
                problems=problems,
            )
            found[name, output_format] = problems.counts
    return found


def _read(path, columns=(-1,)):
    return list(formats.read(path, ReadOptions(tag_columns=tuple(columns))))


def _keys(sentences):
    return [{span.key for span in s.spans or ()} for s in sentences]


@pytest.mark.parametrize("name", INPUTS)
def test_every_format_in_and_out(folder, matrix, name):
    inputs = _read(folder / name)
    want = None
    for output_format in OUTPUTS:
        path = folder / "out" / f"{name}.{output_format}"
        found = _read(path)
        if output_format == "conll":
            written = [s for s in inputs if s.text]
            assert [s.text for s in found] == [s.text for s in written]
            lost = LOST in matrix[name, output_format]
            assert all(
                a <= b or lost
                for a, b in zip(
                    _keys(found),
                    [k for k, s in zip(want, inputs, strict=True) if s.text],
                    strict=True,
                )
            )
            continue
        assert [s.text for s in found] == [s.text for s in inputs]
        assert all(s.score is None for f in found for s in f.spans)
        if output_format == "span_jsonl":
            assert [s.id for s in found] == [s.id for s in inputs]
        want = want or _keys(found)
        assert _keys(found) == want, output_format
    assert any(want)


@pytest.mark.parametrize("name", ["chars.conll", "words.conll", "genia.jsonl"])
def test_columns_keep_the_tokens_of_the_input(folder, matrix, name):
    found = _read(folder / "out" / f"{name}.conll")
    assert [s.words for s in found] == [s.words for s in _read(folder / name)]
    for sentence in found:
        starts = {start for start, _ in sentence.words}
        ends = {end for _, end in sentence.words}
        for span in sentence.spans:
            assert span.start in starts and span.end in ends


def test_entities_that_fall_on_no_tokens_are_counted(folder, matrix):
    kept = sum(map(len, _keys(_read(folder / "out" / "words.conll.conll"))))
    path = folder / "out" / "words.conll.span_jsonl"
    found = sum(map(len, _keys(_read(path))))
    assert matrix["words.conll", "conll"][LOST] == found - kept > 0


@pytest.mark.parametrize("name", ["chars.conll", "cmeee.json", "ours.jsonl"])
@pytest.mark.parametrize("output_format", OUTPUTS)
def test_what_is_written_can_be_scored(
    folder, matrix, name, output_format, capsys
):
    if name == "ours.jsonl" and output_format == "conll":
        pytest.skip("columns hold no empty sentence")
    path = folder / "out" / f"{name}.{output_format}"
    assert evaluate([str(folder / name), str(path), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["sentences"] == len(_read(folder / name))
    pairs = zip(_read(folder / name), _read(path), strict=True)
    assert scores["micro"] == evaluation.score(pairs).to_json()["micro"]


def test_scores_on_demand(folder, outcomes):
    plain = _read(folder / "out" / "nested.jsonl")
    total = sum(map(len, _keys(plain)))
    said = f"{total} entities in {len(TEXTS)} sentences"
    assert said in outcomes["nested.jsonl"].err
    for name in ("scores.jsonl", "scores.json"):
        found = _read(folder / "out" / name)
        assert _keys(found) == _keys(plain)
        assert all(0 < s.score <= 1 for f in found for s in f.spans)


def _overlaps(sentences):
    return sum(
        max(a.start, b.start) < min(a.end, b.end)
        for sentence in sentences
        for a, b in itertools.combinations(sentence.spans, 2)
    )


def test_nested_as_trained_or_as_told(folder, outcomes):
    nested = _read(folder / "out" / "nested.jsonl")
    flat = _read(folder / "out" / "flat.jsonl")
    assert _overlaps(nested) > 0 == _overlaps(flat)
    assert _keys(_read(folder / "out" / "nested_not.jsonl")) == _keys(flat)
    assert _keys(_read(folder / "out" / "flat_nested.jsonl")) == _keys(nested)


def _lost(err):
    lines = [x for x in err.splitlines() if "all layers of tags are" in x]
    return int(lines[0].split(": ")[2].split()[0]) if lines else 0


@pytest.mark.parametrize(
    ("name", "layers"),
    [("one.conll", 1), ("nested.conll", 3), ("many.conll", 30)],
)
def test_nested_entities_in_columns_are_written_or_counted(
    folder, outcomes, name, layers
):
    want = [s for s in _read(folder / "out" / "nested.jsonl") if s.text]
    columns = range(1, layers + 1)
    found = _read(folder / "out" / name, columns)
    for few, all_ in zip(_keys(found), _keys(want), strict=True):
        assert few <= all_
    missing = sum(map(len, _keys(want))) - sum(map(len, _keys(found)))
    assert missing == _lost(outcomes[name].err)
    assert (missing == 0) == (layers == 30)
    hint = f"--tag_columns={','.join(map(str, columns))}"
    assert (hint in outcomes[name].err) == (layers > 1)


def test_compressed_by_name(folder, outcomes):
    path = folder / "out" / "packed.jsonl.gz"
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    assert _keys(_read(path)) == _keys(_read(folder / "out" / "nested.jsonl"))


def test_skipped_sentences_are_said(folder, outcomes):
    assert "bad sentence skipped: 1" in outcomes["skipped.jsonl"].err
    assert len(_read(folder / "out" / "skipped.jsonl")) == 1


def _farthest(folder, name):
    """Where the last entity of the long text ends."""
    long, short = _read(folder / "out" / name)
    assert len(long.text) == 120 and short.text == "ab"
    return max(span.end for span in long.spans)


def test_long_texts_are_read_in_windows(folder, outcomes):
    said = "1 longer than the model's max_seq_length: read in windows; no "
    for name, overlap in [("long.jsonl", 38 // 4), ("overlap.jsonl", 3)]:
        assert _farthest(folder, name) > 110
        assert f"{said}entity of up to {overlap} tokens" in outcomes[name].err


def test_long_texts_are_cut_if_told(folder, outcomes):
    assert _farthest(folder, "cut.jsonl") <= 38
    err = outcomes["cut.jsonl"].err
    assert "1 longer than the model's max_seq_length: cut" in err


def test_nothing_is_said_of_long_texts_where_there_are_none(outcomes):
    assert "max_seq_length" not in outcomes["none_long.jsonl"].err


def test_a_text_on_the_command_line(outcomes):
    lines = outcomes["text"].out.splitlines()
    assert lines
    for line in lines:
        start, end, label, text, score = line.split("\t")
        assert text == "ab\t天地"[int(start) : int(end)].replace("\t", "\\t")
        assert label in tiny.LABELS and 0 < float(score) <= 1
    assert outcomes["no text"].out == ""


def test_standard_output_holds_nothing_but_entities(outcomes):
    for name, outcome in outcomes.items():
        assert not outcome.out or name == "text"


def test_pipes(folder, root):
    """From a pipe to the end of a file, as `zcat | run_predict >> FILE`."""
    out = folder / "appended.jsonl"
    out.write_bytes(b"before\n")
    with out.open("ab") as file:
        done = subprocess.run(
            [
                sys.executable,
                "run_predict.py",
                f"--model_dir={folder / 'nested'}",
                "--input=-",
                "--output=-",
            ],
            input=(folder / "ours.jsonl").read_bytes(),
            stdout=file,
            stderr=subprocess.PIPE,
            cwd=root,
            check=True,
        )
    assert b"standard output: " in done.stderr
    first, rest = out.read_bytes().split(b"\n", 1)
    assert first == b"before"
    out.write_bytes(rest)
    options = ReadOptions(format="span_jsonl")
    assert [s.text for s in formats.read(out, options)] == TEXTS


STREAMS = {
    ("--input=-", "--output=-", "--text=a"): "both write to standard output",
    ("--input=-", "--output_dir=x"): "--input=- can be read once",
    ("--input=a", "--output_dir=-"): "--output_dir=- is no folder",
    ("--input=data.zip", "--output=-"): "is a ZIP archive",
    ("--input=damaged.gz", "--output=-"): "is damaged (CRC check failed",
}


def test_streams_and_files_that_cannot_be(folder):
    (folder / "data.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    texts = "".join(f"{number * 7919}\n" for number in range(30_000))
    data = bytearray(gzip.compress(texts.encode(), mtime=0))
    data[-5] ^= 1  # of its checksum
    (folder / "damaged.gz").write_bytes(data)
    calls = [
        ["run_predict.py", f"--model_dir={folder / 'flat'}"]
        + [one.replace("=da", f"={folder}/da") for one in flags]
        for flags in STREAMS
    ]
    for outcome, said in zip(run_all(calls), STREAMS.values(), strict=True):
        assert outcome.code == 2 and not outcome.tensorflow
        (line,) = outcome.err.splitlines()
        assert line.startswith("error: ") and said in line
        assert not outcome.out


def test_what_joins_predictions_to_their_inputs(folder, outcomes):
    for name, keys in (("joined.jsonl", "spans"), ("joined.json", "label")):
        lines = (folder / "out" / name).read_text(encoding="utf-8").splitlines()
        found = list(map(json.loads, lines))
        assert [one["url"] for one in found] == ["a/1", "a/2", "a/3"]
        assert [one.get("line") for one in found] == [1, None, 4]
        assert found[1]["id"] == "7"
        assert all(one[keys] for one in found)
    lines = (folder / "out" / "numbered.jsonl").read_text(encoding="utf-8")
    found = list(map(json.loads, lines.splitlines()))
    assert [(one["line"], one["text"]) for one in found] == [
        (1, "ab天地"),
        (3, "人山 水火"),
    ]
    assert "blank line passed over: 1" in outcomes["numbered.jsonl"].err
