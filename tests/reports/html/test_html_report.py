"""The file: self-contained, safe whatever the data, and true to the scores."""

import base64
import hashlib
import json
import math
import os
import re

import numpy as np
import pytest
import report_pages
from evaluation_pairs import nested_pairs
from hypothesis import given
from hypothesis import strategies as st
from report_pages import Page, hostile_pairs, random_pairs

from biaffine_tf import evaluation, formats
from biaffine_tf.calibration.scaling import (
    Outcomes,
    find_outcomes,
    measure_reliability,
)
from biaffine_tf.commands.evaluate import main
from biaffine_tf.errors import DataError
from biaffine_tf.evaluation import comparison
from biaffine_tf.evaluation.bootstrap import intervals
from biaffine_tf.evaluation.taxonomy import ErrorClass, classify, errors
from biaffine_tf.reports.findings import evaluate
from biaffine_tf.reports.html import (
    charts,
    sentences,
    write_report,
)
from biaffine_tf.reports.html.content import gather
from biaffine_tf.reports.html.curves import threshold_curve
from biaffine_tf.spans import Sentence, Span

HISTORY = [
    {
        "epoch": epoch,
        "loss": 100.0 / epoch**3,
        "micro_f1": 0.1 * epoch,
        "macro_f1": 0.09 * epoch,
        "cluener_f1": 0.08 * epoch,
        "micro_precision": 0.7,
        "micro_recall": 0.05 * epoch,
        "seconds": 3.0,
    }
    for epoch in range(1, 6)
]


def page_of(tmp_path, pairs, **options):
    path = tmp_path / "report.html"
    write_report(path, pairs, **{"title": "A report", **options})
    return Page(path.read_text(encoding="utf-8"))


def everything(pairs):
    """Options that make a page show all it can."""
    return {
        "training": [gold for gold, _ in pairs[::2]],
        "history": HISTORY,
        "other": report_pages.other_system(pairs, 1),
        "names": ("<b>one</b>", 'two"\u202e'),
        "settings": {"</dl>": ["<i>", None], "decoder": "exact"},
        "test": scores_with_intervals(pairs),
    }


def scores_with_intervals(pairs):
    """As scores.json holds them for test data."""
    found = evaluation.score(pairs).to_json()
    found["intervals"] = intervals(pairs).to_json()
    return json.loads(json.dumps(found))


# ---- self-contained and safe -----------------------------------------------


@pytest.fixture(scope="module")
def sample_pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    hostile, plain = hostile_pairs(), random_pairs(0, 40)
    title = "</title><script>alert(1)</script>"
    return [
        page_of(folder, plain),
        page_of(folder, plain, **everything(plain)),
        page_of(folder, hostile, **{"title": title, **everything(hostile)}),
    ]


def test_nothing_outside_the_file_is_asked_for(sample_pages):
    # An attribute that fetches or leads somewhere may only lead into the page.
    leading = {"href", "src", "srcset", "action", "data", "poster"}
    leading.add("xlink:href")
    for page in sample_pages:
        for _, name, value in page.attributes:
            assert name not in leading or value.startswith("#"), (name, value)
            assert not name.startswith("on")
        assert not {e for e, _, _ in page.attributes} & {"link", "img", "base"}
        (style,) = page.styles
        assert "url(" not in style and "@import" not in style
        script = page.scripts[-1][1]
        assert not re.search(
            r"fetch\(|XMLHttp|import\b|https?:|innerHTML|outerHTML|document\.w"
            r"|insertAdjacentHTML|\beval|Function\(",
            script,
        )


def test_the_policy_admits_this_very_style_and_script_alone(sample_pages):
    for page in sample_pages:
        (policy,) = [
            value
            for element, name, value in page.attributes
            if (element, name) == ("meta", "content") and "-src" in value
        ]
        contents = page.styles[0], page.scripts[-1][1]
        for source, content in zip(("style", "script"), contents, strict=True):
            digest = hashlib.sha256(content.encode()).digest()
            hash_ = base64.b64encode(digest).decode()
            assert f"{source}-src 'sha256-{hash_}'" in policy
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert not [v for _, name, v in page.attributes if name == "style"]


def test_hostile_strings_stay_strings(tmp_path):
    pairs = hostile_pairs()
    title = "</title><script>alert(1)</script>"
    page = page_of(tmp_path, pairs, title=title, **everything(pairs))
    assert [kind for kind, _ in page.scripts] == ["application/json", "module"]
    raw = (tmp_path / "report.html").read_text(encoding="utf-8")
    # They stand in no comment either, and turn nothing round in an editor.
    assert "<!--" not in raw
    data = raw[raw.index('id="data">') :]
    assert not re.search(
        "[\u2028\u2029\u202a-\u202e\u2066-\u2069\x7f\x85]", data
    )
    found = report_pages.unpack(page.data)[0]
    assert [gold.text for gold, _, _ in found] == report_pages.HOSTILE
    assert [gold.id for gold, _, _ in found] == report_pages.HOSTILE
    assert {s.label for gold, _, _ in found for s in gold.spans} == set(
        report_pages.HOSTILE[:9]
    )


@given(st.lists(nested_pairs(), min_size=1, max_size=4))
def test_the_data_are_the_sentences(pairs):
    content = gather_quickly(pairs)
    data = Page(
        f'<script type="a/json">{sentences.to_json(content)}</script>'
    ).data
    (found,) = report_pages.unpack(data)
    assert len(found) == len(pairs)
    for (gold, predicted), (gold_b, predicted_b, kinds) in zip(
        pairs, found, strict=True
    ):
        assert gold_b.text == gold.text
        assert list(gold_b.spans) == sorted(
            {s._replace(score=None) for s in gold.spans}
        )
        best = {}
        for span in predicted.spans:
            score = -1.0 if span.score is None else span.score
            best[span.key] = max(best.get(span.key, -1.0), score)
        assert {s.key for s in predicted_b.spans} == best.keys()
        for span in predicted_b.spans:
            score = -1.0 if span.score is None else span.score
            assert score == pytest.approx(best[span.key], abs=6e-4)
        assert kinds == [
            (e.kind, [s.key for s in e.gold], [s.key for s in e.predicted])
            for e in classify(gold, predicted)
        ]


def gather_quickly(pairs):
    """What a page shows of sentences, without the draws of the bootstrap."""
    from biaffine_tf.reports.html.content import Content, _system

    found = evaluate([pairs], parts=True)
    system = _system("A", pairs, found)
    return Content(
        title="",
        systems=(system,),
        comparison=None,
        labels=tuple(system.scores.labels),
        buckets={},
        overfitted=None,
        history=[],
        settings={},
    )


# ---- numbers ---------------------------------------------------------------


def figures(*scores):
    return [
        f"{number:.4f}"
        for score in scores
        for number in (score.f1, score.precision, score.recall)
    ]


def test_test_scores_are_a_table_of_their_own(tmp_path):
    pairs, others = random_pairs(1, 30), random_pairs(2, 20)
    assert "test" not in page_of(tmp_path, pairs).texts
    test = scores_with_intervals(others)
    page = page_of(tmp_path, pairs, test=test)
    words = " ".join(page.texts["test"])
    assert "finished model on 20 test sentences" in words
    head, *rows = page.rows["test"]
    assert head == ["score", "F1", "its 95 % interval", "precision", "recall"]
    assert [row[0] for row in rows] == ["micro", "macro", "cluener"]
    for name, f1, range_, precision, recall in rows:
        score, interval = test[name], test["intervals"][name]["f1"]
        assert [f1, precision, recall] == [
            f"{score[side]:.4f}" for side in ("f1", "precision", "recall")
        ]
        assert range_ == f"{interval['low']:.4f} – {interval['high']:.4f}"


def test_headline_scores_are_those_of_score(tmp_path):
    pairs = random_pairs(1, 60)
    scores = evaluation.score(pairs)
    intervals = gather(pairs, title="").systems[0].findings.intervals
    words = page_of(tmp_path, pairs).texts["scores"]
    shown = [w for w in words if re.fullmatch(r"\d\.\d{4}", w)]
    expected = []
    for name in ("micro", "macro", "cluener"):
        score, interval = getattr(scores, name), getattr(intervals, name)
        for side in ("f1", "precision", "recall"):
            range_ = getattr(interval, side)
            numbers = getattr(score, side), range_.low, range_.high
            expected += [f"{number:.4f}" for number in numbers]
    assert shown == expected


def test_the_rows_of_labels_are_those_of_score(tmp_path):
    pairs = random_pairs(2, 60)
    scores = evaluation.score(pairs)
    _, *rows = page_of(tmp_path, pairs).rows["labels"]
    assert [row[0] for row in rows] == list(scores.labels)
    for row, score in zip(rows, scores.labels.values(), strict=True):
        counts = score.gold, score.predicted, score.correct
        assert row[2:] == [*figures(score), *map(str, counts)]


def test_errors_and_confusion_are_counted_as_elsewhere(tmp_path):
    pairs = random_pairs(3, 80)
    page = page_of(tmp_path, pairs)
    words = " ".join(page.texts["errors"])
    found = errors(pairs)
    for kind in ErrorClass:
        count = sum(error.kind is kind for error in found)
        share = 100 * count / len(found)
        assert re.search(f"{kind.value} .*? {count} {share:.1f} %", words)
    matrix = evaluation.confusion.confusion_matrix(pairs)
    _, *rows = page.rows["confusion"]
    for row, counts in zip(rows, matrix.counts, strict=True):
        shown = [0 if cell == "·" else int(cell) for cell in row[1:]]
        assert shown == list(counts)


def test_parts_of_the_data_are_those_of_breakdowns(tmp_path):
    pairs = random_pairs(4, 80)
    training = [gold for gold, _ in pairs[::3]]
    page = page_of(tmp_path, pairs, training=training)
    words = " ".join(page.texts["parts"])
    panels = evaluation.breakdowns(pairs, seen=evaluation.mentions(training))
    del panels[evaluation.Panel.LABEL]
    seen = 0
    for buckets in panels.values():
        for bucket, score in buckets.items():
            if score.gold and len(buckets) > 1:
                text = f"{bucket} {score.f1:.4f} {score.gold} gold"
                assert text in words
                seen += 1
    assert seen > 15
    assert "unseen" not in page_of(tmp_path, pairs).texts["parts"]


def test_two_systems_are_compared(tmp_path):
    pairs = random_pairs(5, 60)
    other = report_pages.other_system(pairs, 7)
    page = page_of(tmp_path, pairs, other=other, names=("deep", "wide"))
    words = " ".join(page.texts["scores"])
    differences = comparison.compare(pairs, other).differences
    for name in ("micro", "macro", "cluener"):
        f1 = getattr(differences, name).f1
        text = f"A − B {f1.value:+.4f} F1 {f1.interval.low:+.4f}"
        assert text.replace("-", "−") in words
        for one in (pairs, other):
            score = getattr(evaluation.score(one), name)
            assert f"{score.f1:.4f} F1" in words
    assert page.data["names"] == ["deep", "wide"]
    first, second = report_pages.unpack(page.data)
    assert [p.spans for _, p, _ in second] == [
        tuple(sorted(set(p.spans))) for _, p in other
    ]
    assert [g for g, _, _ in first] == [g for g, _, _ in second]


def test_strings_labelled_from_memory(tmp_path):
    training = [Sentence("北京", (Span(0, 2, "address"),))]
    gold = Sentence("去北京", (Span(1, 3, "name"),))
    pairs = [(gold, gold.replace_spans([Span(1, 3, "address")]))]
    words = page_of(tmp_path, pairs, training=training).texts["errors"]
    assert "memory" in words and "北京" in words
    assert "memory" not in page_of(tmp_path, pairs).texts["errors"]


# ---- confidence ------------------------------------------------------------


@given(st.lists(nested_pairs(), min_size=1, max_size=4), st.randoms())
def test_the_curve_is_the_score_of_what_is_left(pairs, randomness):
    grid = [0.0, 0.2, 0.5, 1.0]
    pairs = [
        (
            gold,
            predicted.replace_spans(
                Span(*key, score=randomness.choice(grid))
                for key in {s.key for s in predicted.spans}
            ),
        )
        for gold, predicted in pairs
    ]
    found = find_outcomes(pairs)
    if not len(found.scores):
        return
    total = sum(len({s.key for s in gold.spans}) for gold, _ in pairs)
    curve = threshold_curve(found, total)
    assert curve.thresholds.tolist() == sorted(set(found.scores.tolist()))
    for index, threshold in enumerate(curve.thresholds):
        left = [
            (g, p.replace_spans(s for s in p.spans if s.score >= threshold))
            for g, p in pairs
        ]
        micro = evaluation.score(left).micro
        assert curve.precision[index] == pytest.approx(micro.precision)
        assert curve.recall[index] == pytest.approx(micro.recall)
        assert curve.f1[index] == pytest.approx(micro.f1)
    assert curve.f1[curve.best] == max(curve.f1)


def test_confidence_is_shown_where_there_are_scores(tmp_path):
    pairs = random_pairs(6, 50)
    found = find_outcomes(pairs)
    reliability = measure_reliability(found.scores, found.right)
    page = page_of(tmp_path, pairs)
    assert f"{reliability.error:.4f}" in page.texts["confidence"]
    counts = [int(row[1]) for row in page.rows["confidence"][1:]]
    assert counts == [one.count for one in reliability.bins]
    without = page_of(tmp_path, random_pairs(6, 50, scores=False))
    assert "confidence" not in without.texts


def test_one_system_with_scores_keeps_its_line(tmp_path):
    other = random_pairs(6, 50)
    pairs = [
        (g, p.replace_spans(s._replace(score=None) for s in p.spans))
        for g, p in other
    ]
    page = page_of(tmp_path, pairs, other=other)
    lines = [v for e, n, v in page.attributes if (e, n) == ("path", "class")]
    assert "line l1" in lines and "Threshold: B" in " ".join(
        page.texts["confidence"]
    )


@pytest.mark.parametrize("score", [None, 3.5, -1.0, math.nan, math.inf])
def test_scores_that_are_none_are_said_and_cost_nothing_else(tmp_path, score):
    pairs = random_pairs(7, 20)
    gold = Sentence("上海", (Span(0, 2, "address"),))
    pairs.append((gold, gold.replace_spans([Span(0, 2, "address", score)])))
    page = page_of(tmp_path, pairs)
    words = " ".join(page.texts["confidence"])
    assert "Not shown" in words and f"score {score!r}" in words
    assert not page.rows["confidence"]
    last = report_pages.unpack(page.data)[0][-1][1].spans[0].score
    finite = score is not None and math.isfinite(score)
    assert last == (score if finite else None)


# ---- charts ----------------------------------------------------------------


def positions(series):
    x = [(p.x - charts.LEFT) / (charts.RIGHT - charts.LEFT) for p in series]
    y = [(charts.BOTTOM - p.y) / (charts.BOTTOM - charts.TOP) for p in series]
    return x, y


def test_points_stand_where_their_values_are():
    found = find_outcomes(random_pairs(8, 80))
    reliability = measure_reliability(found.scores, found.right)
    chart = charts.reliability_chart({"": reliability})
    (series,) = chart.series
    x, y = positions(series.points)
    bins = reliability.bins
    assert x == pytest.approx([one.confidence for one in bins], abs=1e-3)
    assert y == pytest.approx([one.accuracy for one in bins], abs=1e-3)


def test_a_long_curve_is_thinned_but_keeps_its_ends_and_its_best():
    scores = np.random.default_rng(0).random(5000)
    right = np.random.default_rng(1).random(5000) < scores
    found = Outcomes(scores, right, np.zeros(5000, int))
    curve = threshold_curve(found, 3000)
    chart = charts.threshold_chart("", curve)
    for series in chart.series:
        shown = re.findall(r"[\d.]+ [\d.]+", series.path)
        assert 100 < len(shown) <= 151
        assert float(shown[0].split()[0]) == pytest.approx(charts.LEFT, abs=0.3)
        assert float(shown[-1].split()[0]) == pytest.approx(
            charts.RIGHT, abs=0.3
        )
    (line,) = [s.path for s in chart.series if s.name == "F1"]
    assert f"{chart.mark.x:g} {chart.mark.y:g}" in line


def in_the_plot(chart):
    for point in (p for series in chart.series for p in series.points):
        assert charts.LEFT <= point.x <= charts.RIGHT
        assert charts.TOP <= point.y <= charts.BOTTOM
    for tick in chart.x.ticks:
        assert charts.LEFT <= tick.at <= charts.RIGHT
    for tick in chart.y.ticks:
        assert charts.TOP <= tick.at <= charts.BOTTOM
    return True


def test_learning_curves_of_any_history():
    f1, micro, loss = charts.learning_charts(HISTORY)
    assert [len(chart.series) for chart in (f1, micro, loss)] == [3, 3, 1]
    assert "logarithmic" in loss.y.name  # 100 to 0.8
    x, y = positions(f1.series[0].points)
    assert y == pytest.approx(
        [entry["micro_f1"] for entry in HISTORY], abs=2e-3
    )
    assert x == sorted(x)
    decades = [math.log10(entry["loss"]) for entry in HISTORY]
    _, y = positions(loss.series[0].points)
    # From 0.1 at the bottom to 100 at the top.
    assert y == pytest.approx([(d + 1) / 3 for d in decades], abs=2e-3)
    assert "micro 0.5000 (epoch 5)" in f1.description
    (flat,) = charts.learning_charts([{"loss": 2.0}, {"loss": 1.5}])
    assert flat.y.name == "loss"
    _, y = positions(flat.series[0].points)
    assert y == pytest.approx([1.0, 0.75], abs=2e-3)  # from 0 to 2
    histories = [
        HISTORY,
        HISTORY[:1],
        [{"loss": 0.0}, {"loss": 0.0}],
        [{"loss": math.nan}, {"loss": -3.0, "micro_f1": 0.5}],
        [{"epoch": "first", "loss": 1.0}, {"epoch": None, "loss": "low"}],
        [{"epoch": n, "loss": 1e-7 * n} for n in range(1, 200)],
    ]
    for history in histories:
        shown = charts.learning_charts(history)
        assert shown and all(map(in_the_plot, shown))
    assert not charts.learning_charts([])
    assert not charts.learning_charts([{"loss": math.nan, "seconds": 1.0}])


@given(st.floats(-1e6, 0), st.floats(0, 1e6))
def test_steps_of_an_axis_are_few_and_cover_it(low, high):
    steps = charts.round_steps(low, high)
    slack = 1e-6 * (steps[1] - steps[0])
    assert steps[0] <= low + slack and steps[-1] >= high - slack
    assert 2 <= len(steps) <= 9


# ---- the file and the command ----------------------------------------------


def test_a_report_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    unlabelled = [(Sentence("a", ()), Sentence("a", None))]
    for pairs in ([], unlabelled):
        with pytest.raises(DataError):
            write_report(path, pairs, title="x")
    other = random_pairs(1, 3)
    with pytest.raises(DataError):
        write_report(path, random_pairs(2, 3), title="x", other=other)
    assert path.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["report.html"]


def test_no_entities_at_all(tmp_path):
    pairs = [(Sentence("a", ()), Sentence("a", ()))]
    page = page_of(tmp_path, pairs, other=pairs, history=[], training=[])
    assert page.data["labels"] == []
    assert "0.0000" in page.texts["scores"]


def test_the_same_data_give_the_same_file(tmp_path):
    for name in ("a", "b"):
        pairs = random_pairs(9, 20)
        write_report(tmp_path / name, pairs, title="x", **everything(pairs))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_sentences_take_little_room(tmp_path):
    pairs = random_pairs(10, 1343, most=75)
    write_report(tmp_path / "report.html", pairs, title="x")
    assert os.path.getsize(tmp_path / "report.html") < 750_000


def files(tmp_path):
    """Paths of gold, two predictions and a history."""
    pairs = random_pairs(14, 30)
    other = report_pages.other_system(pairs, 2)
    paths = [str(tmp_path / f"{name}.jsonl") for name in ("gold", "a", "b")]
    sides = [g for g, _ in pairs], [p for _, p in pairs], [p for _, p in other]
    for path, side in zip(paths, sides, strict=True):
        formats.write(path, side, formats.Format.SPAN_JSONL, with_scores=True)
    history = tmp_path / "history.json"
    history.write_text(json.dumps({"epochs": HISTORY}), encoding="utf-8")
    return [*paths, str(history)]


def test_the_command_writes_a_report(tmp_path, capsys):
    gold, first, second, history = files(tmp_path)
    target = tmp_path / "new folder" / "report.html"
    arguments = [gold, first, f"--report={target}", f"--train={gold}"]
    arguments += [f"--history={history}", f"--compare={second}", "--json"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert str(target) in captured.err
    page = Page(target.read_text(encoding="utf-8"))
    micro = json.loads(captured.out)["micro"]
    assert f"{micro['f1']:.4f}" in page.texts["scores"]
    assert page.data["names"] == [first, second]
    assert {"learning", "confidence", "settings"} <= page.texts.keys()
    assert "unseen" in page.texts["parts"] or "seen" in page.texts["parts"]
    assert "a.jsonl and b.jsonl on gold.jsonl" in target.read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--compare", "B", "B"], "one run"),
        (["--report=FOLDER"], "names no file"),
        (["--report=FOLDER/gold.jsonl/x.html"], "is not a folder"),
        (["--history=B"], ": not JSON ("),
        (["--history=absent.json"], "cannot be read"),
        (["--report="], "names no file"),
    ],
)
def test_what_the_command_refuses(tmp_path, capsys, change, message):
    gold, first, second, _ = files(tmp_path)
    swaps = {"B": second, "FOLDER": str(tmp_path)}
    change = [
        re.sub(r"\b(B|FOLDER)\b", lambda match: swaps[match[0]], argument)
        for argument in change
    ]
    target = tmp_path / "report.html"
    assert main([gold, first, f"--report={target}", *change]) == 2
    captured = capsys.readouterr()
    *notes, error = captured.err.splitlines()
    assert message in error and captured.out == ""
    assert all(note.startswith("note: ") for note in notes)
    assert not target.exists()


def test_a_history_without_a_report_is_refused(tmp_path, capsys):
    gold, first, _, history = files(tmp_path)
    assert main([gold, first, f"--history={history}"]) == 2
    assert "--report" in capsys.readouterr().err


def test_calibration_of_a_model_that_proposes_nothing(tmp_path):
    nothing = measure_reliability(np.zeros(0), np.zeros(0, bool))
    some = measure_reliability(np.array([0.2, 0.9]), np.array([False, True]))
    pairs = list(random_pairs(1, 5))
    for states, shown in [
        ({"before": nothing, "after": nothing}, False),
        ({"before": some, "after": nothing}, True),
    ]:
        path = tmp_path / "report.html"
        write_report(path, pairs, title="t", calibration=states)
        page = path.read_text(encoding="utf-8")
        assert ("All candidates" in page) == shown
