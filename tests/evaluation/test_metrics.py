"""Scores against seqeval, brute force and a loop from CLUENER's description."""

import collections
import json
import warnings

import pytest
from evaluation_pairs import flat_pairs, nested_pairs
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation import score
from biaffine_tf.evaluation.matching import match
from biaffine_tf.formats import ReadOptions, read
from biaffine_tf.spans import Sentence, Span


@pytest.mark.slow
@given(st.lists(flat_pairs(), min_size=1, max_size=6))
def test_equals_seqeval_strict_on_flat_data(cases):
    scores = score(
        (
            Sentence("字" * len(tags), tuple(gold)),
            Sentence("字" * len(tags), tuple(predicted)),
        )
        for (gold, tags), (predicted, _) in cases
    )
    if not scores.labels:
        return  # seqeval has no average of nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of 0 / 0, which we share
        expected = classification_report(
            [tags for (_, tags), _ in cases],
            [tags for _, (_, tags) in cases],
            mode="strict",
            scheme=IOB2,
            output_dict=True,
            zero_division=0,
        )
    found = scores.to_json()
    rows = {"micro avg": found["micro"], "macro avg": found["macro"]}
    rows |= found["labels"]
    assert rows.keys() == expected.keys() - {"weighted avg"}
    for name, row in rows.items():
        assert row["precision"] == pytest.approx(expected[name]["precision"])
        assert row["recall"] == pytest.approx(expected[name]["recall"])
        assert row["f1"] == pytest.approx(expected[name]["f1-score"])
        assert (
            row.get("gold", expected[name]["support"])
            == (expected[name]["support"])
        )
    assert scores.sentences == len(cases)


def malformed():
    """Tags that follow one another in any order."""
    tag = st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"])
    return st.lists(tag, min_size=4, max_size=4)


@pytest.mark.parametrize("strict", [False, True])
@given(cases=st.lists(st.tuples(malformed(), malformed()), min_size=1))
def test_malformed_tags_score_as_in_the_mode_of_seqeval_that_is_named(
    tmp_path_factory, strict, cases
):
    folder = tmp_path_factory.mktemp("tags")
    files = []
    for name, side in zip(
        ("gold", "predicted"), zip(*cases, strict=True), strict=True
    ):
        files.append(folder / name)
        files[-1].write_text(
            "\n\n".join(
                "\n".join(f"w{n}.{i}\t{tag}" for i, tag in enumerate(tags))
                for n, tags in enumerate(side)
            )
        )
    options = ReadOptions(format="conll", tag_scheme="bio", strict_tags=strict)
    scores = score(match(*(read(file, options) for file in files)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = f1_score(
            [list(gold) for gold, _ in cases],
            [list(predicted) for _, predicted in cases],
            mode="strict" if strict else None,
            scheme=IOB2 if strict else None,
            zero_division=0,
        )
    assert scores.micro.f1 == pytest.approx(expected)


def prf(correct, predicted, gold):
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0.0
    return pytest.approx({"precision": precision, "recall": recall, "f1": f1})


def mean(rows):
    return pytest.approx(
        {
            name: sum(row.expected[name] for row in rows) / max(len(rows), 1)
            for name in ("precision", "recall", "f1")
        }
    )


@given(st.lists(nested_pairs(), max_size=6))
def test_equals_brute_force_on_nested_data(pairs):
    gold, predicted = set(), set()
    for i, (gold_sentence, predicted_sentence) in enumerate(pairs):
        gold |= {(i, s.start, s.end, s.label) for s in gold_sentence.spans}
        predicted |= {
            (i, s.start, s.end, s.label) for s in predicted_sentence.spans
        }
    found = score(pairs).to_json()
    assert found["micro"] == prf(
        len(gold & predicted), len(predicted), len(gold)
    )
    rows = {}
    for label in sorted({item[3] for item in gold | predicted}):
        gold_items = {item for item in gold if item[3] == label}
        predicted_items = {item for item in predicted if item[3] == label}
        counts = {
            "correct": len(gold_items & predicted_items),
            "predicted": len(predicted_items),
            "gold": len(gold_items),
        }
        rows[label] = prf(**counts)
        row = found["labels"][label]
        assert {name: row.pop(name) for name in counts} == counts
        assert row == rows[label]
    assert list(found["labels"]) == list(rows)
    assert found["macro"] == mean(list(rows.values()))
    known = {item[3] for item in gold}
    assert score(pairs).unknown_labels == collections.Counter(
        item[3] for item in predicted if item[3] not in known
    )


def cluener_by_description(pairs):
    """The benchmark's script in words: count mentions label by label."""
    gold_labels = {s.label for gold, _ in pairs for s in gold.spans}
    rows = []
    for label in gold_labels:
        right = wrong = missed = 0
        for gold, predicted in pairs:
            gold_mentions = []
            for span in gold.spans:
                mention = gold.text[span.start : span.end]
                if span.label == label and mention not in gold_mentions:
                    gold_mentions.append(mention)
            predicted_mentions = []
            for span in predicted.spans:
                mention = predicted.text[span.start : span.end]
                if span.label == label and mention not in predicted_mentions:
                    predicted_mentions.append(mention)
            for mention in predicted_mentions:
                if mention in gold_mentions:
                    right += 1
                else:
                    wrong += 1
            for mention in gold_mentions:
                if mention not in predicted_mentions:
                    missed += 1
        rows.append(prf(right, right + wrong, right + missed))
    return mean(rows)


@given(st.lists(nested_pairs(), max_size=6))
def test_cluener_is_the_benchmark_score(pairs):
    assert score(pairs).to_json()["cluener"] == cluener_by_description(pairs)


def test_json_has_exactly_the_promised_keys():
    sentence = Sentence("ab", (Span(0, 1, "x"),))
    found = score([(sentence, sentence)]).to_json()
    ones = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert json.loads(json.dumps(found)) == {
        "micro": ones,
        "macro": ones,
        "cluener": ones,
        "labels": {"x": {**ones, "gold": 1, "predicted": 1, "correct": 1}},
        "sentences": 1,
    }


def test_nothing_scores_zero():
    empty = Sentence("ab", ())
    for pairs in ([], [(empty, empty)]):
        found = score(pairs).to_json()
        zeros = {"precision": 0.0, "recall": 0.0, "f1": 0.0}
        assert found == {
            "micro": zeros,
            "macro": zeros,
            "cluener": zeros,
            "labels": {},
            "sentences": len(pairs),
        }


@pytest.mark.parametrize("side", [0, 1])
def test_unlabelled_is_not_empty(side):
    pair = [Sentence("ab", ()), Sentence("ab", ())]
    pair[side] = Sentence("ab", None, file="f.json", line=3)
    with pytest.raises(DataError, match=r"^f.json:3: .*'ab' is not labelled"):
        score([tuple(pair)])
