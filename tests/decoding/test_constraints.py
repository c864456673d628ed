"""Constraints on candidates against what str and loops say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.decoding import Candidate, Constraints

# Beyond the first plane, too: positions are characters, not bytes or units.
texts = st.text("ab，（𠮷\u3000", min_size=1, max_size=10)
characters = st.text("b，（𠮷\u3000", max_size=3)


@st.composite
def cases(draw):
    text = draw(texts)
    found = []
    for number in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        found.append(Candidate(start, end, f"label{number}", 1.0, 2.0, 0.5))
    narrowest = draw(st.integers(1, 4))
    constraints = Constraints(
        min_width=narrowest,
        max_width=draw(st.none() | st.integers(narrowest, 6)),
        forbidden_edges=draw(characters),
        forbidden_inside=draw(characters),
    )
    return text, found, constraints


@given(cases())
def test_equals_strip_and_loops(case):
    text, found, bounds = case
    expected = []
    for one in found:
        surface = text[one.start : one.end]
        if bounds.forbidden_edges:
            surface = surface.lstrip(bounds.forbidden_edges)
        start = one.end - len(surface)
        if bounds.forbidden_edges:
            surface = surface.rstrip(bounds.forbidden_edges)
        if not surface or any(c in bounds.forbidden_inside for c in surface):
            continue
        if len(surface) < bounds.min_width:
            continue
        if bounds.max_width is not None and len(surface) > bounds.max_width:
            continue
        expected.append(one._replace(start=start, end=start + len(surface)))
    applied = bounds.apply(found, text)
    assert applied == expected
    assert bounds.apply(applied, text) == applied


@given(cases())
def test_no_constraint_changes_nothing(case):
    text, found, _ = case
    assert Constraints().apply(found, text) == found
    assert Constraints().apply(found) == found


@pytest.mark.parametrize(
    "rule", [{"forbidden_edges": "x"}, {"forbidden_inside": "x"}]
)
def test_forbidden_characters_need_the_text(rule):
    with pytest.raises(ValueError, match="no text"):
        Constraints(**rule).apply([Candidate(0, 1, "x", 1.0)])
