"""Neighbouring sentences around a sentence, for the encoder alone to see.

The encoder reads more of the document than the sentence whose entities are
asked for. (J. Yu, B. Bohnet and M. Poesio, Named Entity Recognition as
Dependency Parsing, ACL 2020, section 3.1.)
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization.base import Tokenizer


class Context(NamedTuple):
    """What is around a sentence in its document.

    Attributes:
        left: Vocabulary ids of the tokens before it, the nearest last.
        right: Of those behind it, the nearest first.
    """

    left: tuple[int, ...] = ()
    right: tuple[int, ...] = ()


NO_CONTEXT = Context()


class Surrounded(NamedTuple):
    """A sentence within its context.

    Attributes:
        ids: Vocabulary ids of all tokens.
        context: Which of them are of the context; nothing for none.
    """

    ids: Sequence[int]
    context: Sequence[bool]


def with_context(
    sentences: Iterable[Sentence], tokenizer: Tokenizer, *, tokens: int
) -> Iterator[tuple[Sentence, Context]]:
    """Gives each sentence its neighbours.

    Reads as far ahead as it takes to have the tokens.

    Args:
        sentences: In the order of their documents. Sentences of the same
            `file` and `document` that follow each other are of one; where
            a file names no document, all of it is.
        tokenizer: Text to tokens.
        tokens: Most tokens of context on each side; 0 for none, and then no
            text is looked at.

    Yields:
        Each sentence and its context.
    """
    if not tokens:
        yield from ((sentence, NO_CONTEXT) for sentence in sentences)
        return
    for _, document in itertools.groupby(
        sentences, key=lambda sentence: (sentence.file, sentence.document)
    ):
        yield from _within_document(document, tokenizer, tokens)


def _within_document(
    sentences: Iterable[Sentence], tokenizer: Tokenizer, tokens: int
) -> Iterator[tuple[Sentence, Context]]:
    coming = ((one, tokenizer.encode(one.text).ids) for one in sentences)
    ahead: collections.deque[tuple[Sentence, tuple[int, ...]]]
    ahead = collections.deque()
    waiting = 0  # tokens ahead
    left: tuple[int, ...] = ()
    while True:
        while not ahead or waiting - len(ahead[0][1]) < tokens:
            if (following := next(coming, None)) is None:
                break
            ahead.append(following)
            waiting += len(following[1])
        if not ahead:
            return
        sentence, ids = ahead.popleft()
        waiting -= len(ids)
        right = itertools.chain.from_iterable(own for _, own in ahead)
        yield sentence, Context(left, tuple(itertools.islice(right, tokens)))
        left = (left + ids)[-tokens:]


def surround(
    ids: Sequence[int], context: Context, *, max_tokens: int
) -> Surrounded:
    """A sentence with as much of its context as there is room for.

    Args:
        ids: Of the sentence, no more than `max_tokens`.
        context: Around it.
        max_tokens: Most tokens in all.

    Returns:
        `max_tokens` at most. Where not all fits, both sides get about as much
        as the other, unless one has less to give.
    """
    room = max_tokens - len(ids)
    left = min(len(context.left), max(room // 2, room - len(context.right)))
    right = min(len(context.right), room - left)
    before = context.left[len(context.left) - left :]
    return Surrounded(
        [*before, *ids, *context.right[:right]],
        [*[True] * left, *[False] * len(ids), *[True] * right],
    )


def mark(ids: np.ndarray, context: np.ndarray) -> np.ndarray:
    """Ids and what is context in one array, as files of ours hold them.

    Args:
        ids: Vocabulary ids.
        context: Which are of the context, bool of the same shape.

    Returns:
        -1 - id for tokens of the context.
    """
    return np.where(context, -1 - ids, ids)
