"""BERT's normalisation and splitting into words, in the graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from biaffine_tf.export.code_points import CodePointTable
from biaffine_tf.export.normal_forms import NormalForms, Role
from biaffine_tf.export.vectors import select, shift

_ORDERS = 256  # more than there are combining classes


class Words(NamedTuple):
    """Words of all texts, as sequences of letters.

    Attributes:
        letters: Normalised code points, int32 `[E]`, word by word.
        origins: Index of the original code point of each, over all texts,
            int32 `[E]`.
        firsts: First letter of each word, int32 `[W]`.
        lengths: Number of letters of each word, at least one, int32 `[W]`.
    """

    letters: tf.Tensor
    origins: tf.Tensor
    firsts: tf.Tensor
    lengths: tf.Tensor

    def strings(self) -> tf.Tensor:
        """Encodes the words in UTF-8, `[W]`."""
        return tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_lengths(
                self.letters, self.lengths, validate=False
            ),
            "UTF-8",
        )

    def letters_of_bytes(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps bytes of the concatenated strings to letters.

        Returns:
            Letter of each byte, int32 `[bytes]`, and first byte of each word,
            int32 `[W]`.
        """
        sizes = 1 + tf.add_n(
            [
                tf.cast(self.letters >= first, tf.int32)
                for first in (0x80, 0x800, 0x10000)
            ]
        )
        letters = tf.repeat(tf.range(tf.size(sizes)), sizes)
        begins = tf.cumsum(sizes, exclusive=True)
        return letters, tf.gather(begins, self.firsts)


class _Letters(NamedTuple):
    """Normalised code points with roles and origins; int32 `[E]`."""

    code_points: tf.Tensor
    roles: tf.Tensor
    origins: tf.Tensor

    def where(self, mask: tf.Tensor) -> _Letters:
        return _Letters(*select(mask, *self))


class Normaliser(tf.Module):
    """Normalises texts and finds their words.

    Args:
        forms: Normal form of each code point.
    """

    def __init__(self, forms: NormalForms) -> None:
        super().__init__()
        self._row_of = CodePointTable(forms.rows)
        self._begins = tf.constant(forms.splits[:-1], tf.int32)
        self._counts = tf.constant(np.diff(forms.splits), tf.int32)
        self._shifts = tf.constant(forms.shifts, tf.int32)
        self._roles = tf.constant(forms.roles, tf.int32)
        self._orders = tf.constant(forms.orders, tf.int32)
        self._decomposes = bool(forms.orders.any())

    def __call__(self, code_points: tf.Tensor, texts: tf.Tensor) -> Words:
        """Returns the words of texts.

        Args:
            code_points: Code points of all texts, int32 `[T]`.
            texts: Index of the text of each, ascending, int64 `[T]`.
        """
        letters = self._letters(code_points, texts)
        text_of = tf.gather(texts, letters.origins)
        ends_word = letters.roles != Role.IN_WORD
        starts_word = (
            (letters.roles == Role.ALONE)
            | shift(ends_word, True)
            | (text_of != shift(text_of, -1))
        )
        in_words = letters.roles != Role.SPACE
        letters = letters.where(in_words)
        firsts = tf.where(tf.boolean_mask(starts_word, in_words))[:, 0]
        firsts = tf.cast(firsts, tf.int32)
        count = tf.size(letters.code_points)
        return Words(
            letters.code_points,
            letters.origins,
            firsts,
            tf.concat([firsts, [count]], 0)[1:] - firsts,
        )

    def _letters(self, code_points: tf.Tensor, texts: tf.Tensor) -> _Letters:
        """Returns the normal forms without accents."""
        rows = self._row_of(code_points)
        counts = tf.gather(self._counts, rows)
        origins = tf.repeat(tf.range(tf.size(counts)), counts)  # [E]
        begins = tf.cumsum(counts, exclusive=True)
        place = tf.range(tf.size(origins)) - tf.gather(begins, origins)
        elements = tf.gather(tf.gather(self._begins, rows), origins) + place
        shifts = tf.gather(self._shifts, elements)
        letters = _Letters(
            tf.gather(code_points, origins) + shifts,
            tf.gather(self._roles, elements),
            origins,
        )
        if self._decomposes:
            keys = _sorting_keys(
                tf.gather(self._orders, elements), tf.gather(texts, origins)
            )
            letters = tf.cond(
                tf.reduce_any(keys[1:] < keys[:-1]),
                lambda: _put_in_order(letters, keys, place == 0),
                lambda: letters,
            )
        return letters.where(letters.roles != Role.STRIPPED)


def _sorting_keys(orders: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
    """Returns keys that ascend where marks are in order.

    Marks are sorted by class, between a code point of class zero or the begin
    of a text and the next.
    """
    is_fixed = (orders == 0) | (texts != shift(texts, -1))
    order_of = tf.cast(orders, tf.int64)
    return tf.cumsum(tf.cast(is_fixed, tf.int64)) * _ORDERS + order_of


def _put_in_order(
    letters: _Letters, keys: tf.Tensor, is_first: tf.Tensor
) -> _Letters:
    """Sorts marks, and reassigns their origins as the library does.

    In the new order, each first element of a code point takes the next original
    code point of the text, and other elements that of the element before.
    """
    order = tf.argsort(keys, stable=True)
    sources = tf.boolean_mask(letters.origins, is_first)
    is_first = tf.cast(tf.gather(is_first, order), tf.int32)
    return _Letters(
        tf.gather(letters.code_points, order),
        tf.gather(letters.roles, order),
        tf.gather(sources, tf.cumsum(is_first) - 1),
    )
