"""Tag schemes against seqeval, and every scheme against its inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval import scheme as seqeval

from biaffine_tf.errors import ConfigError
from biaffine_tf.formats import TagScheme
from biaffine_tf.formats.tags import (
    NOT_ENDED,
    ORPHAN,
    OTHER_LABEL,
    TagError,
    WordSpan,
    decode,
    encode,
    guess_scheme,
    looks_like_tag,
)

LABELS = ["city", "City", "creative-work", "PER.NOM", "a_b", "O", "B-I"]


@st.composite
def flat_spans(draw: st.DrawFn) -> tuple[list[WordSpan], int]:
    """Spans that do not overlap, and the number of tokens."""
    spans = []
    position = 0
    for _ in range(draw(st.integers(0, 6))):
        start = position + draw(st.integers(0, 2))
        position = start + draw(st.integers(1, 4))
        label = draw(st.sampled_from(LABELS))
        spans.append(WordSpan(start, position, label))
    return spans, position + draw(st.integers(0, 2))


def tags_of(spans: list[WordSpan], length: int, scheme: str) -> list[str]:
    """The tags by the books: one span at a time, one token at a time."""
    tags = ["O"] * length
    for start, end, label in spans:
        for index in range(start, end):
            first, last = index == start, index == end - 1
            before = next((s for s in spans if s.end == start), None)
            if scheme == "iob1":
                again = before is not None and before.label == label
                letter = "B" if first and again else "I"
            elif scheme == "bio":
                letter = "B" if first else "I"
            elif scheme == "ioe1":
                after = next((s for s in spans if s.start == end), None)
                again = after is not None and after.label == label
                letter = "E" if last and again else "I"
            elif scheme == "ioe2":
                letter = "E" if last else "I"
            else:
                begin, inside, end_, single = scheme
                letter = (
                    (single if last else begin)
                    if first
                    else (end_ if last else inside)
                )
            tags[index] = f"{letter}-{label}"
    return tags


SCHEMES = [
    (TagScheme.IOB1, "iob1", seqeval.IOB1),
    (TagScheme.BIO, "bio", seqeval.IOB2),
    # seqeval does not read all of IOE1 ("Todo" in its source).
    (TagScheme.IOE1, "ioe1", None),
    (TagScheme.IOE2, "ioe2", seqeval.IOE2),
    (TagScheme.BIOES, "BIES", seqeval.IOBES),
    (TagScheme.BILOU, "BILU", seqeval.BILOU),
    (TagScheme.BMES, "BMES", None),
]


@pytest.mark.parametrize(("scheme", "letters", "reference"), SCHEMES)
@given(data=flat_spans())
def test_decodes_what_was_encoded_and_agrees_with_seqeval(
    scheme, letters, reference, data
):
    spans, length = data
    tags = tags_of(spans, length, letters)
    reports = []
    for chosen in (scheme, TagScheme.AUTO):
        found = decode(tags, chosen, lambda *r: reports.append(r), scheme)
        assert found == spans
    assert not reports
    if reference is not None and tags:
        entities = seqeval.Entities([tags], reference).entities[0]
        assert [(e.start, e.end, e.tag) for e in entities] == spans


@given(data=flat_spans(), scheme=st.sampled_from(["bio", "bioes"]))
def test_encode_is_by_the_books(data, scheme):
    spans, length = data
    letters = {"bio": "bio", "bioes": "BIES"}[scheme]
    expected = tags_of(spans, length, letters)
    assert encode(spans, length, TagScheme(scheme)) == expected


@given(
    tags=st.lists(
        st.builds(
            lambda letter, label: f"{letter}-{label}",
            st.sampled_from("BI"),
            st.sampled_from(["x", "y"]),
        )
        | st.just("O"),
        max_size=12,
    )
)
def test_orphans_are_read_as_conlleval_reads_them(tags):
    """conlleval: I- begins a span unless one of its label is open."""
    expected = []
    orphans = 0
    previous = "O"
    for index, tag in enumerate([*tags, "O"]):
        goes_on = tag[0] == "I" and previous[1:] == tag[1:]
        if previous != "O" and not goes_on:
            expected[-1] = (*expected[-1][:1], index, expected[-1][2])
        if tag != "O" and not goes_on:
            expected.append((index, None, tag[2:]))
            orphans += tag[0] == "I"
        previous = tag
    reports = []
    spans = decode(tags, TagScheme.BIO, lambda *r: reports.append(r))
    assert spans == expected
    assert len(reports) == orphans
    reports.clear()
    decode(tags, TagScheme.IOB1, lambda *r: reports.append(r))
    assert not reports


@pytest.mark.parametrize(
    ("tags", "spans", "kinds"),
    [
        ("I-x I-x", [(0, 2, "x")], [ORPHAN, NOT_ENDED]),
        ("B-x E-y", [(0, 1, "x"), (1, 2, "y")], [NOT_ENDED, OTHER_LABEL]),
        ("E-x O", [(0, 1, "x")], [ORPHAN]),
        ("B-x I-x O", [(0, 2, "x")], [NOT_ENDED]),
        ("B-x S-y", [(0, 1, "x"), (1, 2, "y")], [NOT_ENDED]),
        ("B-x E-x I-x E-x", [(0, 2, "x"), (2, 4, "x")], [ORPHAN]),
        ("B-x", [(0, 1, "x")], [NOT_ENDED]),
    ],
)
def test_malformed_bioes_is_read_and_reported(tags, spans, kinds):
    reports = []
    found = decode(
        tags.split(), TagScheme.BIOES, lambda kind, _: reports.append(kind)
    )
    assert found == spans
    assert sorted(reports) == sorted(kinds)


@pytest.mark.parametrize(
    "tag", ["B", "B-", "B- ", "X-city", "o", "", "b-city", "B_city", "city-B"]
)
def test_unknown_tags_are_named(tag):
    with pytest.raises(TagError) as caught:
        decode(["O", tag])
    assert caught.value.index == 1
    assert repr(tag) in str(caught.value)
    assert "bioes" in str(caught.value)


def test_a_named_scheme_takes_only_its_own_prefixes():
    with pytest.raises(TagError, match="B-label, I-label"):
        decode(["S-x"], TagScheme.BIO)


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("", TagScheme.BIO),
        ("O O", TagScheme.BIO),
        ("B-x I-x O I-x", TagScheme.BIO),
        ("I-x I-x O I-y B-y O I-x", TagScheme.IOB1),
        ("I-x I-x O I-y E-y I-y O I-x", TagScheme.IOE1),
        ("I-x E-x O E-y E-y", TagScheme.IOE2),
        ("B-x E-x", TagScheme.BIOES),
        ("S-x O", TagScheme.BIOES),
        ("B-x M-x E-x S-x", TagScheme.BMES),
        ("B-x L-x U-x", TagScheme.BILOU),
    ],
)
def test_the_scheme_is_guessed(tags, scheme):
    assert guess_scheme(tags.split()) is scheme


def test_encode_refuses_what_it_cannot_write():
    with pytest.raises(ConfigError):
        encode([], 1, TagScheme.BMES)
    with pytest.raises(ValueError, match="overlaps"):
        encode([WordSpan(0, 2, "x"), WordSpan(1, 3, "y")], 3)


def test_what_looks_like_a_tag_includes_foreign_schemes():
    for tag in ("O", "B-x", "B_x", "X-x", "B-a-b", "city-B"):
        assert looks_like_tag(tag)
    for word in ("word", "2", "Oh", "", "well-known", "NN"):
        assert not looks_like_tag(word)
