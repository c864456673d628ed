"""Chooses the first sentences of an order that repeat no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from biaffine_tf.errors import DataError
from biaffine_tf.selection.near_duplicates import NearDuplicates
from biaffine_tf.spans import Sentence


@dataclasses.dataclass
class Choice:
    """Chosen sentences.

    Attributes:
        sentences: The sentences by their number, in the order of the choice.
        empty: Number of texts left out because they are white space.
        of_labelled: Number of texts left out as near-duplicates of labelled
            ones.
        of_chosen: Number of texts left out as near-duplicates of chosen ones.
    """

    sentences: dict[int, Sentence] = dataclasses.field(default_factory=dict)
    empty: int = 0
    of_labelled: int = 0
    of_chosen: int = 0


def choose(
    order: np.ndarray,
    read: Callable[[], Iterable[Sentence]],
    *,
    number: int,
    labelled: Iterable[str] = (),
    min_similarity: float,
) -> Choice:
    """Chooses sentences, without near-duplicates.

    Keeps only texts that may be chosen: the first ones of the order, twice as
    many as are wanted. Reads on if they do not suffice.

    Args:
        order: Numbers of all sentences, those to choose first at the front.
        read: Reads the sentences.
        number: Number of sentences wanted.
        labelled: Texts that are labelled already.
        min_similarity: Minimum similarity of near-duplicates.

    Returns:
        The choice; fewer than wanted if there are no more.

    Raises:
        DataError: If fewer sentences are read than were ordered.
    """
    known = NearDuplicates(min_similarity)
    num_labelled = 0
    for text in labelled:
        known.add(text)
        num_labelled += 1
    choice = Choice()
    begun = 0
    while begun < len(order) and len(choice.sentences) < number:
        part = order[begun : begun + 2 * number]
        texts = dict(_take(read(), part.tolist()))
        if len(texts) < len(part):
            raise DataError(
                "the text has changed while it was read",
                remedy="start the command again",
            )
        for one in part.tolist():
            sentence = texts[one]
            if not sentence.text.strip():
                choice.empty += 1
                continue
            found = known.find(sentence.text)
            if found is not None:
                is_labelled = found < num_labelled
                choice.of_labelled += is_labelled
                choice.of_chosen += not is_labelled
                continue
            known.add(sentence.text)
            choice.sentences[one] = sentence
            if len(choice.sentences) == number:
                break
        begun += len(part)
    return choice


def _take(
    sentences: Iterable[Sentence], numbers: Sequence[int]
) -> Iterator[tuple[int, Sentence]]:
    wanted = set(numbers)
    for number, sentence in enumerate(sentences):
        if number in wanted:
            yield number, sentence
