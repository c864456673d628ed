"""Sentences to batches of windows of similar length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from biaffine_tf.inference.windows import Part
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Context, Tokenizer

# Read ahead, to be sorted by length, until there are so many of either: the
# price of order is this much memory.
_SENTENCES_AHEAD = 4096
_CHARACTERS_AHEAD = 1 << 18
# Bounds the encoder positions of a batch, and with them its memory.
_TOKENS_PER_BATCH = 1 << 13


def read_ahead(
    sentences: Iterable[tuple[Sentence, Context]],
) -> Iterator[list[tuple[Sentence, Context]]]:
    """Takes sentences from a stream, some thousands at a time.

    Bounded by characters, because they bound texts and pieces alike: a text
    of any length can have no piece, but a character has four at most.

    Args:
        sentences: The stream, and what is around each sentence.

    Yields:
        At least one sentence, and no more than bring the characters to the
        bound.
    """
    some: list[tuple[Sentence, Context]] = []
    characters = 0
    for sentence, context in sentences:
        some.append((sentence, context))
        characters += len(sentence.text)
        if len(some) >= _SENTENCES_AHEAD or characters >= _CHARACTERS_AHEAD:
            yield some
            some, characters = [], 0
    if some:
        yield some


def make_batches(parts: Iterable[Part], *, most_parts: int) -> list[list[Part]]:
    """Groups windows of similar length.

    Args:
        parts: Windows of any texts.
        most_parts: Most windows in a batch.

    Returns:
        Batches, the longest windows first: what does not fit the memory is
        known at once.
    """
    ordered = sorted(parts, key=lambda part: part.length, reverse=True)
    batches = []
    done = 0
    while done < len(ordered):
        longest = ordered[done].length + 2  # [CLS] and [SEP]
        size = min(most_parts, max(1, _TOKENS_PER_BATCH // longest))
        batches.append(ordered[done : done + size])
        done += size
    return batches


def pad(batch: Sequence[Part], tokenizer: Tokenizer) -> np.ndarray:
    """The model's input.

    Args:
        batch: Windows.
        tokenizer: It knows the special pieces.

    Returns:
        `[CLS] pieces [SEP]` and padding, int32 `[B, L + 2]`; pieces of context
        are negative.
    """
    width = max(part.length for part in batch) + 2
    input_ids = np.full([len(batch), width], tokenizer.pad_id, np.int32)
    for row, part in zip(input_ids, batch, strict=True):
        row[0] = tokenizer.cls_id
        row[1 : part.length + 1] = part.ids
        row[part.length + 1] = tokenizer.sep_id
    return input_ids
