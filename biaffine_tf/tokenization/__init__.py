"""Tokenization of texts, with character offsets; no TensorFlow.

Example:
    >>> vocabulary = Vocabulary.from_file("vocab.txt")
    >>> tokenizer = make_tokenizer(TokenizerKind.CHAR, vocabulary)
    >>> tokenizer.encode("北京").offsets
    ((0, 1), (1, 2))
"""

from __future__ import annotations

from biaffine_tf.config import TokenizerKind
from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization.alignment import (
    Alignment,
    Cell,
    align,
    to_characters,
)
from biaffine_tf.tokenization.base import Tokenizer, Tokens
from biaffine_tf.tokenization.char import CharTokenizer
from biaffine_tf.tokenization.choosing import (
    choose_case,
    choose_kind,
    share_of_chinese,
)
from biaffine_tf.tokenization.context import (
    NO_CONTEXT,
    Context,
    Surrounded,
    mark,
    surround,
    with_context,
)
from biaffine_tf.tokenization.subword import SubwordTokenizer
from biaffine_tf.tokenization.vocabulary import Vocabulary
from biaffine_tf.tokenization.windows import Window, Windowing, Windows
from biaffine_tf.tokenization.word_evidence import learn_word_rule
from biaffine_tf.tokenization.wordpiece import WordPieceTokenizer
from biaffine_tf.tokenization.words import (
    Edges,
    WordRule,
    cut_spans,
    find_edges,
)

__all__ = [
    "NO_CONTEXT",
    "Alignment",
    "Cell",
    "CharTokenizer",
    "Context",
    "Edges",
    "SubwordTokenizer",
    "Surrounded",
    "Tokenizer",
    "TokenizerKind",
    "Tokens",
    "Vocabulary",
    "Window",
    "Windowing",
    "Windows",
    "WordPieceTokenizer",
    "WordRule",
    "align",
    "choose_case",
    "choose_kind",
    "cut_spans",
    "find_edges",
    "learn_word_rule",
    "make_tokenizer",
    "mark",
    "share_of_chinese",
    "surround",
    "to_characters",
    "with_context",
]


def make_tokenizer(
    kind: TokenizerKind | str,
    vocabulary: Vocabulary,
    *,
    do_lower_case: bool = False,
    strip_accents: bool | None = None,
    tokenize_chinese_chars: bool = True,
    normalise: str = "",
) -> Tokenizer:
    """Builds a tokenizer.

    Args:
        kind: Kind of tokenizer.
        vocabulary: Vocabulary of the encoder.
        do_lower_case: Whether to lowercase; must be as in the training of the
            encoder.
        strip_accents: Whether to strip accents; None for the default of the
            kind, see `TokenizerConfig`.
        tokenize_chinese_chars: Whether WordPiece treats each Chinese character
            as a word; without effect on the char tokenizer.
        normalise: Characters to look up as others, see `normalising`.

    Returns:
        The tokenizer; `make_tokenizer(vocabulary=..., **tokenizer.to_config())`
        builds an equal one.

    Raises:
        ConfigError: If the kind is unknown.
    """
    if kind not in list(TokenizerKind):
        raise ConfigError(
            f"unknown tokenizer {kind!r}",
            remedy=f"use one of {', '.join(TokenizerKind)}",
        )
    if (kind == TokenizerKind.SUBWORD) != (vocabulary.subwords is not None):
        lacks = "no" if kind == TokenizerKind.SUBWORD else "a"
        raise ConfigError(
            f"--tokenizer={kind}: the encoder has {lacks} tokenizer.json of "
            "SentencePiece or byte-level BPE",
            remedy="leave --tokenizer out",
        )
    if kind == TokenizerKind.SUBWORD:
        if normalise:
            raise ConfigError(
                f"--normalise={normalise} is given, but the tokenizer.json of "
                "the encoder says what becomes of characters",
                remedy="leave it out",
            )
        return SubwordTokenizer(vocabulary)
    if kind == TokenizerKind.CHAR:
        return CharTokenizer(
            vocabulary,
            do_lower_case=do_lower_case,
            strip_accents=strip_accents,
            normalise=normalise,
        )
    return WordPieceTokenizer(
        vocabulary,
        do_lower_case=do_lower_case,
        strip_accents=strip_accents,
        tokenize_chinese_chars=tokenize_chinese_chars,
        normalise=normalise,
    )
