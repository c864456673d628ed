"""Progress bar of a bulk job."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterable, Iterator
from typing import Self

from tqdm import tqdm

from biaffine_tf.inference.bulk.reading import Reading
from biaffine_tf.spans import Sentence

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class Progress:
    """Bar over the bytes of all inputs, with sentences per second.

    Args:
        total: Bytes of all inputs, as stored.
        is_shown: Whether to show the bar.

    Attributes:
        sentences: Number of sentences predicted so far.
    """

    def __init__(self, total: int, *, is_shown: bool) -> None:
        self.sentences = 0
        self._begun = time.perf_counter()
        self._files_before = 0  # bytes of finished inputs
        # Positions of sentences that are read but not yet predicted.
        self._positions: collections.deque[int] = collections.deque()
        self._bar = tqdm(
            desc="predicting",
            total=total,
            bar_format=_BAR,
            smoothing=0,  # sentences are read in thousands
            disable=not is_shown,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    @property
    def seconds(self) -> float:
        """Seconds so far, without skipped shards."""
        return time.perf_counter() - self._begun

    def read(
        self, sentences: Iterable[Sentence], reading: Reading
    ) -> Iterator[Sentence]:
        """Tracks sentences that are read for prediction."""
        for sentence in sentences:
            self._positions.append(self._files_before + reading.position)
            yield sentence

    def predicted(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Counts predicted sentences."""
        for sentence in sentences:
            self.sentences += 1
            self._bar.set_postfix_str(
                f"{self.sentences:,} sentences, "
                f"{self.sentences / self.seconds:,.0f} a second",
                refresh=False,
            )
            self._bar.update(self._positions.popleft() - self._bar.n)
            yield sentence

    def skip(self, sentences: Iterable[Sentence], reading: Reading) -> None:
        """Reads sentences that were predicted before."""
        begun = time.perf_counter()
        collections.deque(sentences, maxlen=0)
        self._begin_at(self._files_before + reading.position)
        self._begun += time.perf_counter() - begun

    def skip_file(self, size: int) -> None:
        """Skips an input that was predicted before."""
        self._begin_at(self._files_before + size)
        self.end_file(size)

    def end_file(self, size: int) -> None:
        """Completes an input."""
        self._files_before += size
        self._bar.update(self._files_before - self._bar.n)

    def _begin_at(self, position: int) -> None:
        """Moves the bar without counting towards the speed."""
        skipped = position - self._bar.n
        if not self._bar.disable:
            self._bar.initial += skipped
        self._bar.update(skipped)
