"""BERT's normalisation of each code point, as tables.

The tables are read from the `tokenizers` library, which normalises for
`WordPieceTokenizer`: its version of Unicode is not Python's or TensorFlow's.

Code points are normalised one by one, with one exception: after canonical
decomposition, adjacent marks are sorted by combining class. The tables keep the
classes for the code that joins the forms.
"""

from __future__ import annotations

import enum
import functools
import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from tokenizers import normalizers, pre_tokenizers

from biaffine_tf.export.code_points import NUM_CODE_POINTS

_BAR = "|"  # maps to itself, and occurs in no other normal form
_UTF32 = np.dtype("<u4")
# Not scalar values, and planes without code points in any version of Unicode:
# normalisation leaves them unchanged.
_SURROGATES = range(0xD800, 0xE000)
_EMPTY_PLANES = range(0x40000, 0xE0000)


class Role(enum.IntEnum):
    """Role of a normalised code point in a text."""

    IN_WORD = 0  # part of a word
    ALONE = 1  # a word of its own: punctuation, Chinese characters
    SPACE = 2  # separates words
    STRIPPED = 3  # an accent, removed once marks are sorted


class NormalForms(NamedTuple):
    """Normal form of each code point: a row of elements, which may be empty.

    Equal forms share a row; there are F rows with E elements in total.

    Attributes:
        rows: Row of each code point, int `[0x110000]`.
        splits: First element of each row, and E, int `[F + 1]`.
        is_mark: Whether the code points of a row are non-spacing marks in
            Python, which adds them to the token before, bool `[F]`.
        shifts: Difference of normalised and original code point, int `[E]`.
        orders: Combining class after decomposition, below 256, int `[E]`.
        roles: `Role` of each element, int `[E]`.
    """

    rows: np.ndarray
    splits: np.ndarray
    is_mark: np.ndarray
    shifts: np.ndarray
    orders: np.ndarray
    roles: np.ndarray


class _Element(NamedTuple):
    shift: int
    order: int
    role: Role


_Form = tuple[bool, tuple[_Element, ...]]  # whether a mark, and elements
_ITSELF = (_Element(0, 0, Role.IN_WORD),)


@functools.cache
def normal_forms(
    *, do_lower_case: bool, strip_accents: bool, tokenize_chinese_chars: bool
) -> NormalForms:
    """Tabulates the normalisation of `WordPieceTokenizer`.

    Args:
        do_lower_case: Whether to lowercase.
        strip_accents: Whether to strip accents.
        tokenize_chinese_chars: Whether Chinese characters are words.
    """
    steps = _Steps.read(
        lowercase=do_lower_case,
        strip_accents=strip_accents,
        handle_chinese_chars=tokenize_chinese_chars,
    )
    marks = {
        c
        for c in range(NUM_CODE_POINTS)
        if unicodedata.category(chr(c)) == "Mn"
    }
    row_of: dict[_Form, int] = {(False, _ITSELF): 0}
    rows = np.zeros(NUM_CODE_POINTS, np.int32)
    for c in steps.code_points() | marks:
        form = c in marks, tuple(steps.elements(c))
        rows[c] = row_of.setdefault(form, len(row_of))
    elements = [element for _, form in row_of for element in form]
    shifts, orders, roles = np.array(elements).T
    return NormalForms(
        rows=rows,
        splits=np.cumsum([0, *(len(form) for _, form in row_of)]),
        is_mark=np.array([is_mark for is_mark, _ in row_of]),
        shifts=shifts,
        orders=orders,
        roles=roles,
    )


class _Steps(NamedTuple):
    """Changes made by each step of normalisation, by code point."""

    clean: Mapping[int, str]
    decompose: Mapping[int, str]
    order: Mapping[int, int]
    strip: Mapping[int, str]
    fold: Mapping[int, str]
    roles: Mapping[int, Role]

    @classmethod
    def read(
        cls, *, lowercase: bool, strip_accents: bool, handle_chinese_chars: bool
    ) -> _Steps:
        def bert(**chosen: bool) -> normalizers.Normalizer:
            steps = ("clean_text", "handle_chinese_chars", "strip_accents")
            nothing = dict.fromkeys((*steps, "lowercase"), False)
            return normalizers.BertNormalizer(**(nothing | chosen))

        steps = cls(
            clean=_changes(
                bert(clean_text=True, handle_chinese_chars=handle_chinese_chars)
            ),
            decompose={},
            order={},
            strip={},
            fold=_changes(bert(lowercase=True)) if lowercase else {},
            roles=_roles(),
        )
        if not strip_accents:
            return steps
        return steps._replace(
            decompose=_changes(normalizers.NFD()),
            order=_combining_classes(),
            strip=_changes(bert(strip_accents=True)),
        )

    def code_points(self) -> set[int]:
        """Returns the code points that any step changes."""
        return set().union(*self)

    def elements(self, code_point: int) -> Iterator[_Element]:
        """Yields the normal form of a code point."""
        cleaned = self.clean.get(code_point, chr(code_point))
        stands_alone = len(cleaned) > 1  # Chinese characters get spaces
        if cleaned and cleaned != " ":
            cleaned = self.decompose.get(code_point, chr(code_point))
        for member in map(ord, cleaned):
            is_stripped = self.strip.get(member) == ""
            for folded in map(ord, self.fold.get(member, chr(member))):
                role = self.roles.get(folded, Role.IN_WORD)
                if is_stripped:
                    role = Role.STRIPPED
                elif stands_alone:
                    role = Role.ALONE
                yield _Element(
                    folded - code_point, self.order.get(member, 0), role
                )


def _all_code_points() -> np.ndarray:
    code_points = np.arange(NUM_CODE_POINTS, dtype=_UTF32)
    return np.delete(code_points, [*_SURROGATES, *_EMPTY_PLANES])


def _changes(normalizer: normalizers.Normalizer) -> dict[int, str]:
    """Returns the normal form of each code point that is changed."""
    code_points = _all_code_points()
    code_points = code_points[code_points != ord(_BAR)]
    joined = np.full(2 * len(code_points), ord(_BAR), _UTF32)
    joined[::2] = code_points
    normal = normalizer.normalize_str(joined.tobytes().decode("utf-32-le"))
    output = np.frombuffer(normal.encode("utf-32-le"), _UTF32)
    ends = np.flatnonzero(output == ord(_BAR))
    starts = np.concatenate([[0], ends[:-1] + 1])
    is_same = (ends - starts == 1) & (output[starts] == code_points)
    return {
        int(code_points[i]): normal[starts[i] : ends[i]]
        for i in np.flatnonzero(~is_same)
    }


def _combining_classes() -> dict[int, int]:
    """Returns the canonical combining classes of the marks that are sorted.

    The class of an assigned code point never changes: libraries differ only in
    newer ones, which they leave in place.
    """
    classes = {c: unicodedata.combining(chr(c)) for c in range(NUM_CODE_POINTS)}
    classes = {c: order for c, order in classes.items() if order}
    # After the highest class, any other is moved before it; before the lowest
    # one, any other is moved behind it.
    highest = chr(max(classes, key=classes.__getitem__))
    lowest = chr(min(classes, key=classes.__getitem__))
    decompose = normalizers.NFD().normalize_str
    return {
        c: order
        for c, order in classes.items()
        if decompose(highest + chr(c)) != highest + chr(c)
        or decompose(chr(c) + lowest) != chr(c) + lowest
    }


def _roles() -> dict[int, Role]:
    """Returns the roles of normalised code points, except accents."""
    # Between letters, a character that stands alone becomes a word, and a space
    # belongs to none.
    code_points = _all_code_points()
    text = np.full(3 * len(code_points) + 2, ord("x"), _UTF32)
    text[2::3] = code_points
    words = pre_tokenizers.BertPreTokenizer().pre_tokenize_str(
        text.tobytes().decode("utf-32-le")
    )
    starts, ends = np.array([bounds for _, bounds in words]).T
    alone = starts[ends - starts == 1]
    edges = np.zeros(len(text) + 1, int)
    edges[starts] += 1
    edges[ends] -= 1
    spaces = np.flatnonzero(np.cumsum(edges)[:-1] == 0)
    return dict.fromkeys(text[alone].tolist(), Role.ALONE) | dict.fromkeys(
        text[spaces].tolist(), Role.SPACE
    )
