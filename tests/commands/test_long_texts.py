"""run_classifier.py on texts of which no more than a part is read at once."""

import json
import re

import pytest
import tiny
from command_harness import run_all

from biaffine_tf import formats
from biaffine_tf.spans import Sentence, Span

COUNTS = {"train": 36, "dev": 4}
MAX_TOKENS = 16

pytestmark = pytest.mark.slow  # trains


def _documents(count, *, seed):
    """Documents of ten sentences, which windows do not fall together with."""
    documents = []
    sentences = tiny.sentences(10 * count, seed=seed)
    for number in range(count):
        text, spans = "", []
        for sentence in sentences[10 * number : 10 * number + 10]:
            spans += [
                Span(s.start + len(text), s.end + len(text), s.label)
                for s in sentence.spans
            ]
            text += sentence.text
        documents.append(Sentence(text, tuple(spans)))
    return documents


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    for name, count in COUNTS.items():
        formats.write(
            folder / f"{name}.jsonl",
            _documents(count, seed=count),
            "span_jsonl",
        )
    tiny.write_encoder_files(folder)
    return folder


@pytest.fixture(scope="module")
def outcomes(folder):
    calls = {
        name: [
            "run_classifier.py",
            f"--train_data={folder / 'train.jsonl'}",
            f"--eval_data={folder / 'dev.jsonl'}",
            f"--vocab_file={folder / 'vocab.txt'}",
            f"--bert_config_file={folder / 'bert_config.json'}",
            f"--output_dir={folder / name}",
            f"--max_seq_length={MAX_TOKENS + 2}",
            "--learning_rate=1e-2",
            "--train_batch_size=8",
            "--num_buckets=2",
            "--num_train_epochs=1",
            "--nested",
            *flags,
        ]
        for name, flags in {
            "windows": ["--window_overlap=7", "--num_train_epochs=12"],
            "cut": ["--long_text=truncate"],
            # Windows of four tokens: what is wider is in none.
            "split": ["--window_overlap=0", "--max_seq_length=6"],
        }.items()
    }
    outcomes = dict(
        zip(calls, run_all(list(calls.values()), has_loaded=True), strict=True)
    )
    for outcome in outcomes.values():
        assert outcome.code == 0, outcome.err
    return outcomes


def _scores(folder, name):
    return json.loads((folder / name / "scores.json").read_text())


def test_windows_lose_no_span_and_count_themselves(folder, outcomes):
    scores = _scores(folder, "windows")
    for part, name in [("training", "train"), ("eval", "dev")]:
        count = COUNTS[name]
        counts = scores[f"{part}_counts"]
        assert counts["sentences"] == counts["windowed_sentences"] == count
        assert counts["windows"] > 4 * count
        assert counts["cells"] == counts["spans"] > 15 * count
        said = (
            f"{part} data: {count} sentences longer than --max_seq_length; "
            f"{counts['windows']} windows in all"
        )
        assert said in outcomes["windows"].out
    config = json.loads((folder / "windows" / "config.json").read_text())
    # No training text has several lines: each line is a text of its own.
    assert config["model"]["long_text"] == "line"
    assert config["model"]["window_overlap"] == 7


def test_dev_scores_are_of_whole_documents(folder, outcomes):
    """Learnt in windows, found in windows."""
    predicted = list(formats.read(folder / "windows" / "predictions.jsonl"))
    gold = list(formats.read(folder / "dev.jsonl"))
    for found, want in zip(predicted, gold, strict=True):
        assert found.text == want.text
        assert max(span.end for span in found.spans) > len(want.text) - 15
    counts = _scores(folder, "cut")["eval_counts"]
    within_the_cut = counts["cells"] / counts["spans"]
    recall = _scores(folder, "windows")["micro"]["recall"]
    assert recall > 0.4 > within_the_cut


def test_what_is_cut_is_counted(folder, outcomes):
    scores = _scores(folder, "cut")
    for part, name in [("training", "train"), ("eval", "dev")]:
        count = COUNTS[name]
        counts = scores[f"{part}_counts"]
        assert counts["cut_sentences"] == counts["windows"] == count
        assert counts["cells"] + counts["cut_spans"] == counts["spans"]
        assert counts["cut_spans"] > counts["cells"]
    assert re.search(
        r"eval data: \d+ cut spans, scored as missed", outcomes["cut"].out
    )


def test_what_windows_split_is_counted(folder, outcomes):
    scores = _scores(folder, "split")
    for part, note in [
        ("training", "not learnt"),
        ("eval", "scored as missed"),
    ]:
        counts = scores[f"{part}_counts"]
        split = counts["split_spans"]
        assert counts["cells"] + split == counts["spans"]
        assert counts["cells"] > split > 0
        line = f"{part} data: {split} split spans, {note}"
        assert line in outcomes["split"].out
