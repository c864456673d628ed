"""Progress bar over the steps of a run."""

from __future__ import annotations

import sys
import time
from typing import Self

from tqdm import tqdm

from biaffine_tf.training.metrics import MetricMeans, MetricSums


class Progress:
    """Shows the epoch, the latest metrics and the speed.

    Args:
        sums: Sums of the training metrics.
        total: Number of steps of the run.
        unit: Plural of the unit of speed, such as "sentences".
        step: Number of steps done before.
        seconds: Seconds of training done before.
    """

    def __init__(
        self,
        sums: MetricSums,
        *,
        total: int,
        unit: str,
        step: int,
        seconds: float,
    ) -> None:
        self._bar = tqdm(
            desc="training",
            total=total,
            initial=step,
            unit=" steps",
            mininterval=0,
        )
        self._unit = unit
        self._sums = sums
        # A terminal redraws one line; a log file gets a new line each time.
        self._interval = 1.0 if sys.stderr.isatty() else 30.0
        self._shown_at = time.monotonic()
        self._seconds = seconds
        self._shown = sums.read()

    def update(self, step: int, epoch: int, seconds: float) -> None:
        """Moves the bar at intervals: reading metrics waits for the device.

        Args:
            step: Number of steps done.
            epoch: Number of the epoch from 1.
            seconds: Seconds of training so far.
        """
        if time.monotonic() - self._shown_at >= self._interval:
            self.show(step, epoch, seconds)

    def restart(self, seconds: float) -> None:
        """Starts again from sums that have been reset."""
        self._shown, self._seconds = self._sums.read(), seconds
        self._shown_at = time.monotonic()

    def show(self, step: int, epoch: int, seconds: float) -> None:
        """Moves the bar; see `update`."""
        total = self._sums.read()
        latest: MetricMeans = total.since(self._shown)
        rate = latest.count / max(seconds - self._seconds, 1e-9)
        self._bar.set_postfix(
            {
                "epoch": epoch,
                f"{self._unit}/s": f"{rate:.0f}",
                **{name: f"{x:.4f}" for name, x in latest.means().items()},
            },
            refresh=False,
        )
        self._bar.update(step - self._bar.n)
        self._shown, self._seconds = total, seconds
        self._shown_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
