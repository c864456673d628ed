"""Search for candidates in the graph, window by window."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.export.tokenizers import TokenTensors
from biaffine_tf.export.vectors import array_of_vectors
from biaffine_tf.export.windows import WindowTensors
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.network import Network
from biaffine_tf.tokenization import Tokenizer

# Maximum number of encoder positions in a batch, which bounds memory.
_TOKENS_PER_BATCH = 1 << 13
_MAX_WINDOWS = 64  # per batch
# Multiple of the length, to limit the number of shapes that XLA compiles.
_COLUMNS_OF_SHAPES = 32


class GraphSearch(tf.Module):
    """Runs the model on windows; twin of `WindowedPredictor`.

    Args:
        model: Model with its weights.
        tokenizer: Tokenizer, for the special tokens.
        min_margin: Candidates have a margin above it.
        force_one_entity: Whether to return the best span of windows without
            candidates as well.
        fixed_shapes: Whether to limit the number of shapes of batches.
    """

    def __init__(
        self,
        model: SpanModel,
        tokenizer: Tokenizer,
        *,
        min_margin: float,
        force_one_entity: bool,
        fixed_shapes: bool,
    ) -> None:
        super().__init__()
        # Not a module, so that the Keras layers of the model are not saved.
        self._network = Network(model, force_one_entity=force_one_entity)
        self._min_margin = min_margin
        self._special = (tokenizer.cls_id, tokenizer.sep_id, tokenizer.pad_id)
        self._fixed_shapes = fixed_shapes
        self._longest = model.config.max_tokens

    def __call__(
        self, tokens: TokenTensors, windows: WindowTensors
    ) -> tuple[CandidateTensors, CandidateTensors]:
        """Searches all windows.

        Args:
            tokens: Tokens of the texts, `[B, (L)]`.
            windows: Windows of the texts.

        Returns:
            Candidates in characters, and other spans, as collected by
            `WindowedText`.
        """
        candidates = self._search(tokens, windows)
        window = candidates.sentences
        text = tf.gather(windows.texts, window)
        offset = tf.gather(windows.starts, window)
        first, last = candidates.starts + offset, candidates.ends + offset - 1
        is_candidate = windows.most_central(text, first, last) == window
        is_candidate &= candidates.margins > self._min_margin
        begin = tf.gather(_begins(tokens), text)
        candidates = candidates._replace(
            sentences=text,
            starts=tf.gather(tokens.starts.values, begin + first),
            ends=tf.gather(tokens.ends.values, begin + last),
        )
        return candidates.where(is_candidate), candidates.where(~is_candidate)

    def _search(
        self, tokens: TokenTensors, windows: WindowTensors
    ) -> CandidateTensors:
        """Finds the candidates of windows, with windows as sentences."""
        order = tf.argsort(
            windows.ends - windows.starts, direction="DESCENDING", stable=True
        )

        def step(
            number: tf.Tensor, done: tf.Tensor, candidates: CandidateTensors
        ) -> tuple[tf.Tensor, tf.Tensor, CandidateTensors]:
            longest = order[done]
            width = windows.ends[longest] - windows.starts[longest] + 2
            size = tf.clip_by_value(_TOKENS_PER_BATCH // width, 1, _MAX_WINDOWS)
            batch = order[done : done + size]
            ids = self._input_ids(tokens, windows, batch)
            # Texts are read without context.
            context = tf.zeros_like(ids, tf.bool)
            batch_candidates = self._network(ids, context, self._min_margin)
            batch_candidates = batch_candidates._replace(
                sentences=tf.gather(batch, batch_candidates.sentences)
            )
            written = candidates.map(
                lambda a, x: a.write(number, x), batch_candidates
            )
            return number + 1, done + size, written

        *_, candidates = tf.while_loop(
            lambda _, done, __: done < tf.size(order),
            step,
            (
                tf.constant(0),
                tf.constant(0),
                CandidateTensors(
                    *(array_of_vectors(tf.int32) for _ in range(4)),
                    *(array_of_vectors(tf.float32) for _ in range(3)),
                ),
            ),
            parallel_iterations=1,
        )
        return candidates.map(lambda array: array.concat())

    def _input_ids(
        self, tokens: TokenTensors, windows: WindowTensors, batch: tf.Tensor
    ) -> tf.Tensor:
        """Builds padded `[CLS] tokens [SEP]` of windows, int32 `[b, L + 2]`."""
        cls_id, sep_id, pad_id = self._special
        text = tf.gather(windows.texts, batch)
        starts = tf.gather(windows.starts, batch)
        lengths = tf.gather(windows.ends, batch) - starts
        columns = tf.reduce_max(lengths) + 1
        if self._fixed_shapes:
            columns = _rounded_up(columns + 1, _COLUMNS_OF_SHAPES) - 1
            columns = tf.minimum(columns, self._longest + 1)
        place = tf.range(columns)
        begin = tf.gather(_begins(tokens), text) + starts
        index = tf.minimum(
            begin[:, None] + place, tf.size(tokens.ids.values) - 1
        )
        lengths = lengths[:, None]
        inner = tf.where(
            place < lengths,
            tf.gather(tokens.ids.values, index),
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


def _begins(tokens: TokenTensors) -> tf.Tensor:
    """Returns the index of the first token of each text, int32 `[B]`."""
    return tf.cast(tokens.ids.row_starts(), tf.int32)


def _rounded_up(value: tf.Tensor, step: int) -> tf.Tensor:
    return -(-value // step) * step


def _next_power_of_two(value: tf.Tensor) -> tf.Tensor:
    powers = tf.constant([1 << n for n in range(_MAX_WINDOWS.bit_length())])
    return powers[tf.searchsorted(powers, [value])[0]]
