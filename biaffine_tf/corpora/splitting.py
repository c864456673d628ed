"""Splits a dev set, or one of several folds, off a corpus without copies."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from biaffine_tf.corpora.corpus import Corpus, Part
from biaffine_tf.corpora.stratify import NO_ENTITY, SENTENCES, choose
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.spans import Sentence

# Error factor of the dev set's size above which equal texts may be separated.
_MAX_ERROR = 2


class Split(NamedTuple):
    """A corpus in two parts.

    Attributes:
        train: Training data.
        dev: Dev set.
        lines: Description of the split, to be printed.
    """

    train: Corpus
    dev: Corpus
    lines: list[str]


def split(corpus: Corpus, *, fraction: float, seed: int) -> Split:
    """Splits a corpus into training data and a dev set.

    Documents stay whole, and sentences of equal text (ignoring white space) are
    in the same part. If equal texts tie too many documents together to get near
    the fraction, only documents stay whole. The split is stratified by label,
    see `choose`. Reads the corpus once; takes a few dozen bytes of memory per
    sentence.

    Args:
        corpus: Labelled corpus, without `part`.
        fraction: Fraction of the dev set, in (0, 1).
        seed: Random seed.

    Raises:
        ConfigError: If the fraction is out of range.
        DataError: As for `Corpus.read`, or if a part would be empty.
    """
    if not 0 < fraction < 1:
        raise ConfigError(
            f"--dev_fraction must be above 0 and below 1, got {fraction}",
            remedy="give the dev set's fraction of the sentences, such as 0.1",
        )
    survey = _Survey(corpus.read())
    is_dev = survey.divide(fraction, seed, with_texts=True)
    if survey.has_documents and _error(is_dev, fraction) > _MAX_ERROR:
        untied = survey.divide(fraction, seed, with_texts=False)
        is_dev = min(is_dev, untied, key=lambda one: _error(one, fraction))
    name = f"--dev_fraction={fraction}"
    if len(set(is_dev)) < 2:
        raise _indivisible(corpus, survey, name)
    return _split(corpus, survey, is_dev, f"{name} --seed={seed}")


def split_fold(corpus: Corpus, *, number: int, folds: int, seed: int) -> Split:
    """Splits a corpus into one of several folds, the dev set, and the others.

    The folds are disjoint and cover the corpus. Documents and equal texts stay
    together and labels are stratified, as in `split`. Reads the corpus once.

    Args:
        corpus: Labelled corpus, without `part`.
        number: Number of the fold, from 1.
        folds: Number of folds, at least 2.
        seed: Random seed of all folds.

    Raises:
        ConfigError: If the number is out of range.
        DataError: As for `Corpus.read`, or if a fold would be empty.
    """
    if not 1 <= number <= folds or folds < 2:
        raise ConfigError(
            f"--fold={number}/{folds} is no fold",
            remedy="give its number and the number of folds, such as 1/5",
        )
    survey = _Survey(corpus.read())
    fold_of = survey.deal(folds, seed, with_texts=True)
    if survey.has_documents and _excess(fold_of, folds) > _MAX_ERROR:
        untied = survey.deal(folds, seed, with_texts=False)
        fold_of = min(fold_of, untied, key=lambda one: _excess(one, folds))
    name = f"--fold={number}/{folds}"
    if len(set(fold_of)) < folds:
        raise _indivisible(corpus, survey, name)
    is_dev = [one == number - 1 for one in fold_of]
    return _split(corpus, survey, is_dev, f"{name} --seed={seed}")


def _split(
    corpus: Corpus, survey: _Survey, is_dev: Sequence[bool], name: str
) -> Split:
    train, dev = (
        dataclasses.replace(corpus, part=Part(f"{part} of {name}", chosen))
        for part, chosen in (
            ("train", bytes(not one for one in is_dev)),
            ("dev", bytes(is_dev)),
        )
    )
    return Split(train, dev, list(survey.describe(is_dev, name)))


def _excess(fold_of: Sequence[int], folds: int) -> float:
    """Returns the factor by which the largest fold is too large."""
    sizes = collections.Counter(fold_of)
    return max(sizes.values(), default=0) * folds / max(len(fold_of), 1)


def _error(is_dev: Sequence[bool], fraction: float) -> float:
    """Returns the factor by which the dev set is too large or too small."""
    share = sum(is_dev) / len(is_dev)
    return max(share / fraction, fraction / share) if share else math.inf


class _Survey:
    """Labels, documents and text digests of the sentences."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        self._labels: list[tuple[str, ...]] = []
        self._texts: list[bytes] = []
        self._documents: list[int | None] = []
        seen: dict[tuple[str, ...], tuple[str, ...]] = {}
        documents: dict[tuple[str | None, str], int] = {}
        for sentence in sentences:
            labels = tuple(sorted(span.label for span in sentence.spans or ()))
            labels = labels or (NO_ENTITY,)
            self._labels.append(seen.setdefault(labels, labels))
            self._texts.append(text_digest(sentence.text))
            document = sentence.document
            self._documents.append(
                None
                if document is None
                else documents.setdefault(
                    (sentence.file, document), len(documents)
                )
            )
        self.has_documents = bool(documents)

    def divide(
        self, fraction: float, seed: int, *, with_texts: bool
    ) -> list[bool]:
        """Returns whether each sentence is in the dev set."""
        units = self._units(with_texts=with_texts)
        amounts = self._amounts(units)
        is_dev = [False] * len(self._labels)
        for unit, is_chosen in zip(
            units, choose(amounts, fraction=fraction, seed=seed), strict=True
        ):
            if is_chosen:
                for number in unit:
                    is_dev[number] = True
        return is_dev

    def deal(self, folds: int, seed: int, *, with_texts: bool) -> list[int]:
        """Returns the fold of each sentence, from 0.

        Each fold is chosen among what the folds before it have left.
        """
        left = self._units(with_texts=with_texts)
        fold_of = [folds - 1] * len(self._labels)
        for fold in range(folds - 1):
            chosen = choose(
                self._amounts(left), fraction=1 / (folds - fold), seed=seed
            )
            for unit, is_chosen in zip(left, chosen, strict=True):
                for number in unit if is_chosen else ():
                    fold_of[number] = fold
            left = [
                unit
                for unit, is_chosen in zip(left, chosen, strict=True)
                if not is_chosen
            ]
        return fold_of

    def _amounts(
        self, units: Sequence[Sequence[int]]
    ) -> list[collections.Counter[str | None]]:
        """Counts labels and sentences of units."""
        return [
            collections.Counter[str | None](
                label for number in unit for label in self._labels[number]
            )
            + collections.Counter({SENTENCES: len(unit)})
            for unit in units
        ]

    def _units(self, *, with_texts: bool) -> list[list[int]]:
        """Groups the numbers of sentences that must stay together."""
        forest = list(range(len(self._labels)))
        first: dict[int | bytes, int] = {}
        for number, (document, text) in enumerate(
            zip(self._documents, self._texts, strict=True)
        ):
            ties: list[int | bytes] = [] if document is None else [document]
            if with_texts or document is None:
                ties.append(text)
            for tie in ties:
                _join(forest, number, first.setdefault(tie, number))
        units: dict[int, list[int]] = {}
        for number in range(len(forest)):
            units.setdefault(_root(forest, number), []).append(number)
        return list(units.values())

    def describe(self, is_dev: Sequence[bool], name: str) -> Iterator[str]:
        """Yields lines with the sizes and labels of both parts."""
        documents = [
            {
                document
                for document, here in zip(self._documents, is_dev, strict=True)
                if document is not None and here is part
            }
            for part in (True, False)
        ]
        of_documents = (
            f", {len(documents[0])} of {sum(map(len, documents))} documents"
            if self.has_documents
            else ""
        )
        yield (
            f"{name}: {sum(is_dev)} of {len(is_dev)} sentences"
            f"{of_documents} are the dev set"
        )
        dev, train = (
            collections.Counter(
                label
                for labels, here in zip(self._labels, is_dev, strict=True)
                if here is part
                for label in labels
                if label != NO_ENTITY
            )
            for part in (True, False)
        )
        yield from _describe_labels(dev, train)
        shared = {
            text
            for text, here in zip(self._texts, is_dev, strict=True)
            if not here
        }
        leaked = sum(
            here and text in shared
            for text, here in zip(self._texts, is_dev, strict=True)
        )
        if leaked:
            yield (
                f"{name}: {leaked} sentences of the dev set repeat the text of "
                "a training sentence, because documents stay whole"
            )

    @property
    def num_documents(self) -> int:
        """Number of documents."""
        return len({one for one in self._documents if one is not None})


def _describe_labels(
    dev: collections.Counter[str], train: collections.Counter[str]
) -> Iterator[str]:
    both = dev + train
    if not both:
        return
    shares = {label: dev[label] / both[label] for label in sorted(both)}
    lowest, highest = (
        f"{100 * shares[label]:.1f} % ({label}: {dev[label]} of {both[label]})"
        for label in (
            min(shares, key=shares.__getitem__),
            max(shares, key=shares.__getitem__),
        )
    )
    yield (
        f"entities of the dev set: {dev.total()} of {both.total()} "
        f"({100 * dev.total() / both.total():.1f} %); by label {lowest} to "
        f"{highest}"
    )
    for part, other, name in (
        (dev, train, "training data"),
        (train, dev, "dev set"),
    ):
        alone = [label for label in sorted(other) if not part[label]]
        if alone:
            yield f"labels of the {name} alone: {', '.join(alone)}"


def _indivisible(corpus: Corpus, survey: _Survey, name: str) -> DataError:
    problem = f"{name} leaves no sentence to train on, or none to score"
    if survey.has_documents:
        problem += (
            f": its sentences are from {survey.num_documents} documents, which "
            "stay whole"
        )
    return DataError(
        problem,
        file=corpus.name,
        remedy="give more data, or a dev set as --eval_data",
    )


def text_digest(text: str) -> bytes:
    """Returns a digest of a text that ignores the amount of white space."""
    spaced = " ".join(text.split()).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(spaced, digest_size=8).digest()


def _join(forest: list[int], one: int, other: int) -> None:
    one, other = _root(forest, one), _root(forest, other)
    forest[max(one, other)] = min(one, other)


def _root(forest: list[int], number: int) -> int:
    while forest[number] != number:
        forest[number] = number = forest[forest[number]]
    return number
