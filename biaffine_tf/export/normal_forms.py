"""What BERT's normalisation makes of each code point, as tables.

The tables are read off the `tokenizers` library itself, which normalises for
`WordPieceTokenizer`: its knowledge of Unicode is of another version than
Python's or TensorFlow's.

Normalisation takes code points one by one, with one exception: behind the
canonical decomposition, neighbouring marks are put in the order of their
combining classes. The tables keep these for whoever joins the forms.
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

_BAR = "|"  # its normal form is itself, and no other form contains it
_UTF32 = np.dtype("<u4")
# No scalar values, and planes that no version of Unicode has put anything into:
# normalisation leaves them alone.
_SURROGATES = range(0xD800, 0xE000)
_EMPTY_PLANES = range(0x40000, 0xE0000)


class Role(enum.IntEnum):
    """What a normalised code point does in a text."""

    IN_WORD = 0  # part of a word
    ALONE = 1  # a word of its own: punctuation, Chinese characters
    SPACE = 2  # parts words
    STRIPPED = 3  # an accent, which is taken out once marks are in order


class NormalForms(NamedTuple):
    """The normal form of each code point: a row of elements, maybe empty.

    Code points that are alike share a row, F rows of E elements in all.

    Attributes:
        rows: The row of each code point, int `[0x110000]`.
        splits: Where each row begins among the elements, int `[F + 1]`.
        is_mark: Whether the code points of a row are non-spacing marks to
            Python, which covers them with the token before, bool `[F]`.
        shifts: Normalised code point less the one it comes from, int `[E]`.
        orders: Combining class behind the decomposition, int `[E]`, below 256.
        roles: A `Role` for each, int `[E]`.
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
        do_lower_case: Whether it folds case.
        strip_accents: Whether it strips accents.
        tokenize_chinese_chars: Whether it sets Chinese characters apart.
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
    """What each step does to the code points that it does not leave alone."""

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
        """All that are not what they were."""
        return set().union(*self)

    def elements(self, code_point: int) -> Iterator[_Element]:
        """The normal form of a code point."""
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
    """The normal form of each code point, where it is not that itself."""
    asked = _all_code_points()
    asked = asked[asked != ord(_BAR)]
    joined = np.full(2 * len(asked), ord(_BAR), _UTF32)
    joined[::2] = asked
    normal = normalizer.normalize_str(joined.tobytes().decode("utf-32-le"))
    found = np.frombuffer(normal.encode("utf-32-le"), _UTF32)
    ends = np.flatnonzero(found == ord(_BAR))
    starts = np.concatenate([[0], ends[:-1] + 1])
    is_same = (ends - starts == 1) & (found[starts] == asked)
    return {
        int(asked[i]): normal[starts[i] : ends[i]]
        for i in np.flatnonzero(~is_same)
    }


def _combining_classes() -> dict[int, int]:
    """Canonical combining classes, of those that the library puts in order.

    A code point has its class for good once it is assigned: libraries differ
    only in those that they do not know yet and leave where they are.
    """
    classes = {c: unicodedata.combining(chr(c)) for c in range(NUM_CODE_POINTS)}
    classes = {c: order for c, order in classes.items() if order}
    # Behind the highest class any other goes before it, and in front of the
    # lowest one any other goes behind it.
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
    """What code points do when they are normal forms, but for accents."""
    # Among letters, a character that stands alone is cut out, and a space is
    # left out.
    asked = _all_code_points()
    text = np.full(3 * len(asked) + 2, ord("x"), _UTF32)
    text[2::3] = asked
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
