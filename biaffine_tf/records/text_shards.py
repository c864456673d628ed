"""TFRecord files of about the same size, one after the other."""

from __future__ import annotations

from types import TracebackType

import tensorflow as tf

_OVERHEAD = 16  # bytes of a record besides its content


class ShardWriter:
    """Writes records in order and begins a new file when one is full.

    Attributes:
        paths: Files begun so far.
    """

    def __init__(self, prefix: str, max_bytes: int) -> None:
        """Creates the writer, but no file before there is a record.

        Args:
            prefix: Path of the files but for their numbers.
            max_bytes: A file of so many bytes is full.
        """
        self.paths: list[str] = []
        self._prefix = prefix
        self._max_bytes = max_bytes
        self._writer: tf.io.TFRecordWriter | None = None
        self._written = 0  # bytes of the last file

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def write(self, record: bytes) -> None:
        """Adds a record."""
        if self._writer is None or self._written >= self._max_bytes:
            self._close()
            self.paths.append(f"{self._prefix}-{len(self.paths):05d}.tfrecord")
            self._writer = tf.io.TFRecordWriter(self.paths[-1])
            self._written = 0
        self._writer.write(record)
        self._written += len(record) + _OVERHEAD

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
