"""Texts as code points, and tables over code points, in the graph."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

NUM_CODE_POINTS = 0x110000
_PAGE_BITS = 8
_PAGE_SIZE = 1 << _PAGE_BITS


def decode_utf8(texts: tf.Tensor) -> tf.RaggedTensor:
    """Decodes UTF-8 strings to code points.

    Accepts any bytes and gives the same as
    `bytes.decode("utf-8", errors="replace")`: each longest prefix of an
    incomplete sequence, and each other invalid byte, becomes one U+FFFD.
    (TensorFlow and Python both follow section 3.9 of the Unicode Standard.) An
    encoded surrogate becomes three.

    Args:
        texts: string `[B]`.

    Returns:
        int32 `[B, (T)]`.
    """
    return tf.strings.unicode_decode(texts, "UTF-8", errors="replace")


class CodePointTable(tf.Module):
    """A number for each code point.

    Equal pages of the table, which are most, are stored once: a few hundred
    kilobytes instead of four megabytes.

    Args:
        values: Numbers, int `[0x110000]`.
    """

    def __init__(self, values: np.ndarray) -> None:
        super().__init__()
        number_of: dict[bytes, int] = {}
        pages = values.astype(np.int32).reshape(-1, _PAGE_SIZE)
        numbers = [
            number_of.setdefault(page.tobytes(), len(number_of))
            for page in pages
        ]
        self._page_starts = tf.constant(
            np.multiply(numbers, _PAGE_SIZE), tf.int32
        )
        self._values = tf.constant(np.frombuffer(b"".join(number_of), np.int32))

    def __call__(self, code_points: tf.Tensor) -> tf.Tensor:
        """Looks up code points, int32 of any shape; returns int32."""
        page = tf.bitwise.right_shift(code_points, _PAGE_BITS)
        place = tf.bitwise.bitwise_and(code_points, _PAGE_SIZE - 1)
        return tf.gather(
            self._values, tf.gather(self._page_starts, page) + place
        )
