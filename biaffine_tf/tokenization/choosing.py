"""Tokenizer and case where nothing says: by the vocabulary, then the text."""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Iterable

from biaffine_tf.choices import Choice
from biaffine_tf.config import TokenizerKind
from biaffine_tf.tokenization.vocabulary import Vocabulary

# Texts that tell their language.
_LOOKED_AT = 10_000

# BERT's CJK blocks: characters that WordPiece tokens set apart.
_CHINESE = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f]"
)
_SPECIAL = re.compile(r"\[.+\]|<.+>", re.DOTALL)
_INSIDE = "##"


def choose_kind(vocabulary: Vocabulary, texts: Iterable[str] = ()) -> Choice:
    """Chooses how texts become tokens, where the encoder does not say.

    1. A vocabulary of single characters (no "##" tokens, and no more than
       half of its tokens longer than a character) is read by characters:
       it has nothing to gain from words.
    2. Any other is a WordPiece vocabulary, Chinese BERT's included, and word
       tokens are what its encoder was trained on. Of Chinese text they are
       characters for the most part, since BERT sets Chinese characters apart;
       reading all by characters, as the original Biaffine-BERT-NER does, then
       adds that entities may begin and end anywhere ("5G手机"). So: characters
       if more than half of the letters of the text are Chinese characters
       that the vocabulary knows, else WordPiece tokens. An English vocabulary
       is read by WordPiece tokens even on Chinese text, which it does not
       know, and a Chinese one on English text.
    3. Without any letter of text: characters if more than half of the
       vocabulary are single Chinese characters (Chinese BERT's: 69 %).

    Args:
        vocabulary: Of the encoder.
        texts: Of the training data. The first 10 000 are looked at, and none
            where the vocabulary settles it.

    Returns:
        A choice of `--tokenizer`; its value is a `TokenizerKind`.
    """
    tokens = _plain_tokens(vocabulary)
    if not _is_wordpiece(tokens):
        reason = "the vocabulary is one of single characters"
        return Choice("tokenizer", TokenizerKind.CHAR, reason)
    share = share_of_chinese(texts, vocabulary)
    if share is not None:
        found = (
            f"{100 * share:.0f} % of the letters of the text are Chinese "
            "characters that the vocabulary knows"
        )
    else:
        bare = [token.removeprefix(_INSIDE) for token in tokens]
        share = sum(map(bool, map(_CHINESE.fullmatch, bare))) / len(tokens)
        found = (
            f"{100 * share:.0f} % of the vocabulary are single Chinese "
            "characters"
        )
    is_chinese = share > 1 / 2
    kind = TokenizerKind.CHAR if is_chinese else TokenizerKind.WORDPIECE
    return Choice("tokenizer", kind, f"a WordPiece vocabulary, and {found}")


def choose_case(vocabulary: Vocabulary) -> Choice:
    """Chooses whether to fold case, where the encoder does not say.

    A vocabulary without capitals, special tokens apart ([...] and <...>), is
    of an encoder that reads folded text: capitals would all be [UNK].

    Args:
        vocabulary: Of the encoder.

    Returns:
        A choice of `--do_lower_case`.
    """
    capital = next((p for p in _plain_tokens(vocabulary) if p != p.lower()), "")
    if capital:
        reason = f"the vocabulary has capitals: {capital}"
    else:
        reason = "the vocabulary has no capitals"
    return Choice("do_lower_case", not capital, reason)


def share_of_chinese(
    texts: Iterable[str], vocabulary: Vocabulary | None = None
) -> float | None:
    """Share of Chinese characters among the letters of texts.

    Args:
        texts: The first 10 000 are looked at.
        vocabulary: Characters that it lacks do not count as Chinese.

    Returns:
        The share, in [0, 1]; None if there are no letters.
    """
    letters: collections.Counter[str] = collections.Counter()
    for text in itertools.islice(texts, _LOOKED_AT):
        letters.update(filter(str.isalpha, text))
    chinese = (
        letters[letter]
        for letter in letters
        if _CHINESE.match(letter)
        and (vocabulary is None or letter in vocabulary)
    )
    total = letters.total()
    return sum(chinese) / total if total else None


def _plain_tokens(vocabulary: Vocabulary) -> list[str]:
    """The tokens that are text, which special ones are not."""
    return [token for token in vocabulary if not _SPECIAL.fullmatch(token)]


def _is_wordpiece(tokens: list[str]) -> bool:
    if any(len(p) > len(_INSIDE) and p.startswith(_INSIDE) for p in tokens):
        return True
    return sum(len(token) > 1 for token in tokens) > len(tokens) / 2
