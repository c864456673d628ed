"""Batches of windows of similar length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from biaffine_tf.inference.windowed_text import TextWindow
from biaffine_tf.tokenization import Tokenizer

# Maximum number of encoder positions in a batch, which bounds memory.
_TOKENS_PER_BATCH = 1 << 13


def make_batches(
    windows: Iterable[TextWindow],
    *,
    max_windows: int,
    max_tokens: int | None = None,
) -> list[list[TextWindow]]:
    """Groups windows of similar length.

    Args:
        windows: Windows of any texts.
        max_windows: Maximum number of windows in a batch.
        max_tokens: Maximum number of encoder positions in a batch, unless one
            window has more; None for what memory bounds.

    Returns:
        Batches, the longest windows first, so that a lack of memory shows at
        once.
    """
    bound = _TOKENS_PER_BATCH if max_tokens is None else max_tokens
    ordered = sorted(windows, key=len, reverse=True)
    batches = []
    done = 0
    while done < len(ordered):
        longest = len(ordered[done]) + 2  # [CLS] and [SEP]
        size = min(max_windows, max(1, bound // longest))
        batches.append(ordered[done : done + size])
        done += size
    return batches


def pad(
    batch: Sequence[TextWindow], tokenizer: Tokenizer
) -> tuple[np.ndarray, np.ndarray]:
    """Builds the input of the model.

    Args:
        batch: Windows.
        tokenizer: Tokenizer, for the special tokens.

    Returns:
        Padded `[CLS] tokens [SEP]`, int32 `[B, L + 2]`; and a mask of the
        context tokens, bool of the same shape.
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
