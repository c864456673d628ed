"""Writing of TFRecord files of about equal size."""

from __future__ import annotations

import tensorflow as tf

_OVERHEAD = 16  # bytes per record besides its content


class ShardWriter:
    """Writes records in order, and begins a new file when one is full.

    Attributes:
        paths: Paths of the files so far.
    """

    def __init__(self, prefix: str, max_bytes: int) -> None:
        """Creates the writer; files are created with their first record.

        Args:
            prefix: Path of the files without their numbers.
            max_bytes: Size at which a file is full.
        """
        self.paths: list[str] = []
        self._prefix = prefix
        self._max_bytes = max_bytes
        self._writer: tf.io.TFRecordWriter | None = None
        self._written = 0  # bytes of the last file

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
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
