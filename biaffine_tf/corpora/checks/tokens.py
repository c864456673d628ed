"""Check that some training span can be learnt with the tokenizer."""

from __future__ import annotations

import collections
from collections.abc import Iterator

from biaffine_tf.corpora.checks.check import Check, Side
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Tokenizer, Windowing, align

_UNALIGNED = "begin or end inside a token or at white space"
_SPLIT = "are in no window as a whole, or beyond --max_seq_length"
_WIDE = "are wider than --max_span_width={}"


class Learnable(Check):
    """Checks training spans until one can be learnt.

    Args:
        tokenizer: Tokenizer of the encoder.
        windowing: Division of long texts.
        max_span_width: Maximum span width in tokens; None for no limit.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        windowing: Windowing,
        max_span_width: int | None,
    ) -> None:
        self._tokenizer = tokenizer
        self._windowing = windowing
        self._max_width = max_span_width
        self._is_found = False
        self._has_token = False
        self._sentences = 0
        self._first: Sentence | None = None
        self._first_labelled: Sentence | None = None
        self._lost: collections.Counter[str] = collections.Counter()

    def add(self, sentence: Sentence, side: Side) -> None:
        """Aligns the spans of a training sentence, unless one is found."""
        if self._is_found or side is not Side.TRAIN:
            return
        self._sentences += 1
        self._first = self._first or sentence
        if sentence.spans or not self._has_token:
            self._look_at(sentence)
        if sentence.spans:
            self._first_labelled = self._first_labelled or sentence

    def errors(self) -> Iterator[DataError]:
        """Yields an error if nothing can be learnt."""
        if self._is_found or self._first is None:
            return
        if not self._has_token:
            yield DataError(
                f"none of the {self._sentences} sentences of the {Side.TRAIN} "
                "has a token",
                file=self._first.file,
                line=self._first.line,
                remedy="give texts that are not blank, or another --tokenizer",
            )
        elif self._first_labelled is not None:
            reasons = [f"{n} {reason}" for reason, n in self._lost.items()]
            yield DataError(
                f"none of the {self._lost.total()} spans of the {Side.TRAIN} "
                f"can be learnt: {', '.join(reasons)}; the first ones are here",
                file=self._first_labelled.file,
                line=self._first_labelled.line,
                remedy="correct the spans (--trim_spans cuts white space off), "
                "or change what is in their way",
            )

    def _look_at(self, sentence: Sentence) -> None:
        tokens = self._tokenizer.encode(sentence.text)
        self._has_token |= len(tokens) > 0
        aligned = align(sentence.spans or (), tokens.offsets)
        if aligned.unaligned:
            self._lost[_UNALIGNED] += len(aligned.unaligned)
        windows = self._windowing.divide(sentence, tokens)
        for first, last, _ in aligned.cells:
            if not windows.holding(first, last):
                self._lost[_SPLIT] += 1
            elif self._max_width and last - first >= self._max_width:
                self._lost[_WIDE.format(self._max_width)] += 1
            else:
                self._is_found = True
                return
