"""Word starts among tokens, for whole-word masking.

Both tokenizers divide text more finely than words: the char tokenizer makes six
tokens of "iPhone", and both make a token of each Chinese character.
"""

from __future__ import annotations

import functools
import logging
import unicodedata
import warnings
from collections.abc import Iterator
from typing import Any

from biaffine_tf.config import Words
from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization.alignment import Offsets

# BERT's ranges of Chinese characters.
_CHINESE = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def find_word_starts(text: str, offsets: Offsets, words: Words) -> bytes:
    """Finds the tokens that begin a word.

    Args:
        text: A text.
        offsets: Characters of each token.
        words: Kind of words. `none`: each token. `alphanumeric`: runs of
            letters and digits; Chinese characters and punctuation marks are
            words of their own. `jieba`: the same, but Chinese characters, and
            signs within numbers and names, are joined as by jieba.

    Returns:
        1 for each token that begins a word, else 0.

    Raises:
        ConfigError: If jieba is needed and not installed.
    """
    if words is Words.NONE:
        return b"\1" * len(offsets)
    starts = _starts_by_characters(text, offsets)
    if words is Words.JIEBA:
        _join(starts, text, offsets)
    return bytes(starts)


def segmenter_version(words: Words) -> str | None:
    """Returns name and version of the segmenter, if there is one.

    Raises:
        ConfigError: If it is not installed.
    """
    if words is not Words.JIEBA:
        return None
    return f"jieba {_jieba().__version__}"


def _starts_by_characters(text: str, offsets: Offsets) -> bytearray:
    starts = bytearray(b"\1" * len(offsets))
    reached = 0  # the end of the token before
    for index, (start, end) in enumerate(offsets):
        if start < reached or (
            0 < start == reached
            and _is_in_words(text[start])
            and _is_in_words(text[start - 1])
        ):
            starts[index] = 0
        reached = end
    return starts


def _join(starts: bytearray, text: str, offsets: Offsets) -> None:
    """Removes the starts within jieba's words."""
    numbers = list(_word_numbers(text))  # number of each character's word
    before = -1
    for index, (start, _) in enumerate(offsets):
        if numbers[start] == before:
            starts[index] = 0
        before = numbers[start]


def _word_numbers(text: str) -> Iterator[int]:
    for number, word in enumerate(_jieba().cut(text)):
        for _ in word:
            yield number


@functools.lru_cache(maxsize=65_536)
def _is_in_words(character: str) -> bool:
    """Whether a character is part of a longer word."""
    if any(low <= ord(character) <= high for low, high in _CHINESE):
        return False
    return unicodedata.category(character)[0] in "LMN"


@functools.cache
def _jieba() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of its own imports
            import jieba
    except ImportError as error:
        raise ConfigError(
            "--words=jieba needs the package jieba, which is not installed",
            remedy="pip install jieba, or give --words=alphanumeric",
        ) from error
    jieba.setLogLevel(logging.ERROR)
    jieba.initialize()
    return jieba
