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
)

# Maximum numbers to read ahead, for sorting by length; they bound the memory
# that this takes.
_SENTENCES_AHEAD = 4096
_CHARACTERS_AHEAD = 1 << 18


def read_texts(
    surrounded: Iterable[tuple[Sentence, Context]],
    tokenizer: Tokenizer,
    windowing: Windowing,
    labels: LabelMap,
    wanted: Wanted,
) -> Iterator[list[WindowedText]]:
    """Tokenizes the sentences of a stream and divides them into windows.

    Args:
        surrounded: The stream, each sentence with its context.
        tokenizer: Tokenizer of the model.
        windowing: Treatment of long texts.
        labels: Labels of the model.
        wanted: Filter of candidates.

    Yields:
        The sentences of each list from `read_ahead`.
    """

    def divide(
        sentence: Sentence, context: Context, tokens: Tokens
    ) -> WindowedText:
        windows = windowing.divide(sentence, tokens)
        with_neighbours = None
        if context != NO_CONTEXT and len(windows) == 1:
            with_neighbours = surround(
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
            surrounded=with_neighbours,
            edges=find_edges(sentence, tokens, wanted.rule),
            is_cut=windowing.is_cut(tokens),
        )

    # Texts get no name, which would keep them while others are read.
    for ahead in read_ahead(surrounded):
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
    """Reads sentences from a stream in lists of some thousands.

    The number of characters bounds texts and tokens alike: a text of any length
    can have no token, but a character has at most four.

    Args:
        sentences: Sentences of the stream with their context.

    Yields:
        Lists of at least one sentence, which end at the sentence that reaches
        a bound.
    """
    part: list[tuple[Sentence, Context]] = []
    characters = 0
    for sentence, context in sentences:
        part.append((sentence, context))
        characters += len(sentence.text)
        if len(part) >= _SENTENCES_AHEAD or characters >= _CHARACTERS_AHEAD:
            yield part
            part, characters = [], 0
    if part:
        yield part
