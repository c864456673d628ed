"""Neighbouring sentences joined into longer texts, for training.

A model that has only seen single sentences reads a window of many of them
badly. Seen joined as well as single, it reads both.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import Tokenizer

_BETWEEN = "\n"


def join_sentences(
    sentences: Iterable[Sentence],
    tokenizer: Tokenizer,
    *,
    share: float,
    max_pieces: int,
    seed: int,
) -> Iterator[Sentence]:
    """Joins some of the sentences with the next ones that are chosen, too.

    Each text gets a length of its own to be filled up to, from a quarter of
    the longest on, so that texts of all lengths occur.

    Args:
        sentences: In the order of the source.
        tokenizer: It tells lengths.
        share: Of the sentences that are chosen, in [0, 1]. Unlabelled ones
            are not.
        max_pieces: Most pieces of a joined text. Longer sentences stay alone.
        seed: Of all that is random.

    Yields:
        Sentences as they are, and joined ones. These have file and line of
        their first sentence, spans moved along, and neither id nor tokens.
    """
    rng = random.Random(seed)

    def draw_room() -> int:
        return rng.randint(max_pieces // 4 + 1, max_pieces)

    between = len(tokenizer.encode(_BETWEEN))
    group: list[Sentence] = []
    room = draw_room()
    for sentence in sentences:
        if rng.random() >= share or sentence.spans is None:
            yield sentence
            continue
        length = len(tokenizer.encode(sentence.text))
        if group and between + length > room:
            yield _join(group)
            group, room = [], draw_room()
        room -= length + (between if group else 0)
        group.append(sentence)
    if group:
        yield _join(group)


def _join(group: Sequence[Sentence]) -> Sentence:
    if len(group) == 1:
        return group[0]
    text, spans = "", list[Span]()
    for sentence in group:
        text += _BETWEEN if text else ""
        spans += [
            span._replace(
                start=span.start + len(text), end=span.end + len(text)
            )
            for span in sentence.spans or ()
        ]
        text += sentence.text
    first = group[0]
    return Sentence(text, tuple(spans), file=first.file, line=first.line)
