"""Break strengths of texts, in the graph."""

from __future__ import annotations

import enum

import numpy as np
import tensorflow as tf

from biaffine_tf.export.code_points import (
    NUM_CODE_POINTS,
    CodePointTable,
)
from biaffine_tf.export.tokenizers import TokenTensors
from biaffine_tf.export.vectors import next_place, pair, select, shift
from biaffine_tf.tokenization import breaks


class _Kind(enum.IntEnum):
    """Class of a code point in the patterns of `tokenization.breaks`."""

    OTHER = 0
    SENTENCE_MARK = 1
    LINE_END = 2  # a sentence mark and a space
    STOP = 3  # a sentence mark before a space
    CLOSER = 4
    CLAUSE_MARK = 5
    SPACE = 6


_CHARACTERS = {
    _Kind.SENTENCE_MARK: breaks.SENTENCE_MARKS,
    _Kind.LINE_END: breaks.LINE_ENDS,
    _Kind.STOP: ".",
    _Kind.CLOSER: breaks.CLOSERS,
    _Kind.CLAUSE_MARK: breaks.CLAUSE_MARKS,
}


class _State(enum.IntEnum):
    """Matched part of the pattern of a sentence's end."""

    NOTHING = 0
    MARKS = 1
    CLOSERS = 2
    SPACES = 3


def _transitions() -> np.ndarray:
    """Returns the next state for each kind and state, `[kinds, states]`.

    Marks are followed by any number of closers and then spaces; line ends
    count as marks before these, and as spaces among them.
    """
    nothing, marks, closers, spaces = _State
    after = np.full([len(_Kind), len(_State)], nothing)
    after[_Kind.SENTENCE_MARK] = marks
    after[_Kind.LINE_END] = [marks, marks, spaces, spaces]
    after[_Kind.CLOSER] = [nothing, closers, closers, nothing]
    after[_Kind.SPACE] = [nothing, spaces, spaces, spaces]
    return after


class GraphBreaks(tf.Module):
    """Finds where texts can be divided; twin of `break_strengths`."""

    def __init__(self) -> None:
        super().__init__()
        kinds = np.full(NUM_CODE_POINTS, _Kind.OTHER)
        spaces = [c for c in range(NUM_CODE_POINTS) if chr(c).isspace()]
        kinds[spaces] = _Kind.SPACE
        for kind, characters in _CHARACTERS.items():
            kinds[[ord(c) for c in characters]] = kind
        self._kinds = CodePointTable(kinds)
        self._transitions = tf.constant(_transitions(), tf.int32)

    def __call__(
        self, code_points: tf.RaggedTensor, tokens: TokenTensors
    ) -> tf.Tensor:
        """Computes the break strength before each token.

        Args:
            code_points: Code points of the texts, int32 `[B, (T)]`.
            tokens: Tokens of the texts, `[B, (L)]`.

        Returns:
            int32, for the tokens of all texts; see `break_strengths`.
        """
        texts = tf.cast(code_points.value_rowids(), tf.int32)
        is_new = texts != shift(texts, -1)
        kinds = self._kinds(code_points.values)
        begins = tf.cast(code_points.row_starts(), tf.int32)
        places = tf.range(tf.size(texts)) - tf.gather(begins, texts)
        weak = _behind_clauses(kinds)
        strong = self._behind_sentences(kinds, is_new)
        return tf.maximum(
            _before_tokens(weak, texts, places, tokens),
            2 * _before_tokens(strong, texts, places, tokens),
        )

    def is_line_end(self, code_points: tf.Tensor) -> tf.Tensor:
        """Whether code points, int32 `[T]`, are line ends."""
        return self._kinds(code_points) == _Kind.LINE_END

    def _behind_sentences(
        self, kinds: tf.Tensor, is_new: tf.Tensor
    ) -> tf.Tensor:
        """Whether a sentence ends before each code point."""
        kinds = tf.where(kinds == _Kind.STOP, _stops(kinds, is_new), kinds)
        after = tf.gather(self._transitions, kinds)  # [T, states]
        # Each text starts in the state NOTHING.
        after = tf.where(is_new[:, None], after[:, :1], after)
        after = _compose(after)
        states = after[:, _State.NOTHING]
        before = shift(states, _State.NOTHING)
        # A mark after closers or spaces belongs to the next end.
        is_next = (before != _State.MARKS) & (kinds == _Kind.SENTENCE_MARK)
        is_over = (states == _State.NOTHING) | is_next
        return (before != _State.NOTHING) & is_over


def _is_space(kinds: tf.Tensor) -> tf.Tensor:
    return (kinds == _Kind.SPACE) | (kinds == _Kind.LINE_END)


def _behind_clauses(kinds: tf.Tensor) -> tf.Tensor:
    """Whether a clause mark or spaces end before each code point."""
    is_space = _is_space(kinds)
    return shift(is_space | (kinds == _Kind.CLAUSE_MARK), False) & ~is_space


def _stops(kinds: tf.Tensor, is_new: tf.Tensor) -> tf.Tensor:
    """Returns the kind of each code point if it is a stop.

    A stop ends a sentence if a space follows in its text, with or without
    closers in between.
    """
    text = tf.concat([tf.cumsum(tf.cast(is_new, tf.int32)), [-1]], 0)
    is_space = tf.concat([_is_space(kinds), [False]], 0)
    following = next_place(kinds != _Kind.CLOSER)[1:]
    ends = tf.gather(is_space, following) & (
        tf.gather(text, following) == text[:-1]
    )
    return tf.where(ends, int(_Kind.SENTENCE_MARK), int(_Kind.OTHER))


def _compose(after: tf.Tensor) -> tf.Tensor:
    """Composes the transition at each place with all before it.

    Doubles the number of composed transitions at each step.

    Args:
        after: Next state for each place and state, int32 `[T, states]`.

    Returns:
        State after all places up to each one, int32 `[T, states]`.
    """

    def step(
        distance: tf.Tensor, after: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        joined = tf.gather(after[distance:], after[:-distance], batch_dims=1)
        return 2 * distance, tf.concat([after[:distance], joined], 0)

    _, after = tf.while_loop(
        lambda distance, after: distance < tf.shape(after)[0],
        step,
        (tf.constant(1), after),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, len(_State)]),
        ),
    )
    return after


def _before_tokens(
    ends: tf.Tensor,
    texts: tf.Tensor,
    places: tf.Tensor,
    tokens: TokenTensors,
) -> tf.Tensor:
    """Marks the tokens before which something ends, 1 or 0, int32.

    Args:
        ends: Whether it ends before each code point, bool `[T]`.
        texts: Index of the text of each code point, int32 `[T]`.
        places: Position of each code point in its text, int32 `[T]`.
        tokens: Tokens of the texts.
    """
    texts, places = select(ends, texts, places)
    text_of = tf.cast(tokens.starts.value_rowids(), tf.int32)
    # The first token from there on.
    behind = tf.searchsorted(
        pair(text_of, tokens.starts.values), pair(texts, places)
    )
    # Not the first token of a text, nor within a character shared by tokens.
    is_inner = tf.gather(tf.concat([[-1], text_of], 0), behind) == texts
    is_inner &= tf.gather(tf.concat([text_of, [-1]], 0), behind) == texts
    is_inner &= (
        tf.gather(tf.concat([[0], tokens.ends.values], 0), behind) <= places
    )
    behind = tf.boolean_mask(behind, is_inner)
    ends_before = tf.math.unsorted_segment_max(
        tf.ones_like(behind), behind, tf.size(text_of)
    )
    return tf.maximum(ends_before, 0)
