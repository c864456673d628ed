"""Work in several processes, with results in the order of the tasks."""

from __future__ import annotations

import collections
import concurrent.futures
import concurrent.futures.process
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from biaffine_tf.console import interrupts_held
from biaffine_tf.errors import ConfigError

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Task], Result], tasks: Iterable[Task], processes: int
) -> Iterator[Result]:
    """Results of tasks, few of which are under way at any time.

    Args:
        work: A function that can be pickled.
        tasks: Taken only when there is a process for them, nearly.
        processes: How many; 1 is this one.

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
    try:
        pending: collections.deque[concurrent.futures.Future[Result]]
        pending = collections.deque()
        for task in tasks:
            with interrupts_held():  # it may start a process
                pending.append(pool.submit(work, task))
            if len(pending) > 2 * processes:  # bounds the memory
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except concurrent.futures.process.BrokenProcessPool as error:
        raise ConfigError(
            "a process that was making records was killed, most likely "
            "because memory ran out",
            remedy="give fewer --processes",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
