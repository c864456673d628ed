"""Overlapping windows over texts above the maximum number of tokens.

Training and prediction divide texts alike. Neighbouring windows share at least
`overlap` tokens, so that a span of up to `overlap` + 1 tokens lies completely
in at least one of them.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np

from biaffine_tf.config import LongText, ModelConfig
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization.base import Tokens
from biaffine_tf.tokenization.breaks import break_strengths, line_ranges


class Window(NamedTuple):
    """A range of tokens [start, end)."""

    start: int
    end: int


class Windows:
    """Windows of a text; starts and ends both increase.

    Args:
        bounds: Bounds of each window, in order.
    """

    def __init__(self, bounds: list[Window]) -> None:
        self._bounds = bounds

    def __len__(self) -> int:
        return len(self._bounds)

    def __getitem__(self, index: int) -> Window:
        return self._bounds[index]

    def __iter__(self) -> Iterator[Window]:
        return iter(self._bounds)

    def holding(self, first: int, last: int) -> range:
        """Returns the indices of the windows that contain a span.

        Args:
            first: First token of the span.
            last: Last token of the span, inclusive.

        Returns:
            Consecutive indices; empty if every window cuts the span.
        """
        return range(
            bisect.bisect_right(
                self._bounds, last, key=lambda window: window.end
            ),
            bisect.bisect_right(
                self._bounds, first, key=lambda window: window.start
            ),
        )

    def most_central(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Returns the window that decides on each span.

        This is the window, among those that contain the span, in which its
        nearer edge is the furthest; of two such windows the earlier. Edges of
        the text should not count, as no context is missing there, but that
        makes no
        difference: no other window is further from its left edge than the
        first, nor from its right edge than the last.

        The choice depends only on the windows, so that candidates of a window
        can be dropped without looking at the others.

        Args:
            first: First tokens, int `[N]`.
            last: Last tokens, inclusive, int `[N]`; some window holds each
                span.

        Returns:
            Indices of windows, int `[N]`.
        """
        if len(self) < 2:
            return np.zeros(len(first), int)
        starts, ends = self._edges
        # From window to window the distance of a span to the left edge falls,
        # and that to the right edge rises: the best window is where they cross.
        crossing = np.searchsorted(starts + ends, first + last + 1)
        earliest = np.searchsorted(ends, last, side="right")
        latest = np.searchsorted(starts, first, side="right") - 1
        before = np.clip(crossing - 1, earliest, latest)
        behind = np.clip(crossing, earliest, latest)

        def distance(window: np.ndarray) -> np.ndarray:
            return np.minimum(first - starts[window], ends[window] - 1 - last)

        return np.where(distance(behind) > distance(before), behind, before)

    @functools.cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        starts, ends = np.array(self._bounds).T
        return starts, ends


@dataclasses.dataclass(frozen=True, kw_only=True)
class Windowing:
    """Treatment of long texts.

    Attributes:
        max_tokens: Maximum number of tokens per window.
        window_overlap: Minimum number of tokens shared by neighbouring windows,
            below `max_tokens`; None for a quarter of it.
        long_text: How to read texts of more than `max_tokens`.
    """

    max_tokens: int
    window_overlap: int | None = None
    long_text: LongText = LongText.WINDOW

    @classmethod
    def of(
        cls,
        config: ModelConfig,
        *,
        long_text: LongText | None = None,
        window_overlap: int | None = None,
    ) -> Self:
        """Returns the treatment of a model, with given changes.

        Raises:
            ConfigError: If the overlap is out of range.
        """
        if long_text is not None:
            config = dataclasses.replace(config, long_text=long_text)
        if window_overlap is not None:
            config = dataclasses.replace(config, window_overlap=window_overlap)
        return cls(
            max_tokens=config.max_tokens,
            window_overlap=config.window_overlap,
            long_text=config.long_text,
        )

    @property
    def overlap(self) -> int:
        """Minimum number of tokens shared by neighbouring windows."""
        if self.window_overlap is None:
            return self.max_tokens // 4
        return self.window_overlap

    def divide(self, sentence: Sentence, tokens: Tokens) -> Windows:
        """Divides a text into windows.

        Args:
            sentence: The text and its origin.
            tokens: Tokens of the text.

        Returns:
            One window for a text that fits, none for one without tokens. The
            window of a truncated text ends before the text. Lines have separate
            windows, which leave out line ends.

        Raises:
            DataError: If the text is too long and long texts are an error.
        """
        length = len(tokens)
        if not length:
            return Windows([])
        if length <= self.max_tokens:
            return Windows([Window(0, length)])
        match self.long_text:
            case LongText.WINDOW:
                return self._plan(sentence, tokens, [(0, length)])
            case LongText.LINE:
                lines = line_ranges(sentence.text, tokens)
                return self._plan(sentence, tokens, lines)
            case LongText.TRUNCATE:
                return Windows([Window(0, self.max_tokens)])
            case LongText.ERROR:
                raise DataError(
                    f"the text has {length} tokens; the model reads "
                    f"{self.max_tokens} at once",
                    file=sentence.file,
                    line=sentence.line,
                    remedy="divide it, or pass --long_text=window, line or "
                    "truncate",
                )

    def _plan(
        self,
        sentence: Sentence,
        tokens: Tokens,
        parts: Iterable[tuple[int, int]],
    ) -> Windows:
        """Plans windows of each part, which stay within it."""
        strengths = break_strengths(sentence.text, tokens)
        return Windows(
            [
                Window(start + first, end + first)
                for first, behind in parts
                for start, end in plan_windows(
                    strengths[first:behind],
                    max_tokens=self.max_tokens,
                    overlap=self.overlap,
                )
            ]
        )

    def is_cut(self, tokens: Tokens) -> bool:
        """Whether a text is truncated."""
        is_long = len(tokens) > self.max_tokens
        return is_long and self.long_text is LongText.TRUNCATE


def plan_windows(
    strengths: np.ndarray, *, max_tokens: int, overlap: int
) -> list[Window]:
    """Divides a text into windows at suitable breaks.

    A window ends at the last of the best breaks within reach, and the next one
    starts at the last of the best breaks before the shared tokens. The reach is
    a quarter of the tokens of a window beyond the overlap, so there are at most
    about twice as many windows as without a choice.

    Args:
        strengths: Strength of a break before each token, `[N]`, N > 0; see
            `break_strengths`.
        max_tokens: Maximum number of tokens per window.
        overlap: Minimum number of tokens shared by neighbouring windows, from 0
            to `max_tokens - 1`.

    Returns:
        Windows that cover all tokens, one if they fit; starts and ends
        increase.
    """
    if not 0 <= overlap < max_tokens:
        raise ValueError(f"overlap {overlap} of windows of {max_tokens}")
    reach = (max_tokens - overlap) // 4
    windows = []
    start = 0
    while start + max_tokens < len(strengths):
        end = _best_break(strengths, start + max_tokens, reach)
        windows.append(Window(start, end))
        start = _best_break(strengths, end - overlap, reach)
    windows.append(Window(start, len(strengths)))
    return windows


def _best_break(strengths: np.ndarray, latest: int, reach: int) -> int:
    """Returns the last of the best breaks in [latest - reach, latest]."""
    backwards = strengths[latest - reach : latest + 1][::-1]
    return latest - int(np.argmax(backwards))
