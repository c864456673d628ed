"""Compression of files: detected by magic bytes, chosen by file name."""

from __future__ import annotations

import io
from typing import IO, Any, Protocol, cast

from biaffine_tf.errors import ConfigError, DataError

SUFFIXES = (".gz", ".xz", ".bz2", ".zst")
MAGIC_BYTES = 10  # number of bytes that detection needs
_GZIP = b"\x1f\x8b"
_XZ = b"\xfd7zXZ\x00"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
# After "BZh" and a digit; the second one for an empty file.
_BZIP2 = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
# Bounds the memory of unpacking: a few bytes may become a block of 128 KiB.
_PACKED_BYTES = 1 << 10

# Kinds of files without plain text that are given by mistake.
_CONTAINERS = (
    (b"PK\x03\x04", 0, "a ZIP archive (as .xlsx and .docx are)", "unzip {}"),
    (b"PK\x05\x06", 0, "an empty ZIP archive", "unzip {}"),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7-Zip archive", "7z x {}"),
    (b"Rar!\x1a\x07", 0, "a RAR archive", "unrar x {}"),
    (b"ustar", 257, "a tar archive", "tar -xf {}"),
)
_DOCUMENTS = (
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\x00", "an SQLite database"),
)


def is_compressed(start: bytes) -> bool:
    """Returns whether these are the first bytes of a compressed file."""
    return start.startswith((_GZIP, _XZ, _ZSTANDARD)) or _is_bzip2(start)


def decompressed(raw: IO[bytes], start: bytes, file: str) -> IO[bytes] | None:
    """Opens the content of a compressed file.

    Args:
        raw: Open file.
        start: Its first `MAGIC_BYTES`, not yet consumed.
        file: Its name, for messages.

    Returns:
        A stream that does not close `raw`; None if it is not compressed.

    Raises:
        DataError: If it needs a package that is not installed.
    """
    if start.startswith(_GZIP):
        import gzip

        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if start.startswith(_XZ):
        import lzma

        return lzma.open(raw, "rb")
    if _is_bzip2(start):
        import bz2

        return bz2.open(raw, "rb")
    if start.startswith(_ZSTANDARD):
        try:
            import zstandard
        except ImportError:
            raise DataError(
                "is compressed with Zstandard, which needs a package that is "
                "not installed",
                file=file,
                remedy="pip install zstandard, or compress the file with "
                "gzip, xz or bzip2",
            ) from None
        return io.BufferedReader(_ZstandardFile(raw, zstandard))
    return None


def compressor(raw: IO[bytes], path: str) -> IO[bytes]:
    """Opens a stream that compresses by file name and does not close `raw`.

    The same content gives the same bytes.

    Raises:
        ConfigError: If it needs a package that is not installed.
    """
    if path.endswith(".gz"):
        import gzip

        return cast(IO[bytes], gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
    if path.endswith(".xz"):
        import lzma

        return lzma.open(raw, "wb")
    if path.endswith(".bz2"):
        import bz2

        return bz2.open(raw, "wb")
    if path.endswith(".zst"):
        zstandard = _zstandard_for_writing(path)
        packing = zstandard.ZstdCompressor(write_checksum=True)
        return cast(IO[bytes], packing.stream_writer(raw, closefd=False))
    return raw


def check_output_name(path: str) -> None:
    """Raises a ConfigError if a file of this name cannot be compressed."""
    if path.endswith(".zst"):
        _zstandard_for_writing(path)


def foreign_kind(head: bytes, file: str) -> tuple[str, str] | None:
    """Identifies a file without plain text, and the remedy.

    Args:
        head: First bytes of the file, decompressed.
        file: Name of the file, for the command that unpacks it.

    Returns:
        Problem and remedy for a `DataError`; None if it is no known kind.
    """
    for magic, at, kind, unpack in _CONTAINERS:
        if head[at : at + len(magic)] == magic:
            command = unpack.format(file)
            return f"is {kind}", f"unpack it first ({command}) and give a file"
    for magic, kind in _DOCUMENTS:
        if head.startswith(magic):
            return f"is {kind}", "save its text as UTF-8, and give that"
    return None


def _is_bzip2(start: bytes) -> bool:
    return start[:3] == b"BZh" and start[4:10] in _BZIP2


def _zstandard_for_writing(path: str) -> Any:
    try:
        import zstandard
    except ImportError:
        raise ConfigError(
            f"{path}: .zst needs the package zstandard, which is not installed",
            remedy="pip install zstandard, or give a name that ends in .gz, "
            ".xz or .bz2",
        ) from None
    return zstandard


class _Frame(Protocol):
    """Decompressor of one Zstandard frame."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes) -> bytes: ...


class _ZstandardFile(io.RawIOBase):
    """Stream of Zstandard frames; unlike zstandard's, it detects truncation."""

    def __init__(self, raw: IO[bytes], zstandard: Any) -> None:
        self._raw = raw
        self._zstandard = zstandard
        self._frame: _Frame | None = None
        self._packed = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads available bytes into a buffer; returns their number.

        Raises:
            EOFError: If the file ends within a frame.
        """
        while not self._ready:
            if not self._packed:
                self._packed = self._raw.read(_PACKED_BYTES)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError("the file ends within a frame")
                return 0
            if self._frame is None:
                unpacking = self._zstandard.ZstdDecompressor()
                self._frame = unpacking.decompressobj()
            self._ready = memoryview(self._frame.decompress(self._packed))
            self._packed = b""
            if self._frame.eof:
                self._packed = self._frame.unused_data
                self._frame = None
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size
