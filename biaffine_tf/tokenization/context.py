"""Neighbouring sentences around a sentence, for the encoder alone to see.

The encoder reads more of the document than the sentence whose entities are
asked for. (J. Yu, B. Bohnet and M. Poesio, Named Entity Recognition as
Dependency Parsing, ACL 2020, section 3.1.)

A piece of context has the id -1 - id: what is inner and what is not, and where,
is in the ids themselves, and so is in records and batches as they are.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization.base import Tokenizer


class Context(NamedTuple):
    """What is around a sentence in its document.

    Attributes:
        left: Vocabulary ids of the pieces before it, the nearest last.
        right: Of those behind it, the nearest first.
    """

    left: tuple[int, ...] = ()
    right: tuple[int, ...] = ()


NO_CONTEXT = Context()


def with_context(
    sentences: Iterable[Sentence], tokenizer: Tokenizer, *, pieces: int
) -> Iterator[tuple[Sentence, Context]]:
    """Gives each sentence its neighbours.

    Reads as far ahead as it takes to have the pieces.

    Args:
        sentences: In the order of their documents. Sentences of the same
            `file` and `document` that follow each other are of one; where
            a file names no document, all of it is.
        tokenizer: Text to pieces.
        pieces: Most pieces of context on each side; 0 for none, and then no
            text is looked at.

    Yields:
        Each sentence and its context.
    """
    if not pieces:
        yield from ((sentence, NO_CONTEXT) for sentence in sentences)
        return
    for _, document in itertools.groupby(
        sentences, key=lambda sentence: (sentence.file, sentence.document)
    ):
        yield from _within_document(document, tokenizer, pieces)


def _within_document(
    sentences: Iterable[Sentence], tokenizer: Tokenizer, pieces: int
) -> Iterator[tuple[Sentence, Context]]:
    coming = ((one, tokenizer.encode(one.text).ids) for one in sentences)
    ahead: collections.deque[tuple[Sentence, tuple[int, ...]]]
    ahead = collections.deque()
    waiting = 0  # pieces ahead
    left: tuple[int, ...] = ()
    while True:
        while not ahead or waiting - len(ahead[0][1]) < pieces:
            if (following := next(coming, None)) is None:
                break
            ahead.append(following)
            waiting += len(following[1])
        if not ahead:
            return
        sentence, ids = ahead.popleft()
        waiting -= len(ids)
        right = itertools.chain.from_iterable(own for _, own in ahead)
        yield sentence, Context(left, tuple(itertools.islice(right, pieces)))
        left = (left + ids)[-pieces:]


def surround(
    ids: Sequence[int], context: Context, *, max_pieces: int
) -> list[int]:
    """A sentence with as much of its context as there is room for.

    Args:
        ids: Of the sentence, no more than `max_pieces`.
        context: Around it.
        max_pieces: Most pieces in all.

    Returns:
        Ids of `max_pieces` at most. Where not all fits, both sides get about
        as much as the other, unless one has less to give.
    """
    room = max_pieces - len(ids)
    left = min(len(context.left), max(room // 2, room - len(context.right)))
    right = min(len(context.right), room - left)
    return [
        *(-1 - piece for piece in context.left[len(context.left) - left :]),
        *ids,
        *(-1 - piece for piece in context.right[:right]),
    ]
