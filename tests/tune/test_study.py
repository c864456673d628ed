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


@pytest.mark.slow
def test_a_killed_trial_is_run_again_with_its_values(tmp_path):
    seen = []

    def train(values, report):
        seen.append(values)
        if len(seen) in (2, 4):
            raise Killed
        return Result(f1_of(values))

    study = open_study(tmp_path)
    while study.finished < 4:
        try:
            study.run_trial(train)
        except Killed:
            study = open_study(tmp_path)
            assert study.finished == len(seen) // 2  # not what is to be redone
    assert seen[1] == seen[2] and seen[3] == seen[4] and len(seen) == 6
    ended = [seen[0], seen[2], seen[4], seen[5]]
    assert len({tuple(one.values()) for one in ended}) == 4
    rows = study.rows()
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.state for row in rows].count("killed") == 2
    done = [row.values for row in rows if row.state == "complete"]
    assert done == ended
    best = study.best()
    assert best.f1 == max(map(f1_of, ended)) == f1_of(best.values)


def test_trials_below_the_median_are_pruned(tmp_path):
    study = open_study(tmp_path, pruner=Pruner.MEDIAN, sampler=Sampler.TPE)

    def train_at(level):
        def train(values, report):
            for epoch in range(4):
                if report(epoch, level + epoch / 100):
                    return Result(None, is_pruned=True)
            return Result(level)

        return train

    study.run_trial(lambda *_: Result(None, error="exit code 2"))
    for level in (0.8, 0.8, 0.1, 0.8, 0.8, 0.2, 0.9):
        study.run_trial(train_at(level))
    rows = study.rows()
    assert [row.state for row in rows] == [
        *("failed", *["complete"] * 5, "pruned", "complete")
    ]
    assert study.finished == 8
    assert rows[-2].epochs == 2 and rows[-2].f1 == pytest.approx(0.21)
    assert study.best().f1 == 0.9
