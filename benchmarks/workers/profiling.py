"""Which operations TensorFlow spends its time on, from its own profiler."""

from __future__ import annotations

import collections
import pathlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

# Events of operations are called "path/of/the/node:Type".
_OPERATION = re.compile(r"[^:]+:(_?[A-Z]\w*)")


class Event(NamedTuple):
    """Something that a thread was busy with.

    Attributes:
        name: As the profiler calls it.
        begin: Picoseconds.
        duration: Picoseconds.
    """

    name: str
    begin: int
    duration: int


def profile(function: Callable[[], Any]) -> list[dict[str, Any]]:
    """Runs a function under the profiler.

    Returns:
        A row for each type of operation, the most expensive first: `type`,
        `calls`, `seconds` of its own on whatever thread (an operation that
        waits for threads that help it counts as busy), and `share` of the
        seconds of all.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        try:
            function()
        finally:
            tf.profiler.experimental.stop()
        threads = [
            thread
            for path in pathlib.Path(folder).rglob("*.xplane.pb")
            for thread in _threads(path)
        ]
    return operation_table(threads)


def operation_table(threads: Iterable[list[Event]]) -> list[dict[str, Any]]:
    """The rows of `profile`, from the events of each thread."""
    picoseconds: collections.Counter[str] = collections.Counter()
    calls: collections.Counter[str] = collections.Counter()
    for events in threads:
        for kind, own in _own_times(events):
            picoseconds[kind] += own
            calls[kind] += 1
    whole = max(1, sum(picoseconds.values()))
    return [
        {
            "type": kind,
            "calls": calls[kind],
            "seconds": round(own / 1e12, 4),
            "share": round(own / whole, 4),
        }
        for kind, own in picoseconds.most_common()
    ]


def _own_times(events: Iterable[Event]) -> Iterator[tuple[str, int]]:
    """Type and own time of each operation: less those that ran within it."""
    operations = [
        (event, match[1])
        for event in events
        if (match := _OPERATION.fullmatch(event.name))
    ]
    operations.sort(key=lambda pair: (pair[0].begin, -pair[0].duration))
    own = [event.duration for event, _ in operations]
    running: list[int] = []
    for index, (event, _) in enumerate(operations):
        while running and _end(operations[running[-1]][0]) <= event.begin:
            running.pop()
        if running:
            own[running[-1]] -= event.duration
        running.append(index)
    for (_, kind), duration in zip(operations, own, strict=True):
        yield kind, duration


def _end(event: Event) -> int:
    return event.begin + event.duration


def _threads(path: pathlib.Path) -> Iterator[list[Event]]:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            yield [
                Event(
                    plane.event_metadata[event.metadata_id].name,
                    event.offset_ps,
                    event.duration_ps,
                )
                for event in line.events
            ]
