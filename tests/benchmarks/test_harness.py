"""Processes of their own, rounds in turn, medians."""

import statistics

import pytest

from benchmarks import harness
from benchmarks.harness import Measurement, Worker, WorkerError

FAKES = "tests.benchmarks.fake_subjects"


def measurements(*rates, **extra):
    return [Measurement(2.0, 2.0 * rate, dict(extra)) for rate in rates]


def test_subject_is_built_once_in_a_process_of_its_own():
    with (
        Worker(f"{FAKES}:Counting", start=5) as one,
        Worker(f"{FAKES}:Counting") as other,
    ):
        assert one.about == {"start": 5, "threads": str(harness.THREADS)}
        first, second = one.measure(units=7.0), one.measure()
        theirs = other.measure()
    assert (first.extra["count"], second.extra["count"]) == (6, 7)
    assert theirs.extra["count"] == 1
    assert first.extra["process"] == second.extra["process"]
    assert first.extra["process"] != theirs.extra["process"]
    assert (first.seconds, first.units, first.rate) == (2.0, 7.0, 3.5)
    assert "elsewhere_seconds" in first.extra


@pytest.mark.parametrize(
    ("subject", "settings", "message"),
    [
        (f"{FAKES}:unbuildable", {}, "no such luck"),
        (f"{FAKES}:Counting", {"speed": 3}, "unexpected keyword"),
        (f"{FAKES}:Missing", {}, "Missing"),
        ("tests.benchmarks.missing:Subject", {}, "ModuleNotFoundError"),
    ],
)
def test_subject_that_cannot_be_built_is_named(subject, settings, message):
    with pytest.raises(WorkerError, match=message) as caught:
        Worker(subject, **settings)
    assert subject in str(caught.value)


def test_failed_request_is_an_error_and_the_next_is_answered():
    with Worker(f"{FAKES}:Counting") as worker:
        with pytest.raises(WorkerError, match="asked to fail"):
            worker.measure(fail=True)
        assert worker.measure().extra["count"] == 1


def test_process_that_dies_leaves_its_last_words():
    with Worker(f"{FAKES}:Dying") as worker:
        with pytest.raises(WorkerError, match="last words") as caught:
            worker.ask()
        assert "code 3" in str(caught.value)


def test_closing_ends_the_process():
    worker = Worker(f"{FAKES}:Counting")
    worker.close()
    assert worker._process.returncode is not None


@pytest.mark.parametrize("rounds", [1, 3, 5])
def test_every_round_measures_all_and_each_begins_in_turn(rounds):
    calls = []

    def subject(name):
        def measure():
            calls.append(name)
            return Measurement(1.0, len(calls), {})

        return measure

    names = ["a", "b", "c"]
    found = harness.alternate(
        {name: subject(name) for name in names}, rounds=rounds
    )
    assert len(calls) == 3 * rounds
    for number in range(rounds):
        block = calls[3 * number : 3 * number + 3]
        assert sorted(block) == names
        assert block[0] == names[number % 3]
    for name in names:
        order = [i + 1 for i, called in enumerate(calls) if called == name]
        assert [m.units for m in found[name]] == order


def test_ratio_pairs_the_rounds():
    # The machine was slow in the second round, for both.
    ours, peer = measurements(20, 2, 30), measurements(10, 1, 20)
    assert harness.ratio(ours, peer) == 2.0
    medians = [
        statistics.median(m.rate for m in found) for found in (ours, peer)
    ]
    assert medians == [20, 10]
    with pytest.raises(ValueError):
        harness.ratio(ours, peer[:2])


def test_row_has_median_range_and_values_in_their_order():
    row = harness.rate_row(
        "ours",
        measurements(3, 1, 12345.678),
        unit="sentences",
        shape="4x256",
    )
    assert row == {
        "what": "ours",
        "shape": "4x256",
        "unit": "sentences/s",
        "median": 3.0,
        "least": 1.0,
        "most": 12350.0,
        "values": [3.0, 1.0, 12350.0],
        "elsewhere": None,
    }


def test_noise_is_cores_that_others_keep_busy():
    found = [
        *measurements(1, elsewhere_seconds=0.0),
        *measurements(1, elsewhere_seconds=1.0),
        *measurements(1, elsewhere_seconds=3.0),
    ]
    assert harness.elsewhere(found) == 0.5
