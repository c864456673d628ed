"""Worker processes with results in the order of the tasks."""

from __future__ import annotations

import collections
import concurrent.futures
import concurrent.futures.process
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from biaffine_tf.console import interrupts_held
from biaffine_tf.errors import ConfigError

Task = TypeVar("Task")
Result = TypeVar("Result")

# Exit codes of processes that the pool itself ends when another one is lost.
_ENDED_BY_POOL = (None, 0, -signal.SIGTERM)


def in_order(
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    processes: int,
    *,
    flag: str,
) -> Iterator[Result]:
    """Runs tasks in worker processes, with bounded memory.

    Args:
        work: Function of a task; must be picklable.
        tasks: Consumed little faster than they are worked on.
        processes: Number of processes; 1 runs in this one.
        flag: Name of the flag of that number, for messages.

    Yields:
        The results, in the order of the tasks.

    Raises:
        ConfigError: If a process was killed.
    """
    if processes == 1:
        yield from map(work, tasks)
        return
    # Forking a process that has loaded TensorFlow is not safe.
    pool = concurrent.futures.ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn")
    )
    others = set(multiprocessing.active_children())
    workers: set[multiprocessing.process.BaseProcess] = set()
    try:
        pending: collections.deque[concurrent.futures.Future[Result]]
        pending = collections.deque()
        for task in tasks:
            with interrupts_held():  # may start a process
                pending.append(pool.submit(work, task))
            workers.update(multiprocessing.active_children())
            if len(pending) > 2 * processes:  # bounds the memory
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except concurrent.futures.process.BrokenProcessPool as error:
        pool.shutdown()  # waits until all exit codes are known
        codes = {lost.pid: lost.exitcode for lost in workers - others}
        raise ConfigError(
            f"a process that was making records {_end_of(codes)}",
            remedy=f"give fewer {flag}",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_of(codes: dict[int | None, int | None]) -> str:
    """Describes how the lost process ended.

    Args:
        codes: Exit codes by process id.
    """
    pid, code = next(
        ((p, c) for p, c in codes.items() if c not in _ENDED_BY_POOL),
        (None, -signal.SIGTERM),
    )
    which = "" if pid is None else f" (pid {pid})"
    if code is None or code >= 0:
        return f"ended with exit code {code}{which}"
    name = signal.Signals(-code).name
    if code == -signal.SIGKILL:
        name += ", most likely because memory ran out"
    return f"was killed by {name}{which}"
