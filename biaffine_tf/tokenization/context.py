"""Context: neighbouring sentences that only the encoder sees.

The encoder reads more of the document than the sentence in which entities are
predicted (Yu, Bohnet and Poesio 2020, "Named Entity Recognition as Dependency
Parsing", https://aclanthology.org/2020.acl-main.577, section 3.1).
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
    """Tokens around a sentence in its document.

    Attributes:
        left: Vocabulary ids of the tokens before it, the nearest last.
        right: Vocabulary ids of the tokens after it, the nearest first.
    """

    left: tuple[int, ...] = ()
    right: tuple[int, ...] = ()


NO_CONTEXT = Context()


class Surrounded(NamedTuple):
    """A sentence with its context.

    Attributes:
        ids: Vocabulary ids of all tokens.
        context: Whether each token is context; empty for no context.
    """

    ids: Sequence[int]
    context: Sequence[bool]


def with_context(
    sentences: Iterable[Sentence], tokenizer: Tokenizer, *, tokens: int
) -> Iterator[tuple[Sentence, Context]]:
    """Adds the context of each sentence.

    Reads ahead as far as the context requires.

    Args:
        sentences: Sentences in the order of their documents. Consecutive
            sentences with the same `file` and `document` are of one document; a
            file without documents is one.
        tokenizer: Tokenizer of the encoder.
        tokens: Maximum number of tokens of context on each side; with 0 no
            text is tokenized.

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
    coming = ((s, tokenizer.encode(s.text).ids) for s in sentences)
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
    """Adds as much context to a sentence as fits.

    Args:
        ids: Ids of the sentence, at most `max_tokens`.
        context: Context of the sentence.
        max_tokens: Maximum total number of tokens.

    Returns:
        At most `max_tokens` tokens. If not all fit, both sides get about equal
        numbers, unless one has fewer.
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
    """Encodes ids and the context mask in one array, as in our files.

    Args:
        ids: Vocabulary ids.
        context: Mask of the context, bool of the same shape.

    Returns:
        The ids, with -1 - id for context.
    """
    return np.where(context, -1 - ids, ids)
