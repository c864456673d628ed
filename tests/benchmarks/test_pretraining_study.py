"""What the study of pretraining says of runs that it finds."""

import json
import pathlib
import statistics

import pytest

from benchmarks import pretraining

F1 = {
    "random": [0.31, 0.33, 0.35],
    "start": [0.4],
    "mlm": [0.5, 0.52, 0.54],
    "continued": [0.7, 0.72, 0.74],  # takes more than an hour
}


@pytest.fixture
def study(tmp_path):
    """Complete runs of four starts; one says on which machine it was."""
    made = pretraining.Study(tmp_path, "MINILM")
    for start, scores in F1.items():
        for seed, f1 in zip(pretraining.SEEDS, scores, strict=False):
            write_run(made, f"cluener_1000_{start}_{seed}", f1)
    where = {"machine": {"cores": 7}, "versions": {}}
    path = tmp_path / "cluener_1000_random_42.machine.json"
    path.write_text(json.dumps(where), "utf-8")
    return made


def write_run(study, name, f1, *, complete=True):
    folder = pathlib.Path(study.runs) / name
    folder.mkdir()
    scores = {
        "complete": complete,
        "seconds": 90,
        "micro": {"f1": f1},
        "epoch": 2,
    }
    (folder / "scores.json").write_text(json.dumps(scores), "utf-8")


def test_means_and_gains_are_over_seeds(study):
    rows = pretraining.chinese_table(study.measured())
    found = {row["start"]: row for row in rows}
    assert set(found) == set(F1)
    base = statistics.mean(F1["random"])
    for start, scores in F1.items():
        row = found[start]
        mean = statistics.mean(scores)
        assert row["seeds"] == len(scores)
        assert row["micro_f1"] == pytest.approx(mean, abs=1e-4)
        assert row["over_random"] == pytest.approx(mean - base, abs=1e-4)
    assert found["mlm"]["deviation"] == pytest.approx(0.02)
    assert found["start"]["deviation"] is None
    (goal,) = pretraining.goals(rows)
    assert goal["got"] == pytest.approx(0.19) and not goal["met"]


def test_runs_say_on_which_machine_they_were_done(study):
    found = study.measured()
    assert found["cluener_1000_random_42"]["machine"] == {"cores": 7}
    assert "machine" not in found["cluener_1000_mlm_42"]


def test_a_killed_run_is_not_measured(study):
    name = "cluener_1000_electra_42"
    write_run(study, name, 0.9, complete=False)
    assert name not in study.measured()
    (step,) = (s for s in study.steps() if s.name == name)
    assert not step.is_done(study.runs)


@pytest.mark.parametrize("corpus", pretraining.CORPORA)
def test_the_best_start_and_the_random_one_have_three_seeds(study, corpus):
    """The best of those that are recorded."""
    recorded = json.loads(pretraining.RESULT.read_text("utf-8"))["scores"]
    best = max(
        (row for row in recorded if row["sentences"] == corpus),
        key=lambda row: row["micro_f1"],
    )
    names = [step.name for step in study.steps()]
    for start in ("random", best["start"]):
        for seed in (42, 43, 44):
            assert f"cluener_{corpus}_{start}_{seed}" in names


def test_e5_has_what_training_chooses(study):
    words = {one.name: one.words for one in study.steps()}
    for name in ("cluener_all_e5_42", "cluener_1000_e5_whole_44"):
        given = [one.partition("=")[0] for one in words[name]]
        assert not {"--flagfile", "--learning_rate"} & {*given}
    for rate, f1 in zip(pretraining.RATES, (0.5, 0.7, 0.6), strict=True):
        assert f"--learning_rate={rate}" in words[f"rate_e5_{rate}"]
        write_run(study, f"rate_e5_{rate}", f1)
    assert pretraining.rates_table(study.measured()) == [
        {
            "start": "e5",
            **dict(zip(pretraining.RATES, (0.5, 0.7, 0.6), strict=True)),
        }
    ]


def test_curves_are_of_sizes_and_starts(study):
    write_run(study, "weibo_300_mlm", 0.4)
    write_run(study, "weibo_300_e5_mlm", 0.5)
    assert pretraining.curves_table(study.measured()) == [
        {"corpus": "weibo", "sentences": "300", "mlm": 0.4, "e5_mlm": 0.5}
    ]
