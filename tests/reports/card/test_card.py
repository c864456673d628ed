"""The model card says what the other files of its directory say."""

import dataclasses
import json
import re

import card_samples
import pytest
import tiny

from biaffine_tf import model_directory
from biaffine_tf.calibration.fitting import fit_confidence
from biaffine_tf.calibration.objectives import (
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    ExperimentConfig,
    LongText,
    TokenizerConfig,
    TokenizerKind,
    TrainingConfig,
)
from biaffine_tf.reports.card.writing import render, write_card
from biaffine_tf.spans import LabelMap, Sentence, Span

LABELS = ["person", "place", "a_b"]
SENTENCES = card_samples.labelled(LABELS)
SCORE = ("score", "precision", "recall", "F1")
LABEL = ("label", "precision", "recall", "F1", "gold", "predicted")


def _card(path):
    write_card(str(path))
    return card_samples.parse((path / "README.md").read_text("utf-8"))


def _scores(path):
    return json.loads((path / "scores.json").read_text("utf-8"))


def _assert_estimates(cells, score, intervals):
    """Cells of a precision, a recall and an F1, to the last digit shown."""
    for cell, name in zip(cells, ("precision", "recall", "f1"), strict=True):
        figures = [float(each) for each in re.findall(r"\d\.\d{4}", cell)]
        expected = [score[name]]
        if intervals is not None:
            expected += [intervals[name]["low"], intervals[name]["high"]]
        assert figures == pytest.approx(expected, abs=0.50001e-4)


@pytest.mark.parametrize("with_intervals", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_scores(tmp_path, seed, with_intervals):
    sentences = card_samples.labelled(LABELS, seed=seed)
    path = card_samples.make_directory(tmp_path / "model", sentences)
    if with_intervals:
        model_directory.keep_intervals(str(path), sentences)
    card, scores = _card(path), _scores(path)
    assert ("intervals" in scores) == with_intervals
    intervals = scores.get("intervals")
    rows = {name: cells for name, *cells in card.table(*SCORE)}
    assert list(rows) == ["micro", "macro", "cluener"]
    for name, cells in rows.items():
        known = None if intervals is None else intervals[name]
        _assert_estimates(cells, scores[name], known)
    rows = {name: cells for name, *cells in card.table(*LABEL)}
    assert list(rows) == list(scores["labels"]) == sorted(LABELS)
    for name, (*cells, gold, predicted) in rows.items():
        known = None if intervals is None else intervals["labels"][name]
        _assert_estimates(cells, scores["labels"][name], known)
        assert int(gold) == scores["labels"][name]["gold"]
        assert int(predicted) == scores["labels"][name]["predicted"]
    (lead,) = [one for one in card.paragraphs if one.startswith("On ")]
    gold = sum(one["gold"] for one in scores["labels"].values())
    assert lead.startswith(f"On 40 sentences with {gold} gold entities, ")
    assert "epoch 3 of 4" in lead
    assert ("95 % intervals" in lead) == with_intervals
    assert ("no longer holds" in lead) != with_intervals


def test_data_and_machine_are_as_recorded(tmp_path):
    path = card_samples.make_directory(tmp_path / "model", SENTENCES)
    card = _card(path)
    rows = dict(
        (name, rest) for name, *rest in card.table("", "training", "dev")
    )
    assert rows == {
        "sentences": ["40", "40"],
        "entities": ["70", "70"],
        "texts read in several windows": ["0", "0"],
        "SHA-256": ["1a", "2b"],
    }
    made = dict(card.tables[-1][1:])
    assert made == {
        "training": "12.5 s, 3.1 s an epoch, dev scores included",
        "biaffine_tf": "0.0.7",
        "cores": "2",
        "devices": "CPU, GPU",
    }


def test_settings_are_those_of_the_config(tmp_path):
    config = ExperimentConfig(
        model=dataclasses.replace(
            tiny.model_config(max_span_width=7),
            tokenizer=TokenizerConfig(
                kind=TokenizerKind.WORDPIECE, do_lower_case=True
            ),
            context_tokens=3,
        ),
        training=TrainingConfig(learning_rate=2.5e-5, seed=9, neg_sample=0.25),
        decoding=DecodingConfig(
            nested=True, decoder=Decoder.GREEDY, forbidden_edges="|`，"
        ),
        data={"init_checkpoint": "3c"},
    )
    path = card_samples.make_directory(
        tmp_path / "model", SENTENCES, config=config
    )
    card = _card(path)
    (rows,) = [t for t in card.tables if t[1][0] == "encoder"]
    found = dict(rows[1:])
    expected = {
        "encoder": "2 layers, 16 wide, 2 heads, 32 inner, 40 positions",
        "starts from": "weights with the fingerprint 3c",
        "tokenizer": "WordPiece tokens, lower-cased, vocabulary of 28",
        "read at once": "40 tokens",
        "context on each side": "3 tokens",
        "widest span": "7 tokens",
        "decoder": "greedy",
        "nested": "true",
        "forbidden edges": "|`，",
        "negative pairs kept": "0.25",
        "learning rate": "2.5e-05",
        "batch": "32 sentences",
        "epochs, at most": "5",
        "seed": "9",
    }
    assert {name: found.get(name) for name in expected} == expected
    limits = "\n".join(card.items)
    assert "more than 7 tokens are never found" in limits
    assert "the model ignores case and accents" in limits
    assert "overlapping entities" not in limits
    plain = _card(card_samples.make_directory(tmp_path / "plain", SENTENCES))
    limits = "\n".join(plain.items)
    assert "never found" not in limits and "lower-cased" not in limits
    assert "At most one of several overlapping entities is found" in limits


@pytest.mark.parametrize("long_text", LongText)
def test_what_becomes_of_long_texts(tmp_path, long_text):
    model = tiny.model_config(
        max_seq_length=20, long_text=long_text, window_overlap=5
    )
    path = card_samples.make_directory(
        tmp_path / "model", SENTENCES, config=ExperimentConfig(model=model)
    )
    (said,) = [
        one for one in _card(path).items if one.startswith("Texts of more than")
    ]
    words = {
        LongText.WINDOW: ["windows that share 5 tokens"],
        LongText.LINE: ["line by line", "windows that share 5 tokens"],
        LongText.TRUNCATE: ["cut"],
        LongText.ERROR: ["refused"],
    }
    assert said.startswith("Texts of more than 18 tokens are ")
    for kind, parts in words.items():
        assert all(part in said for part in parts) == (
            kind is long_text
            or (kind is LongText.WINDOW and long_text is LongText.LINE)
        )


def test_losses_are_told(tmp_path):
    """Every count that is not zero, and no other."""
    names = list(_counts())
    kept = {"sentences", "spans", "cells", "windows", "windowed_sentences"}
    for lost in (set(), {"cut_spans", "wide_spans"}, set(names) - kept):
        counts = {
            name: 900 + index if name in lost or name in kept else 0
            for index, name in enumerate(names)
        }
        path = card_samples.make_directory(
            tmp_path / f"{len(lost)}",
            SENTENCES,
            training_counts=counts,
            eval_counts=dict.fromkeys(names, 0) | {"cut_spans": 1},
        )
        items = _card(path).items
        told = [one for one in items if one.startswith("Training data not")]
        numbers = {int(re.findall(r"9\d\d", one)[0]) for one in told}
        assert numbers == {counts[name] for name in lost}
        assert len(told) == len(lost)
        told = [one for one in items if one.startswith("Dev data not")]
        assert len(told) == 1 and "1 entities beyond the cut" in told[0]


def _counts():
    from biaffine_tf.records.features import Counts

    return dataclasses.asdict(Counts())


def test_labels_that_the_dev_set_lacks_are_named(tmp_path):
    path = card_samples.make_directory(
        tmp_path / "model", SENTENCES, labels=[*LABELS, "un_seen", "*odd*"]
    )
    assert "their quality is unknown: un_seen, *odd*" in "\n".join(
        _card(path).items
    )
    full = _card(card_samples.make_directory(tmp_path / "full", SENTENCES))
    assert "nothing is known" not in "\n".join(full.items)


def _fit(objective):
    """Candidates of which those with higher scores are more often right."""
    pairs = []
    for number in range(300):
        spans = [
            Span(i, i + 1, LABELS[(number + i) % 3], (i + 0.5) / 8)
            for i in range(8)
        ]
        right = [s for s in spans if hash((number, s.start)) % 8 < s.start - 1]
        text = f"abcdefgh {number}"
        gold = [Span(s.start, s.end, s.label) for s in right]
        pairs.append(
            (Sentence(text, tuple(gold)), Sentence(text, tuple(spans)))
        )
    return fit_confidence(
        pairs, decode=lambda found, text: found, objective=objective
    )


def _fitted_card(tmp_path, fit):
    path = card_samples.make_directory(tmp_path / "model", SENTENCES)
    model_directory.write_confidence(
        str(path), {"settings": {}, **json.loads(json.dumps(fit.to_json()))}
    )
    return _card(path)


@pytest.mark.parametrize(
    "objective",
    [
        None,
        ThresholdObjective(metric=ThresholdMetric.F1),
        ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.8),
    ],
    ids=str,
)
def test_confidence_is_as_fitted(tmp_path, objective):
    fit = _fit(objective)
    card = _fitted_card(tmp_path, fit)
    said = "\n".join([*card.paragraphs, *card.items])
    confidence = fit.confidence
    assert f"temperature {confidence.temperature:.4g}" in said
    assert f"{fit.before.error:.4f} before" in said
    assert f"{fit.held_out.error:.4f} after,\nheld out (5 folds" in said
    assert "not calibrated" not in said
    for note in fit.notes:
        assert note in card.items
    assert ("without the thresholds" in said) == (objective is not None)
    if objective is None:
        assert "Thresholds" not in said
        return
    assert (
        f"{objective.metric}".upper() in said
        or f"a {objective.metric} of at least" in said
    )
    rows = card.table("", "precision", "recall", "F1")
    for (_, *cells), scores in zip(
        rows, (fit.plain_scores, fit.held_out_scores), strict=True
    ):
        _assert_estimates(cells, dataclasses.asdict(scores.micro), None)
    *rows, other = card.table("label", "threshold", "")
    assert {name: float(cell) for name, cell, _ in rows} == pytest.approx(
        dict(confidence.thresholds), abs=0.50001e-4
    )
    assert float(other[1]) == confidence.default_threshold
    silent = {name for name, cell, remark in rows if "none through" in remark}
    assert silent == {
        name for name, cut in confidence.thresholds.items() if cut == 1
    }
    assert ("none through" in other[2]) == (confidence.default_threshold == 1)
    shared = {name for name, _, remark in rows if "shared" in remark}
    assert shared == set(fit.sharing)


def test_scores_that_could_not_be_calibrated(tmp_path):
    fit = dataclasses.replace(
        _fit(None), notes=("scores are not calibrated: only 3 candidates",)
    )
    fit = dataclasses.replace(fit, confidence=type(fit.confidence)())
    card = _fitted_card(tmp_path, fit)
    assert any("could not be calibrated" in one for one in card.paragraphs)
    assert fit.notes[0] in card.items


def test_runs_that_recorded_less_have_cards_too(root):
    """`benchmarks/results` holds what the first versions wrote."""
    made = 0
    for file in (root / "benchmarks" / "results").glob("*_scratch.json"):
        stored = json.loads(file.read_text(encoding="utf-8"))
        scores = stored["scores"]
        card = card_samples.parse(
            render(
                title=file.stem,
                config=ExperimentConfig.from_dict(stored["config"]),
                labels=LabelMap(sorted(scores["labels"])),
                scores=scores,
                fit=None,
            )
        )
        for name, *cells in card.table(*SCORE):
            _assert_estimates(cells, scores[name], None)
        data = dict((n, rest) for n, *rest in card.table("", "training", "dev"))
        counts = scores.get("eval_counts", {})
        assert data["sentences"] == [
            str(scores["training_counts"]["sentences"]),
            str(counts.get("sentences", "not recorded")),
        ]
        made += 1
    assert made >= 4


def test_front_matter_says_only_what_is_known(tmp_path):
    for nested in (False, True):
        config = dataclasses.replace(
            card_samples.CONFIG, decoding=DecodingConfig(nested=nested)
        )
        path = card_samples.make_directory(
            tmp_path / str(nested), SENTENCES, config=config
        )
        write_card(str(path))
        text = (path / "README.md").read_text("utf-8")
        front = text.split("---\n")[1].splitlines()
        assert front == [
            "library_name: biaffine_tf",
            "pipeline_tag: token-classification",
            "tags:",
            "- named-entity-recognition",
            *(["- nested-entities"] if nested else []),
        ]


def test_no_card_before_an_epoch_has_ended(tmp_path):
    path = card_samples.make_directory(tmp_path / "model", SENTENCES)
    (path / "scores.json").unlink()
    write_card(str(path))
    assert not (path / "README.md").exists()


def _without_dev(path, **more):
    """Takes all that a dev set gives out of a directory."""
    scores = _scores(path)
    kept = {
        name: value
        for name, value in scores.items()
        if name not in ("micro", "macro", "cluener", "labels", "sentences")
        and name != "eval_counts"
    }
    (path / "scores.json").write_text(json.dumps(kept | more))
    (path / "predictions.jsonl").unlink()
    return {name: value for name, value in scores.items() if name not in kept}


def test_no_dev_set_is_said(tmp_path):
    config = dataclasses.replace(card_samples.CONFIG, data={"train_data": "1a"})
    path = card_samples.make_directory(
        tmp_path / "model", SENTENCES, config=config
    )
    _without_dev(path)
    card = _card(path)
    assert any("trained without a dev set" in one for one in card.paragraphs)
    assert ["SHA-256", "1a", "none"] in card.table("", "training", "dev")
    assert not [one for one in card.items if "dev" in one]
    assert any("not scored on any data" in one for one in card.items)
    assert dict(card.tables[-1][1:])["training"] == "12.5 s, 3.1 s an epoch"
    assert not any("F1" in row[0] for table in card.tables for row in table)


@pytest.mark.parametrize("has_dev", [True, False])
def test_test_scores_are_beside_dev_scores(tmp_path, has_dev):
    path = card_samples.make_directory(tmp_path / "model", SENTENCES)
    others = card_samples.labelled(LABELS, count=30, seed=9)
    other = card_samples.make_directory(tmp_path / "other", others)
    model_directory.keep_intervals(str(other), others)
    test = {k: v for k, v in _scores(other).items() if k != "training_counts"}
    test["of"] = {"model": "1"}
    if has_dev:
        scores = _scores(path) | {"test": test}
        (path / "scores.json").write_text(json.dumps(scores))
    else:
        _without_dev(path, test=test)
    card = _card(path)
    assert "Test scores" in card.headings
    (lead,) = [one for one in card.paragraphs if "nothing was chosen on" in one]
    assert lead.startswith("On 30 sentences which ")
    tables = [rows for rows in card.tables if rows[0] == list(SCORE)]
    assert len(tables) == 1 + has_dev
    for name, *cells in tables[-1][1:]:
        _assert_estimates(cells, test[name], test["intervals"][name])
    rows = [rows for rows in card.tables if rows[0] == list(LABEL)][-1]
    for name, *cells, gold, predicted in rows[1:]:
        intervals = test["intervals"]["labels"][name]
        _assert_estimates(cells, test["labels"][name], intervals)
        assert int(gold) == test["labels"][name]["gold"]
        assert int(predicted) == test["labels"][name]["predicted"]
    assert not any("scored on no data" in one for one in card.items)


def test_a_fraction_and_a_continued_model_are_named(tmp_path):
    data = {"train_data": "1a", "dev_fraction": "0.1", "init_model": "3c"}
    path = card_samples.make_directory(
        tmp_path / "model",
        SENTENCES,
        config=dataclasses.replace(card_samples.CONFIG, data=data),
    )
    card = _card(path)
    row = ["SHA-256", "1a", "0.1 of the training file"]
    assert row in card.table("", "training", "dev")
    (rows,) = [t for t in card.tables if t[1][0] == "encoder"]
    assert dict(rows)["starts from"] == (
        "a trained model, head included, with the fingerprint 3c"
    )
