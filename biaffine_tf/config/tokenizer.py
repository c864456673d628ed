"""Settings of the tokenizer."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings


class TokenizerKind(enum.StrEnum):
    """Kind of tokenizer."""

    CHAR = "char"
    WORDPIECE = "wordpiece"
    SUBWORD = "subword"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerConfig(Settings):
    """Settings of the tokenizer; the vocabulary is a file of its own.

    Attributes:
        strip_accents: Whether to strip accents; None for the default of the
            kind: `wordpiece` strips them if it lowercases, `char` never does.
        tokenize_chinese_chars: Whether `wordpiece` makes each Chinese
            character a word; `char` ignores it.
        normalise: Characters that are looked up as others: some of "digits",
            "latin" and "width", sorted, with commas.
    """

    kind: TokenizerKind = setting(
        TokenizerKind.CHAR,
        flag="tokenizer",
        help="Tokenize into characters, WordPiece tokens, or the subwords of "
        "the encoder's tokenizer.json (SentencePiece or byte-level BPE).",
        unset="as stored with the encoder, else characters for Chinese text "
        "and for vocabularies of single characters, else WordPiece tokens",
    )
    do_lower_case: bool = setting(
        False,
        help="Lowercase before tokenization.",
        unset="as stored with the encoder, else true if the vocabulary has "
        "no capitals",
    )
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    normalise: str = ""
