"""Tokenizer with a token per character, as in the original implementation."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

from biaffine_tf.config import TokenizerKind
from biaffine_tf.tokenization.base import Tokenizer, Tokens
from biaffine_tf.tokenization.vocabulary import Vocabulary

# Maximum length of texts that share their offsets.
_SHARED_LENGTH = 512


class CharTokenizer(Tokenizer):
    """Makes each code point of the text a token, including white space.

    Token i always covers characters [i, i + 1). A character that the
    vocabulary lacks is [UNK].

    With `do_lower_case` each character is looked up in lower case. If that is
    longer than one character (in all of Unicode only for "İ", which becomes "i"
    and a combining dot), the character itself is looked up, or else the first
    character of its lower-case form.

    With `strip_accents` a character is looked up without the accents of its
    canonical decomposition, if one character is left ("é" as "e", but a
    combining accent as itself).
    """

    kind = TokenizerKind.CHAR

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        do_lower_case: bool = False,
        strip_accents: bool | None = None,
        normalise: str = "",
    ) -> None:
        """Creates the tokenizer.

        Args:
            vocabulary: Vocabulary of the encoder.
            do_lower_case: Whether to look characters up in lower case.
            strip_accents: Whether to look characters up without accents; None
                for no.
            normalise: See `Tokenizer`.
        """
        super().__init__(
            vocabulary,
            do_lower_case=do_lower_case,
            strip_accents=bool(strip_accents),
            normalise=normalise,
        )
        # Cache of characters, which are far fewer than look-ups.
        self._ids: dict[str, int] = {}

    def encode(self, text: str) -> Tokens:
        """Tokenizes a text."""
        for character in set(text).difference(self._ids):
            self._ids[character] = self.look_up(character)
        is_short = len(text) <= _SHARED_LENGTH
        return Tokens(
            ids=tuple(map(self._ids.__getitem__, text)),
            offsets=(_shared_offsets if is_short else _offsets)(len(text)),
        )

    def knows(self, character: str) -> bool:
        """Whether the vocabulary has the token of a character."""
        return self.look_up(character) != self.unk_id

    def to_config(self) -> dict[str, Any]:
        """Returns the arguments of `make_tokenizer` except the vocabulary."""
        unusual = {"strip_accents": True} if self.strip_accents else {}
        return super().to_config() | unusual

    def look_up(self, character: str) -> int:
        """Returns the id of a character's token."""
        character = self.normalised(character)
        if self.strip_accents:
            character = _without_accents(character)
        if not self.do_lower_case:
            return self.vocabulary.get(character, self.unk_id)
        lower = character.lower()
        if len(lower) == 1 or character not in self.vocabulary:
            return self.vocabulary.get(lower[0], self.unk_id)
        return self.vocabulary.id(character)


def _without_accents(character: str) -> str:
    bare = "".join(
        part
        for part in unicodedata.normalize("NFD", character)
        if unicodedata.category(part) != "Mn"
    )
    return bare if len(bare) == 1 else character


def _offsets(length: int) -> tuple[tuple[int, int], ...]:
    return tuple((i, i + 1) for i in range(length))


_shared_offsets = functools.lru_cache(maxsize=None)(_offsets)
