"""Files that label different things: reading, and what can be scored."""

import json

import pytest

from biaffine_tf import evaluation, formats
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.label_sets import (
    LabelSets,
    parse_label_sets,
)
from biaffine_tf.corpora.splitting import split
from biaffine_tf.errors import ConfigError
from biaffine_tf.evaluation.partial import (
    is_partial,
    judged,
    scores_by_file,
)
from biaffine_tf.formats import Problems, ReadOptions, parse_label_map
from biaffine_tf.spans import Sentence, Span


@pytest.fixture
def paths(tmp_path):
    """Two files, both with spans of x and y."""
    found = []
    for name in ("a.jsonl", "b.jsonl"):
        sentences = [
            Sentence(text, (Span(0, 1, "x"), Span(1, 2, "y")))
            for text in ("ab", "cd", name)
        ]
        path = tmp_path / name
        formats.write(path, sentences, "span_jsonl")
        found.append(str(path))
    return found


def test_spans_of_other_labels_are_left_out_and_counted(paths):
    sets = LabelSets(((paths[1], ("y", "z")),))
    corpus, problems = Corpus(tuple(paths), label_sets=sets), Problems()
    sentences = list(corpus.read(problems))
    assert [one.labelled for one in sentences] == [None] * 3 + [("y", "z")] * 3
    for one in sentences:
        assert {span.label for span in one.spans} == set(
            one.labelled or "xy"
        ) - {"z"}
    assert list(problems.counts.values()) == [3]
    assert f"{paths[1]}:1: x" in str(problems.examples)


def test_sets_change_the_fingerprint_and_pass_to_the_parts(paths):
    def corpus(*entries):
        return Corpus(tuple(paths), label_sets=LabelSets(entries))

    plain = Corpus(tuple(paths))
    others = [
        corpus((paths[0], ("x",))),
        corpus((paths[1], ("x",))),
        corpus((paths[0], ("y",))),
        corpus((paths[0], ())),
    ]
    assert corpus(("elsewhere", ("x",))).fingerprint() == plain.fingerprint()
    fingerprints = {one.fingerprint() for one in (plain, *others)}
    assert len(fingerprints) == 5
    parts = split(others[0], fraction=0.4, seed=0)
    for part in (parts.train, parts.dev):
        for one in part.read():
            is_first = one.file == paths[0]
            assert one.labelled == (("x",) if is_first else None)


@pytest.mark.parametrize("joined", [True, False])
def test_values_of_the_flag(paths, tmp_path, joined):
    given = ["a.jsonl:y, x", f"{paths[1]}:x"]
    sets = parse_label_sets(
        [";".join(given)] if joined else given, paths, folder=str(tmp_path)
    )
    assert sets.entries == ((paths[0], ("x", "y")), (paths[1], ("x",)))
    assert sets.of(paths[1]) == ("x",) and sets.of("c") is None
    assert parse_label_sets([f"{tmp_path}/*.jsonl:x"], paths).entries == (
        (paths[0], ("x",)),
        (paths[1], ("x",)),
    )
    assert parse_label_sets([], paths) == LabelSets()
    with pytest.raises(ConfigError, match="none of the files"):
        parse_label_sets([f"{paths[0]}:x"], paths[1:])


def test_what_a_file_does_not_label_is_not_judged():
    gold = [
        Sentence("ab", (Span(0, 1, "x"),), file="a", labelled=("x",)),
        Sentence("ab", (Span(0, 1, "x"),), file="b"),
    ]
    assert is_partial(gold) and not is_partial(gold[1:])
    guess = (Span(0, 1, "x"), Span(1, 2, "y"))
    predicted = list(judged(gold, [one.replace_spans(guess) for one in gold]))
    pairs = list(zip(gold, predicted, strict=True))
    scores = evaluation.score(pairs)
    assert scores.micro.precision == 2 / 3 and scores.micro.recall == 1
    files = scores_by_file(pairs)
    assert {name: one.micro.precision for name, one in files.items()} == {
        "a": 1.0,
        "b": 0.5,
    }


def test_labels_are_renamed_left_out_and_counted(paths, tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"x": "z", "y": None}))
    for text in ("x:z,y:", str(path)):
        options = ReadOptions(label_map=parse_label_map(text))
        problems = Problems()
        for one in formats.read(paths[0], options, problems):
            assert one.spans == (Span(0, 1, "z"),)
        assert list(problems.counts.values()) == [3]
    assert options.identity["label_map"] == (("x", "z"), ("y", ""))
    assert "label_map" not in ReadOptions().identity
    swapped = ReadOptions(label_map=parse_label_map("x:y,y:x"))
    (first, *_) = formats.read(paths[0], swapped)
    assert [span.label for span in first.spans] == ["y", "x"]
