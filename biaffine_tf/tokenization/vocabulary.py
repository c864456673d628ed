"""BERT vocabularies: one token per line; the id is the line number from 0."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from biaffine_tf.errors import DataError
from biaffine_tf.files import atomic_write

PAD, UNK, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
SUBWORDS = "subwords.json"
_BYTE_ORDER_MARK = "\ufeff"
_REMEDY = "use the vocab.txt released with the encoder, unedited"


class Vocabulary:
    """Tokens and their ids; the position of a token is its id.

    A token may be any string that a file can hold, including U+3000 and U+2028:
    only line feeds separate tokens, and nothing is stripped.

    Example:
        >>> vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "中"])
        >>> vocabulary.id("中"), vocabulary.get("国", vocabulary.unk_id)
        (4, 1)
    """

    def __init__(
        self,
        tokens: Sequence[str],
        *,
        subwords: str | None = None,
        file: str | os.PathLike[str] | None = None,
    ) -> None:
        """Creates the vocabulary.

        Args:
            tokens: Tokens in the order of their ids.
            subwords: Content of the `tokenizer.json` that splits text into
                them, from `subword.prepare`; None for BERT's vocabularies.
            file: Path of their file, for messages.

        Raises:
            DataError: If [PAD], [UNK], [CLS] or [SEP] is missing, or a token
                is empty, repeated or contains a line end.
        """
        self._tokens = tuple(tokens)
        self.subwords = subwords
        self._ids: dict[str, int] = {}
        for index, token in enumerate(self._tokens):
            problem = _problem(token, index, self._ids)
            if problem:
                raise DataError(
                    problem, file=file, line=index + 1, remedy=_REMEDY
                )
            self._ids[token] = index
        missing = [p for p in (PAD, UNK, CLS, SEP) if p not in self._ids]
        if missing:
            raise DataError(
                f"not a BERT vocabulary: {', '.join(missing)} missing among "
                f"{len(self)} tokens",
                file=file,
                remedy=_REMEDY,
            )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Reads a vocab.txt: UTF-8, with or without byte order mark and CRLF.

        Args:
            path: Path of the file.

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
        # Not splitlines(): U+2028 and the like are tokens, not line ends.
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        return cls(lines, subwords=_read_subwords(path), file=path)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the vocabulary, one token per line, atomically.

        `subwords`, if there are any, go into `subwords.json` beside it.
        """
        if self.subwords is not None:
            beside = Path(path).with_name(SUBWORDS)
            with atomic_write(beside, "wb") as file:
                file.write(self.subwords.encode())
        with atomic_write(path, "wb") as file:
            file.write(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Returns the content of its file: UTF-8, a line feed per token."""
        return "".join(token + "\n" for token in self._tokens).encode()

    def id(self, token: str) -> int:
        """Returns the id of a token; raises KeyError if it is unknown."""
        return self._ids[token]

    def get(self, token: str, default: int) -> int:
        """Returns the id of a token, or `default` if it is unknown."""
        return self._ids.get(token, default)

    def to_dict(self) -> dict[str, int]:
        """Returns ids by token."""
        return dict(self._ids)

    @property
    def tokens(self) -> tuple[str, ...]:
        """Tokens in the order of their ids."""
        return self._tokens

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

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vocabulary)
            and self._tokens == other._tokens
            and self.subwords == other.subwords
        )

    def __hash__(self) -> int:
        return hash(self._tokens)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"


def _read_subwords(path: str | os.PathLike[str]) -> str | None:
    """Reads the `subwords.json` beside a vocabulary, if there is one."""
    beside = Path(path).with_name(SUBWORDS)
    if not beside.exists():
        return None
    try:
        return beside.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot be read ({error})", file=beside, remedy=_REMEDY
        ) from error


def _problem(token: str, index: int, ids: dict[str, int]) -> str | None:
    """Describes why a token cannot have id `index`; None if it can."""
    if not token:
        return "empty line in the vocabulary: ids would shift"
    if token in ids:
        return f"token {token!r} repeats the one of line {ids[token] + 1}"
    if "\n" in token or token.endswith("\r"):
        return f"token {token!r} holds a line end"
    if index == 0 and token.startswith(_BYTE_ORDER_MARK):
        return f"first token {token!r} starts with a byte order mark"
    return None
