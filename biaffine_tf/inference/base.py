"""Interface of all predictors; no TensorFlow."""

from __future__ import annotations

import abc
import contextlib
import os
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, overload

from biaffine_tf.config import DecodingConfig
from biaffine_tf.inference.engines import EngineChoice
from biaffine_tf.inference.uses import Uses
from biaffine_tf.spans import Entity, Sentence, Span
from biaffine_tf.tokenization import Windowing


class BasePredictor(abc.ABC):
    """Finds the entities of texts.

    Can be called from several threads at once. Its model is released at the end
    of a `with` block, or by `close`. A pickle or copy of a predictor that
    `biaffine_tf.load` made loads the directory again.

    Example:
        >>> with biaffine_tf.load("model_dir") as ner:
        ...     ner("小明在北京上学")
        [Entity(start=0, end=2, label='name', text='小明', score=0.98), ...]

    Attributes:
        decoding: Settings of decoding.
        windowing: Treatment of long texts; None if a graph does it.
        windowed_sentences: Number of texts read in several windows so far.
        cut_sentences: Number of texts truncated so far.
        origin: Function and arguments that made it, for pickles and copies;
            None if it cannot be made again.
        notes: Remarks on predictions, for users.
        engines: Program that computes the predictions, with the reason why
            `auto` took TensorFlow; of an ensemble, that of each member.
    """

    decoding: DecodingConfig
    windowing: Windowing | None = None
    windowed_sentences: int = 0
    cut_sentences: int = 0
    origin: tuple[Callable[..., BasePredictor], tuple[Any, ...]] | None = None
    notes: tuple[str, ...] = ()
    engines: tuple[EngineChoice, ...] = ()

    def __init__(self) -> None:
        self._is_closed = self._is_released = False
        self._uses = Uses()

    @overload
    def __call__(self, texts: str, **decoding: Any) -> list[Entity]: ...  # type: ignore[overload-overlap]

    @overload
    def __call__(
        self, texts: Iterator[str], **decoding: Any
    ) -> Iterator[list[Entity]]: ...

    @overload
    def __call__(
        self, texts: Iterable[str], **decoding: Any
    ) -> list[list[Entity]]: ...

    def __call__(
        self, texts: str | Iterable[str], **decoding: Any
    ) -> list[Entity] | list[list[Entity]] | Iterator[list[Entity]]:
        """Finds the entities of one or several texts, sorted by position.

        Args:
            texts: A text, several texts, or an iterator over any number of
                them, which is read a few thousand texts ahead.
            **decoding: Fields of `DecodingConfig` to change in this call, such
                as `nested=True`.

        Returns:
            The entities of a text; a list of such lists; or an iterator over
            such lists. In the order of the texts.

        Raises:
            TypeError: If `texts` is of another type.
            ConfigError: If a setting is unknown or out of range, or fixed in
                this predictor.
        """
        if isinstance(texts, str):
            with self._in_use():
                return next(self._entities([texts], decoding))
        if isinstance(texts, bytes | bytearray | Mapping) or not isinstance(
            texts, Iterable
        ):
            raise TypeError(
                f"texts are {_described(texts)}; give a string, or a list or "
                "an iterator of strings"
            )
        if isinstance(texts, Iterator):
            return self._entities(texts, decoding)
        with self._in_use():
            return list(self._entities(texts, decoding))

    @abc.abstractmethod
    def predict(
        self, sentences: Iterable[Sentence], **decoding: Any
    ) -> Iterator[Sentence]:
        """Replaces the spans of sentences by predictions.

        Reads a few thousand sentences ahead, fewer if they are long, and keeps
        their order.

        Args:
            sentences: Sentences, whose own spans are ignored.
            **decoding: See `__call__`.

        Yields:
            Each sentence with predicted spans and their scores.
        """

    def check(self, sentence: Sentence) -> None:  # noqa: B027 (not abstract)
        """Raises a DataError for sentences that cannot be predicted."""

    def close(self) -> None:
        """Releases the model; can be called twice.

        Waits for calls in other threads. Iterators over texts raise an error
        when they are read further.
        """
        self._is_closed = True
        if self._current_uses().is_mine:
            return  # the end of that call releases it
        self._release_if_unused(wait=True)

    def _release(self) -> None:  # noqa: B027 (not abstract)
        """Releases the model; called once, when it is not in use."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles a predictor as its origin."""
        self._check_open()
        if self.origin is None:
            raise TypeError(
                f"{type(self).__name__} was not made by biaffine_tf.load, and "
                "cannot be pickled or copied; load it by that, or pass the "
                "directory of its model"
            )
        return self.origin

    def __repr__(self) -> str:
        parts = [] if self.origin is None else [repr(self.origin[1][0])]
        parts += [f"engine={one}" for one in dict.fromkeys(self.engines)]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._is_closed and not self._current_uses().is_mine:
            raise ValueError("the predictor is closed; load the model again")

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keeps the model until the end, even if the predictor is closed.

        Raises:
            ValueError: If it is closed, except within another use.
        """
        uses = self._current_uses()
        with uses.changed:
            self._check_open()
            uses.enter()
        try:
            yield
        finally:
            uses.leave()
            if self._is_closed:
                self._release_if_unused(wait=False)

    def _current_uses(self) -> Uses:
        if self._uses.process != os.getpid():
            self._uses = Uses()
        return self._uses

    def _release_if_unused(self, *, wait: bool) -> None:
        uses = self._current_uses()
        with uses.changed:
            if wait:
                uses.wait_for_none()
            if not uses and not self._is_released:
                self._is_released = True
                self._release()

    def _entities(
        self, texts: Iterable[str], decoding: Mapping[str, Any]
    ) -> Iterator[list[Entity]]:
        # Not a generator itself, so that errors are raised at once.
        sentences = self.predict(_sentences(texts), **decoding)
        return (
            [_entity(sentence, span) for span in sentence.spans or ()]
            for sentence in sentences
        )


def _sentences(texts: Iterable[str]) -> Iterator[Sentence]:
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"texts[{number}] is {_described(text)}, not a string"
            )
        yield Sentence(text)


def _described(value: object) -> str:
    return f"{type(value).__name__} {reprlib.repr(value)}"


def _entity(sentence: Sentence, span: Span) -> Entity:
    assert span.score is not None
    return Entity(
        span.start, span.end, span.label, sentence.surface(span), span.score
    )
