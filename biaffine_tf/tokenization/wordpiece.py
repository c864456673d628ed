"""WordPiece tokenizer, on Hugging Face `tokenizers`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from biaffine_tf.config import TokenizerKind
from biaffine_tf.tokenization.base import Tokenizer, Tokens
from biaffine_tf.tokenization.vocabulary import UNK, Vocabulary

# Longer words become [UNK], as in the original BERT release.
MAX_CHARACTERS_PER_WORD = 200

_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


class WordPieceTokenizer(Tokenizer):
    """Splits at white space, punctuation and Chinese characters, then greedily.

    Normalises as BERT does: removes control and format characters and, with
    `do_lower_case`, lowercases and strips accents. `strip_accents` sets the
    accents apart from case; without `tokenize_chinese_chars` Chinese
    characters stay in their words. Tokens nevertheless cover characters of
    the text as given.

    A stripped combining mark belongs to the token before it, so that a word
    with marks is covered to its end. Other removed characters (spaces,
    control characters) are covered only inside a token.

    Lone surrogates, which JSON escapes can create, are treated as U+FFFD,
    which BERT removes.
    """

    kind = TokenizerKind.WORDPIECE

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        do_lower_case: bool = False,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        normalise: str = "",
    ) -> None:
        """Creates the tokenizer.

        Args:
            vocabulary: Vocabulary of the encoder; tokens within words start
                with "##".
            do_lower_case: Whether to lowercase.
            strip_accents: Whether to strip accents; None for as
                `do_lower_case`.
            tokenize_chinese_chars: Whether each Chinese character is a word.
            normalise: See `Tokenizer`.
        """
        super().__init__(
            vocabulary,
            do_lower_case=do_lower_case,
            strip_accents=(
                do_lower_case if strip_accents is None else strip_accents
            ),
            normalise=normalise,
        )
        self.tokenize_chinese_chars = tokenize_chinese_chars
        # No special tokens, so that "[SEP]" in a text is three tokens.
        self._tokenizer = tokenizers.Tokenizer(
            models.WordPiece(
                vocabulary.to_dict(),
                unk_token=UNK,
                max_input_chars_per_word=MAX_CHARACTERS_PER_WORD,
            )
        )
        self._tokenizer.normalizer = normalizers.BertNormalizer(
            clean_text=True,
            handle_chinese_chars=tokenize_chinese_chars,
            strip_accents=self.strip_accents,
            lowercase=do_lower_case,
        )
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    def encode(self, text: str) -> Tokens:
        """Tokenizes a text."""
        encoding = self._tokenizer.encode(
            self._looked_up(text), add_special_tokens=False
        )
        return _tokens(encoding, text)

    def encode_batch(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenizes texts in parallel."""
        encodings = self._tokenizer.encode_batch(
            [self._looked_up(text) for text in texts],
            add_special_tokens=False,
        )
        return [
            _tokens(encoding, text)
            for encoding, text in zip(encodings, texts, strict=True)
        ]

    def knows(self, character: str) -> bool:
        """Whether tokens spell a character, at the start of a word or in it."""
        normal = self._tokenizer.normalizer.normalize_str(
            self._looked_up(character)
        )
        return all(
            part in self.vocabulary or f"##{part}" in self.vocabulary
            for part in normal
            if not part.isspace()
        )

    def _looked_up(self, text: str) -> str:
        return without_surrogates(self.normalised(text))

    def to_config(self) -> dict[str, Any]:
        """Returns the arguments of `make_tokenizer` except the vocabulary."""
        config = super().to_config()
        if self.strip_accents != self.do_lower_case:
            config["strip_accents"] = self.strip_accents
        if not self.tokenize_chinese_chars:
            config["tokenize_chinese_chars"] = False
        return config


def without_surrogates(text: str) -> str:
    """Replaces lone surrogates by U+FFFD, which BERT removes."""
    return _SURROGATE.sub(_REPLACEMENT, text)


def _tokens(encoding: tokenizers.Encoding, text: str) -> Tokens:
    ranges = encoding.offsets
    # Limit of each token's end: the next token, or the end of the text.
    limits = [*(start for start, _ in ranges), len(text)][1:]
    return Tokens(
        ids=tuple(encoding.ids),
        offsets=tuple(
            (start, _end_of_marks(text, end, limit))
            for (start, end), limit in zip(ranges, limits, strict=True)
        ),
    )


def _end_of_marks(text: str, end: int, limit: int) -> int:
    """Moves `end` past combining marks, up to `limit`."""
    while end < limit and unicodedata.category(text[end]) == "Mn":
        end += 1
    return end
