"""Windows over long texts, in the graph; twin of `tokenization.windows`."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.config import LongText
from biaffine_tf.export.breaks import GraphBreaks
from biaffine_tf.export.tokenizers import TokenTensors
from biaffine_tf.export.vectors import (
    argsort_by,
    array_of_vectors,
    pair,
    select,
    shift,
)
from biaffine_tf.tokenization import Windowing

_NO_EDGE = 1 << 29  # beyond any token


class WindowTensors(NamedTuple):
    """Windows of texts, by text and position.

    Attributes:
        texts: Text of each window, int32 `[W]`.
        starts: First token, int32 `[W]`.
        ends: One past the last token, int32 `[W]`.
    """

    texts: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor

    def most_central(
        self, texts: tf.Tensor, first: tf.Tensor, last: tf.Tensor
    ) -> tf.Tensor:
        """Returns the window that decides on each span.

        Args:
            texts: Text of each span, int32 `[N]`.
            first: First tokens, in the text, int32 `[N]`.
            last: Last tokens, inclusive, int32 `[N]`; some window holds each
                span.

        Returns:
            Indices of windows, int32 `[N]`; see `Windows.most_central`.
        """
        is_first = self.texts != shift(self.texts, -1)
        is_last = tf.concat([is_first, [True]], 0)[1:]
        starts = tf.where(is_first, -_NO_EDGE, self.starts)
        ends = tf.where(is_last, _NO_EDGE, self.ends)

        def search(
            values: tf.Tensor, wanted: tf.Tensor, side: str
        ) -> tf.Tensor:
            """Searches ascending values within each text."""
            return tf.searchsorted(
                pair(self.texts, values + _NO_EDGE),
                pair(texts, wanted + _NO_EDGE),
                side=side,
            )

        # `Windows.most_central` explains why the best window is at the
        # crossing.
        crossing = search(starts + ends, first + last + 1, "left")
        earliest = search(ends, last, "right")
        latest = search(starts, first, "right") - 1
        before = tf.clip_by_value(crossing - 1, earliest, latest)
        behind = tf.clip_by_value(crossing, earliest, latest)

        def distance(window: tf.Tensor) -> tf.Tensor:
            return tf.minimum(
                first - tf.gather(starts, window),
                tf.gather(ends, window) - 1 - last,
            )

        return tf.where(distance(behind) > distance(before), behind, before)


class GraphWindowing(tf.Module):
    """Divides texts; twin of `Windowing`.

    Args:
        windowing: The twin in Python.
    """

    def __init__(self, windowing: Windowing) -> None:
        super().__init__()
        self._max_tokens = windowing.max_tokens
        self._overlap = windowing.overlap
        self._long_text = windowing.long_text
        if self._divides:
            self._breaks = GraphBreaks()

    def __call__(
        self, code_points: tf.RaggedTensor, tokens: TokenTensors
    ) -> WindowTensors:
        """Returns the windows of texts.

        Args:
            code_points: Code points of the texts, int32 `[B, (T)]`.
            tokens: Tokens of the texts, `[B, (L)]`.

        Returns:
            One window for a text that fits, none for one without tokens.

        Raises:
            tf.errors.InvalidArgumentError: If a text is too long and long texts
                are an error.
        """
        lengths = tf.cast(tokens.ids.row_lengths(), tf.int32)
        if self._divides:
            return tf.cond(
                tf.reduce_any(lengths > self._max_tokens),
                lambda: self._plan(
                    self._parts(code_points, tokens),
                    begins=tf.cumsum(lengths, exclusive=True),
                    strengths=self._breaks(code_points, tokens),
                ),
                lambda: _whole(lengths),
            )
        if self._long_text is LongText.ERROR:
            tf.debugging.assert_less_equal(
                lengths,
                self._max_tokens,
                f"a text has more tokens than {self._max_tokens}, which is "
                "what the model reads at once",
            )
        return _whole(tf.minimum(lengths, self._max_tokens))

    @property
    def _divides(self) -> bool:
        return self._long_text in (LongText.WINDOW, LongText.LINE)

    def _parts(
        self, code_points: tf.RaggedTensor, tokens: TokenTensors
    ) -> WindowTensors:
        """Returns the parts that windows stay within: texts, or lines."""
        lengths = tf.cast(tokens.ids.row_lengths(), tf.int32)
        if self._long_text is LongText.WINDOW:
            return _whole(lengths)
        text_of = tf.cast(tokens.ids.value_rowids(), tf.int32)  # [P]
        begins = tf.cast(code_points.row_starts(), tf.int32)
        begin = tf.gather(begins, text_of)
        is_line_end = self._breaks.is_line_end(code_points.values)
        # Number of line ends before each code point, and before the end.
        lines = tf.cumsum(
            tf.concat([tf.cast(is_line_end, tf.int32), [0]], 0), exclusive=True
        )
        line_of = tf.gather(lines, begin + tokens.starts.values)
        is_inner = line_of == tf.gather(lines, begin + tokens.ends.values)
        is_short = tf.gather(lengths <= self._max_tokens, text_of)
        line_of = tf.where(is_short, 0, line_of)
        inner = tf.cast(tf.where(is_inner | is_short)[:, 0], tf.int32)
        line = pair(tf.gather(text_of, inner), tf.gather(line_of, inner))
        is_first = line != shift(line, -1)
        is_last = tf.concat([is_first, [True]], 0)[1:]
        firsts = tf.boolean_mask(inner, is_first)
        behind = tf.boolean_mask(inner, is_last) + 1
        texts = tf.gather(text_of, firsts)
        first_tokens = tf.gather(tf.cumsum(lengths, exclusive=True), texts)
        return WindowTensors(
            texts, firsts - first_tokens, behind - first_tokens
        )

    def _plan(
        self, parts: WindowTensors, begins: tf.Tensor, strengths: tf.Tensor
    ) -> WindowTensors:
        """Divides all parts in parallel; twin of `plan_windows`.

        Args:
            parts: Texts or lines.
            begins: Index of the first token of each text, int32 `[B]`.
            strengths: Break strengths of the tokens of all texts, int32.
        """
        reach = (self._max_tokens - self._overlap) // 4
        begins = tf.gather(begins, parts.texts)
        backwards = -tf.range(reach + 1)

        def best_break(part: tf.Tensor, latest: tf.Tensor) -> tf.Tensor:
            """Returns the last of the best breaks up to `latest`."""
            latest_places = tf.gather(begins, part) + latest
            places = latest_places[:, None] + backwards  # [M, reach + 1]
            # Finished parts look up arbitrary values.
            places = tf.clip_by_value(places, 0, tf.size(strengths) - 1)
            distance = tf.argmax(
                tf.gather(strengths, places), axis=1, output_type=tf.int32
            )
            return latest - distance

        def step(
            number: tf.Tensor,
            part: tf.Tensor,
            start: tf.Tensor,
            rows: tf.TensorArray,
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]:
            stop = tf.gather(parts.ends, part)
            is_long = start + self._max_tokens < stop
            end = tf.where(
                is_long, best_break(part, start + self._max_tokens), stop
            )
            windows = tf.gather(parts.texts, part), start, end
            following = best_break(part, end - self._overlap)
            return (
                number + 1,
                *select(is_long, part, following),
                rows.write(number, tf.stack(windows, axis=1)),
            )

        *_, rows = tf.while_loop(
            lambda _, part, *__: tf.size(part) > 0,
            step,
            (
                tf.constant(0),
                tf.range(tf.size(parts.starts)),
                parts.starts,
                array_of_vectors(tf.int32, len(WindowTensors._fields)),
            ),
            shape_invariants=(
                tf.TensorShape([]),
                tf.TensorShape([None]),
                tf.TensorShape([None]),
                tf.TensorShape(None),
            ),
        )
        windows = WindowTensors(*tf.unstack(rows.concat(), axis=1))
        order = argsort_by(windows.texts, windows.starts)
        return WindowTensors(*(tf.gather(one, order) for one in windows))


def _whole(lengths: tf.Tensor) -> WindowTensors:
    texts = tf.cast(tf.where(lengths > 0)[:, 0], tf.int32)
    return WindowTensors(texts, tf.zeros_like(texts), tf.gather(lengths, texts))
