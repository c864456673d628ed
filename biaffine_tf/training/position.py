"""Where a run stands, and what is due there; no TensorFlow."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Position:
    """Where in a run the next step begins.

    Attributes:
        step: Number of steps done.
        epoch: Number of epochs done.
        batch: Number of batches done of the next epoch.
        seconds: Seconds of training so far, over all starts of the run,
            evaluations and checkpoints apart.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Period:
    """How often something is done; any of the conditions will do.

    Attributes:
        steps: Every so many steps.
        epochs: Every so many epochs.
        minutes: When so many minutes have passed.
    """

    steps: int | None = None
    epochs: int | None = None
    minutes: float | None = None

    def is_due(self, at: Position, *, seconds: float = 0.0) -> bool:
        """Whether it is due at a position.

        Args:
            at: The position.
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
