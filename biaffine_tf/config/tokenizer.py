"""How text becomes tokens."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings


class TokenizerKind(enum.StrEnum):
    """How text becomes tokens."""

    CHAR = "char"
    WORDPIECE = "wordpiece"
    SUBWORD = "subword"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerConfig(Settings):
    """How text becomes tokens; the vocabulary itself is a file.

    Attributes:
        strip_accents: Whether accents are stripped before look-up; None for
            the habit of the kind: `wordpiece` strips them where it folds case,
            `char` never does.
        tokenize_chinese_chars: Whether `wordpiece` makes each Chinese
            character a word; `char` has no use for it.
    """

    kind: TokenizerKind = setting(
        TokenizerKind.CHAR,
        flag="tokenizer",
        help="Split text into characters, WordPiece tokens, or the subwords of "
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
