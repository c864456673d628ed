"""Tokenizers in the graph."""

from __future__ import annotations

import abc
import functools
import unicodedata
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text

from biaffine_tf.export.code_points import (
    NUM_CODE_POINTS,
    CodePointTable,
)
from biaffine_tf.export.normal_forms import normal_forms
from biaffine_tf.export.normaliser import Normaliser, Words
from biaffine_tf.export.vectors import next_place
from biaffine_tf.tokenization import (
    CharTokenizer,
    Tokenizer,
    WordPieceTokenizer,
)
from biaffine_tf.tokenization.normalising import character_map
from biaffine_tf.tokenization.vocabulary import UNK
from biaffine_tf.tokenization.wordpiece import MAX_CHARACTERS_PER_WORD

_MAX_BYTES = 4  # of a code point in UTF-8
_PAGE = 256  # code points that are looked at together


class TokenTensors(NamedTuple):
    """Tokens of texts without [CLS] and [SEP]; see `Tokens`.

    Attributes:
        ids: Vocabulary ids, int32 `[B, (L)]`.
        starts: First code point of each token, int32 `[B, (L)]`.
        ends: One past its last code point, int32 `[B, (L)]`.
    """

    ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


class GraphTokenizer(tf.Module, abc.ABC):
    """Splits texts into the same tokens as its twin in Python.

    All its data is in constants, which a SavedModel keeps.
    """

    @abc.abstractmethod
    def __call__(self, code_points: tf.RaggedTensor) -> TokenTensors:
        """Tokenizes texts.

        Args:
            code_points: Code points from `decode_utf8`, int32 `[B, (T)]`.
        """


def graph_tokenizer(tokenizer: Tokenizer) -> GraphTokenizer:
    """Builds the twin of a tokenizer.

    Args:
        tokenizer: Tokenizer from `make_tokenizer`.
    """
    if isinstance(tokenizer, CharTokenizer):
        return GraphCharTokenizer(tokenizer)
    if isinstance(tokenizer, WordPieceTokenizer):
        return GraphWordPieceTokenizer(tokenizer)
    raise TypeError(f"no twin of {type(tokenizer).__name__}")


class GraphCharTokenizer(GraphTokenizer):
    """Twin of `CharTokenizer`: a token per code point.

    Args:
        tokenizer: The twin in Python.
    """

    def __init__(self, tokenizer: CharTokenizer) -> None:
        super().__init__()
        ids = np.full(NUM_CODE_POINTS, tokenizer.unk_id, np.int32)
        for character in _known_characters(tokenizer):
            ids[ord(character)] = tokenizer.look_up(character)
        self._ids = CodePointTable(ids)

    def __call__(self, code_points: tf.RaggedTensor) -> TokenTensors:
        """Tokenizes texts."""
        begins = tf.cast(code_points.row_starts(), tf.int32)
        starts = tf.range(tf.size(code_points.values)) - tf.gather(
            begins, code_points.value_rowids()
        )
        return TokenTensors(
            ids=code_points.with_values(self._ids(code_points.values)),
            starts=code_points.with_values(starts),
            ends=code_points.with_values(starts + 1),
        )


def _known_characters(tokenizer: CharTokenizer) -> set[str]:
    """Returns all characters that may have a token, and some others."""
    own = (token for token in tokenizer.vocabulary.tokens if len(token) == 1)
    changed = map(chr, character_map(tokenizer.normalise))
    return {*own, *changed, *_folded_characters()}


@functools.cache
def _folded_characters() -> frozenset[str]:
    """Returns the characters that lower case or canonical forms change."""

    def is_folded(text: str) -> bool:
        return text.lower() != text or not unicodedata.is_normalized(
            "NFD", text
        )

    characters = "".join(map(chr, range(NUM_CODE_POINTS)))
    pages = (
        characters[begin : begin + _PAGE]
        for begin in range(0, NUM_CODE_POINTS, _PAGE)
    )
    return frozenset(
        one
        for page in pages
        if is_folded(page)
        for one in page
        if is_folded(one)
    )


class _Tokens(NamedTuple):
    """Tokens of all texts, with indices over all texts; int32 `[P]` each."""

    ids: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


class GraphWordPieceTokenizer(GraphTokenizer):
    """Twin of `WordPieceTokenizer`.

    tensorflow-text gives offsets in bytes of normalised words; each normalised
    code point therefore keeps its original position.

    Args:
        tokenizer: The twin in Python.
    """

    def __init__(self, tokenizer: WordPieceTokenizer) -> None:
        super().__init__()
        forms = normal_forms(
            do_lower_case=tokenizer.do_lower_case,
            strip_accents=tokenizer.strip_accents,
            tokenize_chinese_chars=tokenizer.tokenize_chinese_chars,
        )
        self._normaliser = Normaliser(forms)
        self._looked_up = None
        if tokenizer.normalise:
            looked_up = np.arange(NUM_CODE_POINTS)
            for one, other in character_map(tokenizer.normalise).items():
                looked_up[one] = ord(other)
            self._looked_up = CodePointTable(looked_up)
        self._is_mark = CodePointTable(forms.is_mark[forms.rows])
        self._divide = tensorflow_text.FastWordpieceTokenizer(
            tokenizer.vocabulary.tokens,
            token_out_type=tf.int32,
            unknown_token=UNK,
            max_bytes_per_word=_MAX_BYTES * MAX_CHARACTERS_PER_WORD,
            no_pretokenization=True,
        )

    def __call__(self, code_points: tf.RaggedTensor) -> TokenTensors:
        """Tokenizes texts."""
        if self._looked_up is not None:
            values = self._looked_up(code_points.values)
            code_points = code_points.with_values(values)
        texts = code_points.value_rowids()  # [T]
        splits = tf.cast(code_points.row_splits, tf.int32)  # [B + 1]
        words = self._normaliser(code_points.values, texts)
        tokens = self._tokens_of_words(words)
        text_of = tf.gather(texts, tokens.starts)
        ends = self._with_marks(
            tokens, tf.gather(splits, text_of + 1), code_points.values
        )
        begin = tf.gather(splits, text_of)

        def of_texts(values: tf.Tensor) -> tf.RaggedTensor:
            return tf.RaggedTensor.from_value_rowids(
                values, text_of, nrows=code_points.nrows(), validate=False
            )

        ids = of_texts(tokens.ids)
        return TokenTensors(
            ids=ids,
            starts=ids.with_values(tokens.starts - begin),
            ends=ids.with_values(ends - begin),
        )

    def _tokens_of_words(self, words: Words) -> _Tokens:
        """Splits words greedily from the left, as BERT does."""
        is_long = words.lengths > MAX_CHARACTERS_PER_WORD
        ids, starts, ends = self._divide.tokenize_with_offsets(
            # FastWordpieceTokenizer limits bytes, not characters.
            tf.where(is_long, UNK, words.strings())
        )
        word = ids.value_rowids()  # of each token
        letters, first_bytes = words.letters_of_bytes()
        begin = tf.gather(first_bytes, word)
        last_letters = tf.where(
            tf.gather(is_long, word),
            tf.gather(words.firsts + words.lengths - 1, word),
            tf.gather(letters, begin + tf.cast(ends.values, tf.int32) - 1),
        )
        first_letters = tf.gather(
            letters, begin + tf.cast(starts.values, tf.int32)
        )
        return _Tokens(
            ids.values,
            tf.gather(words.origins, first_letters),
            tf.gather(words.origins, last_letters) + 1,
        )

    def _with_marks(
        self, tokens: _Tokens, text_ends: tf.Tensor, code_points: tf.Tensor
    ) -> tf.Tensor:
        """Extends tokens by the marks after them, up to the next token."""
        following = tf.concat([tokens.starts, [tf.size(code_points)]], 0)[1:]
        limits = tf.minimum(following, text_ends)
        unmarked = next_place(self._is_mark(code_points) == 0)
        moved = tf.minimum(tf.gather(unmarked, tokens.ends), limits)
        return tf.where(tokens.ends < limits, moved, tokens.ends)
