"""Position in a run, and periods of evaluations and checkpoints."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Position:
    """Position of the next step in a run.

    Attributes:
        step: Number of steps done.
        epoch: Number of epochs done.
        batch: Number of batches done in the current epoch.
        seconds: Seconds of training so far, without evaluations and
            checkpoints, over all processes of the run.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Period:
    """Period of an action, due when any of the conditions holds.

    Attributes:
        steps: Number of steps between two times.
        epochs: Number of epochs between two times.
        minutes: Minutes between two times.
    """

    steps: int | None = None
    epochs: int | None = None
    minutes: float | None = None

    def is_due(self, at: Position, *, seconds: float = 0.0) -> bool:
        """Whether the action is due.

        Args:
            at: Position in the run.
            seconds: Seconds since the last time.
        """
        is_end_of_epoch = at.epoch > 0 and at.batch == 0
        return (
            (self.steps is not None and at.step % self.steps == 0)
            or (
                self.epochs is not None
                and is_end_of_epoch
                and at.epoch % self.epochs == 0
            )
            or (self.minutes is not None and seconds >= 60 * self.minutes)
        )
