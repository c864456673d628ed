"""From the pieces of texts to candidates: the network, window by window."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.export.confidence import probabilities
from biaffine_tf.export.tokenizers import PieceTensors
from biaffine_tf.export.vectors import array_of_vectors
from biaffine_tf.export.windows import WindowTensors
from biaffine_tf.heads.biaffine.search import Found
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.finder import Finder
from biaffine_tf.tokenization import Tokenizer

# Bounds the encoder positions of a batch, and with them its memory.
_TOKENS_PER_BATCH = 1 << 13
_MOST_WINDOWS = 64  # in a batch
# XLA compiles each shape once: there are few of them.
_COLUMNS_OF_SHAPES = 32


class GraphSearch(tf.Module):
    """What `WindowedPredictor` does around the model, in the graph.

    Args:
        model: The model, with its weights.
        tokenizer: It knows the special pieces.
        least_margin: Pairs with a margin above it are candidates.
        force_one_entity: Whether the best pair of a window without candidates
            is wanted, too.
        fixed_shapes: Whether batches have few different shapes.
    """

    def __init__(
        self,
        model: SpanModel,
        tokenizer: Tokenizer,
        *,
        least_margin: float,
        force_one_entity: bool,
        fixed_shapes: bool,
    ) -> None:
        super().__init__()
        # No module: saving the model would save its Keras layers.
        self._find = Finder(model, force_one_entity=force_one_entity)
        self._least_margin = least_margin
        self._special = (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id)
        self._fixed_shapes = fixed_shapes
        self._longest = model.config.max_pieces

    def __call__(
        self, pieces: PieceTensors, windows: WindowTensors
    ) -> tuple[CandidateTensors, CandidateTensors]:
        """Searches all windows.

        Args:
            pieces: Of the texts, `[B, (L)]`.
            windows: Of the texts.

        Returns:
            Candidates in characters, and the other pairs that were found: as
            `WindowedText` gathers them.
        """
        found = self._search(pieces, windows)
        window, first, last = tf.unstack(found.where, axis=1)
        text = tf.gather(windows.texts, window)
        start = tf.gather(windows.starts, window)
        first, last = first + start, last + start
        is_decider = windows.most_central(text, first, last) == window
        is_candidate = is_decider & (found.margins > self._least_margin)
        begin = tf.gather(_begins(pieces), text)
        proposed = CandidateTensors(
            text,
            tf.gather(pieces.starts.values, begin + first),
            tf.gather(pieces.ends.values, begin + last),
            found.labels,
            found.margins,
            found.logits,
            probabilities(found.log_odds),
        )
        return proposed.where(is_candidate), proposed.where(~is_candidate)

    def _search(self, pieces: PieceTensors, windows: WindowTensors) -> Found:
        """What is found in windows; row of the batch becomes window."""
        order = tf.argsort(
            windows.ends - windows.starts, direction="DESCENDING", stable=True
        )

        def step(
            number: tf.Tensor, done: tf.Tensor, found: Found
        ) -> tuple[tf.Tensor, tf.Tensor, Found]:
            longest = order[done]
            width = windows.ends[longest] - windows.starts[longest] + 2
            size = tf.clip_by_value(
                _TOKENS_PER_BATCH // width, 1, _MOST_WINDOWS
            )
            batch = order[done : done + size]
            ids = self._input_ids(pieces, windows, batch)
            own = self._find(ids, self._least_margin)
            row, *pair = tf.unstack(own.where, axis=1)
            own = own._replace(
                where=tf.stack([tf.gather(batch, row), *pair], axis=1)
            )
            return (
                number + 1,
                done + size,
                Found(
                    *(
                        array.write(number, values)
                        for array, values in zip(found, own, strict=True)
                    )
                ),
            )

        _, _, found = tf.while_loop(
            lambda _, done, __: done < tf.size(order),
            step,
            (tf.constant(0), tf.constant(0), _arrays()),
            parallel_iterations=1,
        )
        return Found(*(array.concat() for array in found))

    def _input_ids(
        self, pieces: PieceTensors, windows: WindowTensors, batch: tf.Tensor
    ) -> tf.Tensor:
        """`[CLS] pieces [SEP]` and padding of windows, int32 `[b, L + 2]`."""
        cls_id, sep_id, pad_id = self._special
        text = tf.gather(windows.texts, batch)
        starts = tf.gather(windows.starts, batch)
        lengths = tf.gather(windows.ends, batch) - starts
        columns = tf.reduce_max(lengths) + 1
        if self._fixed_shapes:
            columns = _rounded_up(columns + 1, _COLUMNS_OF_SHAPES) - 1
            columns = tf.minimum(columns, self._longest + 1)
        place = tf.range(columns)
        begin = tf.gather(_begins(pieces), text) + starts
        index = tf.minimum(
            begin[:, None] + place, tf.size(pieces.ids.values) - 1
        )
        lengths = lengths[:, None]
        inner = tf.where(
            place < lengths,
            tf.gather(pieces.ids.values, index),
            tf.where(place == lengths, sep_id, pad_id),
        )
        ids = tf.pad(inner, [[0, 0], [1, 0]], constant_values=cls_id)
        if not self._fixed_shapes:
            return ids
        rows = tf.size(batch)
        missing = _next_power_of_two(rows) - rows
        empty = tf.concat(
            [[cls_id, sep_id], tf.fill([columns - 1], pad_id)], 0
        )[None]
        return tf.concat([ids, tf.repeat(empty, missing, axis=0)], 0)


def _begins(pieces: PieceTensors) -> tf.Tensor:
    """First piece of each text among those of all, int32 `[B]`."""
    return tf.cast(pieces.ids.row_starts(), tf.int32)


def _rounded_up(value: tf.Tensor, step: int) -> tf.Tensor:
    return -(-value // step) * step


def _next_power_of_two(value: tf.Tensor) -> tf.Tensor:
    powers = tf.constant([1 << n for n in range(_MOST_WINDOWS.bit_length())])
    return powers[tf.searchsorted(powers, [value])[0]]


def _arrays() -> Found:
    return Found(
        array_of_vectors(tf.int32, 3),
        array_of_vectors(tf.int32),
        *(array_of_vectors(tf.float32) for _ in range(3)),
    )
