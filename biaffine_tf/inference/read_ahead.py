"""Sentences of a stream, read ahead and divided into windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from biaffine_tf.inference.windowed_text import Wanted, WindowedText
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import (
    NO_CONTEXT,
    Context,
    Tokenizer,
    Tokens,
    Windowing,
    find_edges,
    surround,
    with_context,
)

# Read ahead, to be sorted by length, until there are so many of either: the
# price of order is this much memory.
_SENTENCES_AHEAD = 4096
_CHARACTERS_AHEAD = 1 << 18


def read_texts(
    sentences: Iterable[Sentence],
    tokenizer: Tokenizer,
    windowing: Windowing,
    labels: LabelMap,
    wanted: Wanted,
    *,
    context_tokens: int,
) -> Iterator[list[WindowedText]]:
    """Cuts the sentences of a stream into tokens, and these into windows.

    Args:
        sentences: The stream.
        tokenizer: Text to tokens.
        windowing: What becomes of long texts.
        labels: Labels of the model.
        wanted: Which candidates are taken.
        context_tokens: Tokens of context on each side.

    Yields:
        The sentences that `read_ahead` gives at once.
    """

    def divide(
        sentence: Sentence, context: Context, tokens: Tokens
    ) -> WindowedText:
        windows = windowing.divide(sentence, tokens)
        surrounded = None
        if context != NO_CONTEXT and len(windows) == 1:
            surrounded = surround(
                tokens.ids[slice(*windows[0])],
                context,
                max_tokens=windowing.max_tokens,
            )
        return WindowedText(
            sentence,
            tokens,
            windows,
            labels,
            wanted=wanted,
            surrounded=surrounded,
            edges=find_edges(sentence, tokens, wanted.rule),
            is_cut=windowing.is_cut(tokens),
        )

    # No name for the texts: it would keep them while others are read.
    for ahead in read_ahead(
        with_context(sentences, tokenizer, tokens=context_tokens)
    ):
        yield [
            divide(*one, tokens)
            for one, tokens in zip(
                ahead,
                tokenizer.encode_batch([one.text for one, _ in ahead]),
                strict=True,
            )
        ]


def read_ahead(
    sentences: Iterable[tuple[Sentence, Context]],
) -> Iterator[list[tuple[Sentence, Context]]]:
    """Takes sentences from a stream, some thousands at a time.

    Bounded by characters, because they bound texts and tokens alike: a text
    of any length can have no token, but a character has four at most.

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
