"""Work in several processes: the order of results, and lost processes."""

import os
import signal

import pytest

from biaffine_tf.errors import ConfigError
from biaffine_tf.parallel import in_order


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks(processes):
    taken = []

    def tasks():
        for number in range(-20, 0):
            taken.append(number)
            yield number

    results = in_order(abs, tasks(), processes, flag="--processes")
    assert next(results) == 20
    assert len(taken) <= 2 * processes + 1
    assert [*results] == [*range(19, 0, -1)]


@pytest.mark.parametrize(
    ("work", "task", "said"),
    [
        (
            signal.raise_signal,
            signal.SIGKILL,
            "was killed by SIGKILL, most likely because memory ran out (pid ",
        ),
        (signal.raise_signal, signal.SIGSEGV, "was killed by SIGSEGV (pid "),
        (os._exit, 7, "ended with exit code 7 (pid "),
    ],
)
def test_a_process_that_is_lost_is_one_line(work, task, said):
    with pytest.raises(ConfigError) as caught:
        list(in_order(work, [task] * 3, 2, flag="--records_processes"))
    (line,) = str(caught.value).splitlines()
    assert said in line and line.endswith("; give fewer --records_processes")


def test_what_work_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(in_order((0).__rfloordiv__, [1], 2, flag="--processes"))
