"""A token per character, as the original Biaffine-BERT-NER does for Chinese."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

from biaffine_tf.config import TokenizerKind
from biaffine_tf.tokenization.base import Tokenizer, Tokens
from biaffine_tf.tokenization.vocabulary import Vocabulary

# Texts of no more characters share their offsets: many are of one length.
_SHARED_LENGTH = 512


class CharTokenizer(Tokenizer):
    """Every code point of the text is one token, white space included.

    Token i covers characters [i, i + 1), always. A character that the
    vocabulary lacks is [UNK].

    With `do_lower_case` each character is looked up in its lower-case form.
    Where that is longer than one character (of all of Unicode only "İ",
    which becomes "i" and a combining dot), the character itself is looked up
    and, failing that, the first character of its lower-case form.

    Accents stay unless `strip_accents` says otherwise: then a character is
    looked up without those that its canonical decomposition has, if one
    character is left of it ("é" as "e", but a combining accent as itself).
    """

    kind = TokenizerKind.CHAR

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        do_lower_case: bool = False,
        strip_accents: bool | None = None,
    ) -> None:
        """Creates the tokenizer.

        Args:
            vocabulary: Tokens to look characters up in.
            do_lower_case: Whether to look up lower-case forms.
            strip_accents: Whether to look up forms without accents; not if
                None.
        """
        super().__init__(
            vocabulary,
            do_lower_case=do_lower_case,
            strip_accents=bool(strip_accents),
        )
        # Characters seen so far: far fewer than looked up.
        self._ids: dict[str, int] = {}

    def encode(self, text: str) -> Tokens:
        """Tokens of a text: one per character."""
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
        """Arguments of `make_tokenizer` but for the vocabulary."""
        unusual = {"strip_accents": True} if self.strip_accents else {}
        return super().to_config() | unusual

    def look_up(self, character: str) -> int:
        """Id of the token of a character."""
        if self.strip_accents:
            character = _without_accents(character)
        if not self.do_lower_case:
            return self.vocabulary.get(character, self.unk_id)
        lower = character.lower()
        if len(lower) == 1 or character not in self.vocabulary:
            return self.vocabulary.get(lower[0], self.unk_id)
        return self.vocabulary.id(character)


def _without_accents(character: str) -> str:
    """A character without accents, if that is still one character."""
    bare = "".join(
        part
        for part in unicodedata.normalize("NFD", character)
        if unicodedata.category(part) != "Mn"
    )
    return bare if len(bare) == 1 else character


def _offsets(length: int) -> tuple[tuple[int, int], ...]:
    return tuple((i, i + 1) for i in range(length))


_shared_offsets = functools.lru_cache(maxsize=None)(_offsets)
