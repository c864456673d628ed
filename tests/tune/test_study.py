"""Searches that are killed, against ones that are not."""

import pytest

from biaffine_tf.tune.space import Parameter
from biaffine_tf.tune.study import Pruner, Result, Sampler, Study

pytest.importorskip("optuna")

PARAMETERS = [
    Parameter(name="rate", low=0.01, high=1.0, is_log=True),
    Parameter(name="width", low=1, high=9, is_whole=True),
    Parameter(name="head", choices=("a", "b")),
]


class Killed(BaseException):
    pass


def open_study(folder, **changes):
    settings = {"sampler": Sampler.RANDOM, "pruner": Pruner.NONE, "seed": 3}
    return Study(str(folder), PARAMETERS, **settings | changes)


def f1_of(values):
    return 1 - abs(values["rate"] - 0.2) - values["width"] / 100


@pytest.mark.parametrize("sampler", Sampler)
def test_a_killed_trial_is_run_again_with_its_values(tmp_path, sampler):
    runs = {}
    for kills in ((), (1, 3)):
        folder = tmp_path / str(len(kills))
        folder.mkdir()
        seen = []

        def train(values, report, seen=seen, kills=kills):
            seen.append(values)
            if len(seen) - 1 in kills:
                raise Killed
            return Result(f1_of(values))

        study = open_study(folder, sampler=sampler)
        while study.finished < 4:
            try:
                study.run_trial(train)
            except Killed:
                study = open_study(folder, sampler=sampler)
        runs[kills] = seen, study
    killed, study = runs[1, 3]
    assert killed[1] == killed[2] and killed[3] == killed[4]
    assert [row.state for row in study.rows()].count("killed") == 2
    whole, undisturbed = runs[()]
    if sampler is Sampler.RANDOM:  # the first trials are those of no kill
        assert killed[0] == whole[0] and killed[1] == whole[1]
    assert len({tuple(one.values()) for one in whole}) == 4
    best = undisturbed.best()
    assert best.f1 == max(map(f1_of, whole)) and best.values in whole


def test_failures_and_pruned_trials_count_but_are_not_best(tmp_path):
    study = open_study(tmp_path, pruner=Pruner.MEDIAN)
    for number in range(6):  # good ones, before any may be pruned
        study.run_trial(lambda *_: Result(0.9)) if number else study.run_trial(
            lambda *_: Result(None, error="exit code 2")
        )
    reports = []

    def train(values, report):
        for epoch in range(4):
            reports.append(report(epoch, 0.1))
            if reports[-1]:
                return Result(None, is_pruned=True)
        return Result(0.1)

    study.run_trial(train)
    assert study.finished == 7
    states = [row.state for row in study.rows()]
    assert states == ["failed", *["complete"] * 5, "complete"]
    assert not any(reports)  # nothing was reported by the others


def test_trials_below_the_median_are_pruned(tmp_path):
    study = open_study(tmp_path, pruner=Pruner.MEDIAN)

    def train_at(level):
        def train(values, report):
            for epoch in range(4):
                if report(epoch, level + epoch / 100):
                    return Result(None, is_pruned=True)
            return Result(level)

        return train

    for _ in range(5):
        study.run_trial(train_at(0.8))
    study.run_trial(train_at(0.2))
    study.run_trial(train_at(0.9))
    last = study.rows()[-2:]
    assert [row.state for row in last] == ["pruned", "complete"]
    assert last[0].epochs == 2 and last[0].f1 == pytest.approx(0.21)
    assert study.best().f1 == 0.9
