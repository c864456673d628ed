"""Windows to batches of similar length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from biaffine_tf.inference.windowed_text import TextWindow
from biaffine_tf.tokenization import Tokenizer

# Bounds the encoder positions of a batch, and with them its memory.
_TOKENS_PER_BATCH = 1 << 13


def make_batches(
    windows: Iterable[TextWindow], *, max_windows: int
) -> list[list[TextWindow]]:
    """Groups windows of similar length.

    Args:
        windows: Of any texts.
        max_windows: Maximum number of windows in a batch.

    Returns:
        Batches, the longest windows first: what does not fit the memory is
        known at once.
    """
    ordered = sorted(windows, key=len, reverse=True)
    batches = []
    done = 0
    while done < len(ordered):
        longest = len(ordered[done]) + 2  # [CLS] and [SEP]
        size = min(max_windows, max(1, _TOKENS_PER_BATCH // longest))
        batches.append(ordered[done : done + size])
        done += size
    return batches


def pad(
    batch: Sequence[TextWindow], tokenizer: Tokenizer
) -> tuple[np.ndarray, np.ndarray]:
    """The model's input.

    Args:
        batch: Windows.
        tokenizer: It knows the special tokens.

    Returns:
        `[CLS] tokens [SEP]` and padding, int32 `[B, L + 2]`; and which tokens
        are of context, bool of the same shape.
    """
    width = max(map(len, batch)) + 2
    input_ids = np.full([len(batch), width], tokenizer.pad_id, np.int32)
    context = np.zeros(input_ids.shape, bool)
    for row, is_context, window in zip(input_ids, context, batch, strict=True):
        ids = window.tokens.ids
        row[0] = tokenizer.cls_id
        row[1 : len(ids) + 1] = ids
        row[len(ids) + 1] = tokenizer.sep_id
        is_context[1 : len(window.tokens.context) + 1] = window.tokens.context
    return input_ids, context
