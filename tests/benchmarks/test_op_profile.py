"""Own times of operations, and memory that a process measures of itself."""

import numpy as np
import pytest

from benchmarks.workers import measuring
from benchmarks.workers.profiling import Event, operation_table


def test_operations_count_their_own_time_by_type():
    first = [
        Event("model/While:While", 0, 100),
        Event("model/dense/MatMul:MatMul", 10, 30),
        Event("MemoryAllocation", 12, 20),
        Event("ExecutorState::Process", 0, 1000),
        Event("model/norm/mul:Mul", 40, 10),
        Event("model/dense_1/MatMul:MatMul", 200, 50),
    ]
    second = [Event("a/MatMul:MatMul", 0, 20), Event("x:_MklMatMul", 20, 5)]
    rows = operation_table([first, second])
    assert [(row["type"], row["calls"]) for row in rows] == [
        ("MatMul", 3),
        ("While", 1),
        ("Mul", 1),
        ("_MklMatMul", 1),
    ]
    whole = 100 + 60 - 40 + 10 + 45
    own = [100, 60, 10, 5]
    assert sum(own) == whole
    for row, picoseconds in zip(rows, own, strict=True):
        assert row["share"] == pytest.approx(picoseconds / whole, abs=1e-4)


def test_order_of_events_makes_no_difference():
    events = [
        Event("a:A", 0, 50),
        Event("b:B", 0, 20),
        Event("c:C", 20, 30),
        Event("d:D", 25, 5),
    ]
    expected = operation_table([events])
    assert operation_table([events[::-1]]) == expected
    assert {row["type"]: row["share"] for row in expected} == {
        "A": 0.0,
        "B": 0.4,
        "C": 0.5,
        "D": 0.1,
    }


def test_no_operations_make_no_rows():
    assert operation_table([[Event("python", 0, 5)], []]) == []


@pytest.mark.parametrize("mebibytes", [64, 128])
def test_peak_is_what_a_call_holds_at_most(mebibytes):
    def hold():
        for _ in range(3):
            np.ones(mebibytes << 20, np.uint8)

    peak = measuring.peak_above_start(hold) / 2**20
    assert mebibytes * 0.9 < peak < mebibytes * 1.5
    assert measuring.peak_above_start(lambda: None) < 8 * 2**20
