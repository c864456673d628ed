"""BERT vocabularies: one piece per line, line number - 1 = id."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from biaffine_tf.errors import DataError

PAD, UNK, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
_BYTE_ORDER_MARK = "\ufeff"
_REMEDY = "use the vocab.txt released with the encoder, unedited"


class Vocabulary:
    """Pieces and their ids; the position of a piece is its id.

    A piece may be any string a file can hold, U+3000 and U+2028 included:
    only line feeds separate pieces, and nothing is stripped off them.

    Example:
        >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "中"])
        >>> vocabulary.id("中"), vocabulary.get("国", vocabulary.unk_id)
        (4, 1)
    """

    def __init__(
        self,
        pieces: Sequence[str],
        *,
        file: str | os.PathLike[str] | None = None,
    ) -> None:
        """Creates the vocabulary.

        Args:
            pieces: Pieces of ids 0, 1, ...
            file: Where they come from, for messages.

        Raises:
            DataError: If [PAD], [UNK], [CLS] or [SEP] is missing, or a piece
                is empty, repeated or cannot stand on a line of its own.
        """
        self._pieces = tuple(pieces)
        self._ids: dict[str, int] = {}
        for index, piece in enumerate(self._pieces):
            problem = _problem(piece, index, self._ids)
            if problem:
                raise DataError(
                    problem, file=file, line=index + 1, remedy=_REMEDY
                )
            self._ids[piece] = index
        missing = [p for p in (PAD, UNK, CLS, SEP) if p not in self._ids]
        if missing:
            raise DataError(
                f"not a BERT vocabulary: {', '.join(missing)} missing among "
                f"{len(self)} pieces",
                file=file,
                remedy=_REMEDY,
            )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Reads a vocab.txt: UTF-8, with or without byte order mark and CRLF.

        Args:
            path: The file.

        Returns:
            The vocabulary.

        Raises:
            DataError: If the file cannot be read or is not a vocabulary.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise DataError(
                f"cannot read the vocabulary: {error.strerror}",
                file=path,
                remedy="pass the vocab.txt of the encoder as --vocab_file",
            ) from error
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"the vocabulary is not UTF-8: {error.reason} "
                f"0x{content[error.start]:02x}",
                file=path,
                line=content.count(b"\n", 0, error.start) + 1,
                remedy=_REMEDY,
            ) from error
        # Not splitlines(): U+2028 and its kin are pieces, not line ends.
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        return cls(lines, file=path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the vocabulary, one piece per line, atomically."""
        path = Path(path)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def to_bytes(self) -> bytes:
        """The content of its file: UTF-8, a line feed after each piece."""
        return "".join(piece + "\n" for piece in self._pieces).encode()

    def id(self, piece: str) -> int:
        """Id of a piece; raises KeyError if it is unknown."""
        return self._ids[piece]

    def get(self, piece: str, default: int) -> int:
        """Id of a piece, or `default` if it is unknown."""
        return self._ids.get(piece, default)

    def to_dict(self) -> dict[str, int]:
        """Ids by piece."""
        return dict(self._ids)

    @property
    def pieces(self) -> tuple[str, ...]:
        """Pieces in the order of their ids."""
        return self._pieces

    @property
    def pad_id(self) -> int:
        """Id of [PAD]."""
        return self._ids[PAD]

    @property
    def unk_id(self) -> int:
        """Id of [UNK]."""
        return self._ids[UNK]

    @property
    def cls_id(self) -> int:
        """Id of [CLS]."""
        return self._ids[CLS]

    @property
    def sep_id(self) -> int:
        """Id of [SEP]."""
        return self._ids[SEP]

    def __contains__(self, piece: object) -> bool:
        return piece in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._pieces == other._pieces

    def __hash__(self) -> int:
        return hash(self._pieces)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} pieces)"


def _problem(piece: str, index: int, ids: dict[str, int]) -> str | None:
    """What keeps a piece from being the one of id `index`, if anything."""
    if not piece:
        return "empty line in the vocabulary: ids would shift"
    if piece in ids:
        return f"piece {piece!r} repeats the one of line {ids[piece] + 1}"
    if "\n" in piece or piece.endswith("\r"):
        return f"piece {piece!r} holds a line end"
    if index == 0 and piece.startswith(_BYTE_ORDER_MARK):
        return f"first piece {piece!r} starts with a byte order mark"
    return None
