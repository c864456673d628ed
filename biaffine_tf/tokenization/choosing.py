"""Choice of tokenizer and case from the vocabulary and the texts."""

from __future__ import annotations

import collections
import itertools
import re
from collections.abc import Iterable

from biaffine_tf.choices import Choice
from biaffine_tf.config import TokenizerKind
from biaffine_tf.tokenization.vocabulary import Vocabulary

# Maximum number of texts to read.
_MAX_TEXTS = 10_000

# BERT's CJK blocks: WordPiece makes each of these characters a word.
_CHINESE = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f]"
)
_SPECIAL = re.compile(r"\[.+\]|<.+>", re.DOTALL)
_INSIDE = "##"


def choose_kind(vocabulary: Vocabulary, texts: Iterable[str] = ()) -> Choice:
    """Chooses the kind of tokenizer, where the encoder does not state it.

    1. A vocabulary of single characters (no "##" tokens, and at most half of
       its tokens longer than a character): characters.
    2. Other vocabularies are WordPiece, including Chinese BERT's, and their
       encoders were trained on WordPiece tokens. For Chinese text these are
       mostly characters; reading all of it by characters, as the original
       implementation does, also lets entities begin and end anywhere
       ("5G手机"). So: characters if more than half of the letters of the text
       are Chinese characters in the vocabulary, else WordPiece. An English
       vocabulary thus gets WordPiece even for Chinese text, and a Chinese one
       for English text.
    3. If the text has no letters: characters if more than half of the
       vocabulary are single Chinese characters (Chinese BERT's: 69 %).

    Args:
        vocabulary: Vocabulary of the encoder.
        texts: Texts of the training data. Reads the first 10 000, if the
            vocabulary alone does not decide.

    Returns:
        Choice of `--tokenizer`, a `TokenizerKind`.
    """
    tokens = _plain_tokens(vocabulary)
    if not _is_wordpiece(tokens):
        reason = "the vocabulary is one of single characters"
        return Choice("tokenizer", TokenizerKind.CHAR, reason)
    share = share_of_chinese(texts, vocabulary)
    if share is not None:
        evidence = (
            f"{100 * share:.0f} % of the letters of the text are Chinese "
            "characters that the vocabulary knows"
        )
    else:
        bare = [token.removeprefix(_INSIDE) for token in tokens]
        share = sum(map(bool, map(_CHINESE.fullmatch, bare))) / len(tokens)
        evidence = (
            f"{100 * share:.0f} % of the vocabulary are single Chinese "
            "characters"
        )
    is_chinese = share > 1 / 2
    kind = TokenizerKind.CHAR if is_chinese else TokenizerKind.WORDPIECE
    return Choice("tokenizer", kind, f"a WordPiece vocabulary, and {evidence}")


def choose_case(vocabulary: Vocabulary) -> Choice:
    """Chooses whether to lowercase, where the encoder does not state it.

    Lowercases if the vocabulary has no capitals outside of special tokens
    ([...] and <...>): capitals would all be [UNK].

    Args:
        vocabulary: Vocabulary of the encoder.

    Returns:
        Choice of `--do_lower_case`.
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
    """Computes the fraction of Chinese characters among letters.

    Args:
        texts: Texts, of which the first 10 000 are read.
        vocabulary: Characters that it lacks do not count as Chinese.

    Returns:
        The fraction, in [0, 1]; None if there are no letters.
    """
    letters: collections.Counter[str] = collections.Counter()
    for text in itertools.islice(texts, _MAX_TEXTS):
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
    """Returns the tokens that are not special."""
    return [token for token in vocabulary if not _SPECIAL.fullmatch(token)]


def _is_wordpiece(tokens: list[str]) -> bool:
    if any(len(p) > len(_INSIDE) and p.startswith(_INSIDE) for p in tokens):
        return True
    return sum(len(token) > 1 for token in tokens) > len(tokens) / 2
