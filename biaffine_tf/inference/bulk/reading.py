"""An input as a stream of sentences that goes on behind bad ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

from biaffine_tf.errors import DataError
from biaffine_tf.formats import OnBadData, Problems, ReadOptions, open_data
from biaffine_tf.formats.damage import check_undamaged
from biaffine_tf.inference.bulk.description import Input
from biaffine_tf.inference.bulk.side_file import SideFile
from biaffine_tf.spans import Sentence


class InputProblems(Problems):
    """Problems of an input; what is skipped goes to a side file.

    Args:
        check: Raises a DataError for sentences to be refused.

    Attributes:
        side: The side file; None to keep nothing.
        given_up: Why the input was not read, or not to its end, as JSON
            values; None if that did not happen.
    """

    def __init__(self, check: Callable[[Sentence], None]) -> None:
        super().__init__()
        self.side: SideFile | None = None
        self.given_up: dict[str, Any] | None = None
        self._check = check

    def clear(self) -> None:
        """Forgets all counts, and that the input was given up."""
        super().clear()
        self.given_up = None

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError if a sentence is to be refused."""
        self._check(sentence)

    def skip(self, error: DataError, data: bytes) -> None:
        """Counts and keeps a sentence that is skipped."""
        super().skip(error, data)
        self._keep(error, data)

    def give_up(self, error: DataError, *, is_begun: bool) -> None:
        """Counts and keeps that a file cannot be read on.

        Args:
            error: Why.
            is_begun: Whether there were sentences before.
        """
        kind = "file not read to its end" if is_begun else "file not read"
        self.count(kind, str(error))
        self.given_up = {"line": error.line, "reason": error.problem}
        self._keep(error, None)

    def _keep(self, error: DataError, data: bytes | None) -> None:
        if self.side is not None:
            self.side.write(
                file=error.file or "",
                line=error.line,
                reason=error.problem,
                data=data,
            )


class Reading:
    """The sentences of an input, some at a time.

    Where a file cannot be read on (it is damaged, or brackets are missing), it
    ends: nothing behind that can be trusted.

    Args:
        source: The input.
        options: How to read it.
        problems: Where bad sentences go, if they are skipped.

    Attributes:
        position: Bytes of the file, as it is stored, that were read.
        problems: As given.
    """

    def __init__(
        self, source: Input, options: ReadOptions, problems: InputProblems
    ) -> None:
        self.position = 0
        self.problems = problems
        self._source = source
        self._options = options
        self._sentences = self._read()
        self._is_begun = False
        self._ahead: Sentence | None = None

    @property
    def at_end(self) -> bool:
        """Whether all sentences were taken."""
        return self._is_begun and self._ahead is None

    def take(self, most: int) -> Iterator[Sentence]:
        """The next sentences.

        All that is wrong before the sentence behind them is found meanwhile.

        Args:
            most: So many at most.

        Raises:
            DataError: At the first bad sentence, unless they are skipped; if
                the file cannot be had.
        """
        if not self._is_begun:
            self._is_begun = True
            self._advance()
        while most and self._ahead is not None:
            sentence = self._ahead
            self._advance()
            most -= 1
            yield sentence

    def check_unchanged(self) -> None:
        """Raises a DataError if the file is another than at the start."""
        path = self._source.path
        try:
            now = os.stat(path)
        except OSError as error:
            problem = f"cannot be read any more ({error.strerror})"
        else:
            if (now.st_size, now.st_mtime_ns) == (
                self._source.size,
                self._source.modified,
            ):
                return
            problem = "has changed while it was read"
        raise DataError(
            problem,
            file=path,
            remedy="restore it, or give what it is now and another "
            "--output_dir",
        )

    def close(self) -> None:
        """Closes the file."""
        self._sentences.close()

    def _advance(self) -> None:
        self._ahead = next(self._sentences, None)

    def _read(self) -> Generator[Sentence, None, None]:
        options, is_begun = self._options, False
        try:
            check_undamaged(self._source.path)
            with open_data(self._source.path, options, self.problems) as data:
                for sentence in data.sentences():
                    self.position = data.source.stored_bytes_read
                    is_begun = True
                    yield sentence
        except DataError as error:
            if options.on_bad_data is OnBadData.ERROR or _is_passing(error):
                raise
            self.problems.give_up(error, is_begun=is_begun)


def _is_passing(error: DataError) -> bool:
    """Whether the machine is to blame rather than the content of a file."""
    cause = error.__cause__ or error.__context__
    # Damaged gzip is an OSError too, but not one of the system.
    return isinstance(cause, OSError) and cause.errno is not None
