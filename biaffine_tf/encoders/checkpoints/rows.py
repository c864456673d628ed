"""Word embeddings for a vocabulary from those of a SentencePiece vocabulary."""

from __future__ import annotations

import collections
import enum
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from biaffine_tf.tokenization import Vocabulary

_WORD_START = "▁"
_INSIDE_WORD = "##"
_MAX_RELATED = 32  # tokens that a character is averaged over, commonest first


class Origin(enum.StrEnum):
    """Origin of the embedding of a token."""

    OWN = "have a row of their own"
    RELATED = "take the mean of the rows of related tokens"
    MEAN = "take the mean of all characters"


class TokenRows:
    """Assigns to each token of a vocabulary the rows of a table to average.

    A token takes the row of the token that is spelled like it, at the start of
    a word or within one. Else it takes the mean of the rows that its spelling
    is made of after compatibility normalization (NFKC) and folding of case, or
    else, for a single character, of the commonest tokens that hold it. What is
    left, and [MASK], takes the mean of all single characters.

    Attributes:
        origins: Number of tokens of each origin, special and unused ones
            apart.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        tokens: Sequence[str],
        special: Mapping[str, str],
    ) -> None:
        """Finds the rows.

        Args:
            vocabulary: Tokens that want rows, as of BERT.
            tokens: Tokens of the table, commonest first among those of equal
                spelling.
            special: Names in `vocabulary` of special tokens of the table.
        """
        self._ids: dict[str, int] = {}
        for index, token in enumerate(tokens):
            self._ids.setdefault(token, index)
        named = {name: self._ids[token] for token, name in special.items()}
        self._characters = _Containing(
            token for token in tokens if token not in special
        )
        self.origins: collections.Counter[Origin] = collections.Counter()
        self._rows: list[list[int]] = []
        singles = []
        for token in vocabulary:
            if token in named:
                self._rows.append([named[token]])
                continue
            rows, origin = self._find(token)
            if origin is Origin.OWN and len(token) == 1:
                singles += rows
            if not _is_bracketed(token):
                self.origins[origin] += 1
            self._rows.append(rows)
        self._default = singles or [named["[UNK]"]]

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, table: np.ndarray) -> np.ndarray:
        """Builds the table of the vocabulary.

        Args:
            table: float `[tokens, E]`.

        Returns:
            float `[vocabulary, E]`.
        """
        default = table[self._default].mean(axis=0)
        made = table[[rows[0] if rows else 0 for rows in self._rows]]
        for index, rows in enumerate(self._rows):
            if len(rows) != 1:
                made[index] = table[rows].mean(axis=0) if rows else default
        return made

    def describe(self) -> str:
        """Counts the origins, in one line."""
        total = sum(self.origins.values())
        parts = [
            f"{self.origins[origin]:,} {origin}"
            for origin in Origin
            if self.origins[origin]
        ]
        return f"of {total:,} tokens {', '.join(parts)}"

    def _find(self, token: str) -> tuple[list[int], Origin]:
        if _is_bracketed(token):
            return [], Origin.MEAN
        is_inside = token.startswith(_INSIDE_WORD) and token != _INSIDE_WORD
        spelling = token.removeprefix(_INSIDE_WORD) if is_inside else token
        for form in _forms(spelling):
            first, second = (form, _WORD_START + form)
            if len(form) > 1 and not is_inside:
                first, second = second, first
            for one in (first, second):
                if one in self._ids:
                    is_own = form == spelling
                    origin = Origin.OWN if is_own else Origin.RELATED
                    return [self._ids[one]], origin
        for form in _forms(spelling):
            if rows := self._parts(form):
                return rows, Origin.RELATED
        return [], Origin.MEAN

    def _parts(self, form: str) -> list[int]:
        """Finds rows of the parts of a word, or of tokens with a character."""
        if len(form) == 1:
            return [self._ids[one] for one in self._characters(form)]
        rows = []
        position = 0
        while position < len(form):
            for end in range(len(form), position, -1):
                part = form[position:end]
                if part in self._ids:
                    rows.append(self._ids[part])
                    break
            else:
                return []
            position = end
        return rows


class _Containing:
    """Finds the commonest tokens that hold a character."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._found: dict[str, list[str]] = {}
        for token in tokens:
            for character in set(token):
                found = self._found.setdefault(character, [])
                if len(found) < _MAX_RELATED:
                    found.append(token)

    def __call__(self, character: str) -> list[str]:
        return self._found.get(character, [])


def _forms(spelling: str) -> list[str]:
    """Returns a spelling as it is, normalized, and in other cases."""
    change: Callable[[str], str]
    forms = [spelling, unicodedata.normalize("NFKC", spelling).strip()]
    for change in (str.lower, str.upper, str.title):
        forms.append(change(forms[1]))
    return [form for form in dict.fromkeys(forms) if form]


def _is_bracketed(token: str) -> bool:
    """Whether a token is special or unused, and so never in a text."""
    return len(token) > 2 and token[0] == "[" and token[-1] == "]"
