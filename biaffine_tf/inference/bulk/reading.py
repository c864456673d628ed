"""Reading of inputs as streams, past bad sentences."""

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
    """Problems of an input, with a side file for skipped sentences.

    Args:
        check: Raises a DataError for sentences to reject.

    Attributes:
        side: The side file; None for none.
        given_up: Why the input was not read, or not to its end, as JSON
            values; None if it was.
    """

    def __init__(self, check: Callable[[Sentence], None]) -> None:
        super().__init__()
        self.side: SideFile | None = None
        self.given_up: dict[str, Any] | None = None
        self._check = check

    def clear(self) -> None:
        """Resets all counts and `given_up`."""
        super().clear()
        self.given_up = None

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError for a sentence to reject."""
        self._check(sentence)

    def skip(self, error: DataError, data: bytes) -> None:
        """Counts and stores a skipped sentence."""
        super().skip(error, data)
        self._keep(error, data)

    def give_up(self, error: DataError, *, is_begun: bool) -> None:
        """Counts and stores that a file cannot be read further.

        Args:
            error: Reason.
            is_begun: Whether sentences were read before.
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
    """Sentences of an input, read in parts.

    Ends where a file cannot be read further, since it is damaged or lacks
    brackets: nothing after that is reliable.

    Args:
        source: The input.
        options: Options for reading it.
        problems: Receives bad sentences, if they are skipped.

    Attributes:
        position: Bytes of the stored file that were read.
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
        """Whether all sentences have been taken."""
        return self._is_begun and self._ahead is None

    def take(self, max_sentences: int) -> Iterator[Sentence]:
        """Yields the next sentences.

        Reads ahead until the sentence after them, and its problems.

        Args:
            max_sentences: Maximum number of sentences.

        Raises:
            DataError: At the first bad sentence, unless they are skipped; if
                the file is not available.
        """
        if not self._is_begun:
            self._is_begun = True
            self._advance()
        while max_sentences and self._ahead is not None:
            sentence = self._ahead
            self._advance()
            max_sentences -= 1
            yield sentence

    def check_unchanged(self) -> None:
        """Raises a DataError if the file has changed since the start."""
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
            remedy="restore it, or give the new file and another --output_dir",
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
                    self.position = data.stored_bytes_read
                    is_begun = True
                    yield sentence
        except DataError as error:
            if options.on_bad_data is OnBadData.ERROR or _is_passing(error):
                raise
            self.problems.give_up(error, is_begun=is_begun)


def _is_passing(error: DataError) -> bool:
    """Whether the error comes from the machine, not from the content."""
    cause = error.__cause__ or error.__context__
    # Damaged gzip raises an OSError too, but one without errno.
    return isinstance(cause, OSError) and cause.errno is not None
