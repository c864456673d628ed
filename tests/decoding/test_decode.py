"""What holds for all decoders, and what is free or left to the best."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf import config
from biaffine_tf.decoding import (
    Candidate,
    Constraints,
    Decoder,
    decode,
    free,
    greedy,
)

# Few values: everything ties.
some_candidates = st.lists(
    st.builds(
        lambda start, width, label, margin, rest: Candidate(
            start, start + width, label, margin / 2, *rest
        ),
        st.integers(0, 4),
        st.integers(1, 4),
        st.sampled_from("xy"),
        st.integers(-1, 2),
        st.sampled_from([(None, None), (None, 0.5), (None, 0.75)]),
    ),
    max_size=12,
)
with_logits = some_candidates.flatmap(
    lambda found: st.lists(
        st.sampled_from([0.0, 1.0]),
        min_size=len(found),
        max_size=len(found),
    ).map(
        lambda logits: [
            one._replace(logit=logit)
            for one, logit in zip(found, logits, strict=True)
        ]
    )
)
options = st.fixed_dictionaries(
    {
        "decoder": st.sampled_from(Decoder),
        "nested": st.booleans(),
        "one_label_per_span": st.booleans(),
        "keep_best": st.booleans(),
    }
)


@given(some_candidates | with_logits, options, st.randoms())
def test_the_order_given_does_not_matter(candidates, chosen, random):
    decoded = decode(candidates, **chosen)
    shuffled = candidates[:]
    random.shuffle(shuffled)
    assert decode(shuffled, **chosen) == decoded


@given(some_candidates | with_logits, options)
def test_by_position_and_each_entity_once(candidates, chosen):
    decoded = decode(iter(candidates), **chosen)
    places = [(one.start, -one.end) for one in decoded]
    assert places == sorted(places)
    assert set(decoded) <= set(candidates)
    entities = {one[:3] for one in decoded}
    assert len(entities) == len(decoded)
    if chosen["one_label_per_span"]:
        assert len(set(places)) == len(places)


@given(some_candidates)
def test_free_keeps_all_that_gains(candidates):
    gaining = {one[:3] for one in candidates if one.margin > 0}
    decoded = decode(candidates, decoder=Decoder.FREE)
    assert {one[:3] for one in decoded} == gaining
    for one in decoded:
        same = [two.margin for two in candidates if two[:3] == one[:3]]
        assert one.margin == max(same)


@given(some_candidates)
def test_free_with_one_label_keeps_the_best_of_each_range(candidates):
    best = {}
    for one in candidates:
        if one.margin > 0:
            best.setdefault(one[:2], []).append((-one.margin, one.label))
    decoded = free(candidates, one_label_per_span=True)
    assert {one[:2]: (-one.margin, one.label) for one in decoded} == {
        place: min(found) for place, found in best.items()
    }
    assert len(decoded) == len(best)


@given(some_candidates)
def test_greedy_with_one_label_is_greedy_over_the_best_of_each_range(found):
    """Without ties in the ranges: there, labels decide."""
    ranges = {}
    for one in sorted(found, key=lambda one: (-one.margin, one.label)):
        ranges.setdefault(one[:2], one)
    decoded = greedy(found, nested=True, one_label_per_span=True)
    alone = greedy(ranges.values(), nested=True)
    assert [one[:4] for one in decoded] == [one[:4] for one in alone]


def test_equal_ranges_by_preference():
    low, high, other = (
        Candidate(0, 2, "x", 1.0),
        Candidate(0, 2, "z", 2.0),
        Candidate(0, 2, "y", 2.0),
    )
    for decoder in Decoder:
        found = decode([low, high, other], decoder=decoder, nested=True)
        assert found == [other, high, low], decoder


@given(some_candidates | with_logits, options)
def test_the_best_is_kept_where_nothing_is(candidates, chosen):
    chosen.pop("keep_best")
    without = decode(candidates, **chosen)
    with_best = decode(candidates, **chosen, keep_best=True)
    if without or not candidates:
        assert with_best == without
    else:
        (best,) = with_best
        assert best in candidates
        assert best.rank == max(one.rank for one in candidates)


@pytest.mark.parametrize("decoder", [Decoder.EXACT, Decoder.FREE])
def test_the_best_of_what_constraints_allow(decoder):
    wide, narrow = (
        Candidate(0, 9, "x", -1.0, logit=5.0),
        Candidate(1, 3, "x", -2.0, logit=4.0),
    )
    found = decode([narrow, wide], decoder=decoder, keep_best=True)
    assert found == [wide]
    bound = {
        "decoder": decoder,
        "constraints": Constraints(max_width=5),
    }
    assert decode([narrow, wide], **bound, keep_best=True) == [narrow]
    assert decode([narrow, wide], **bound) == []
    assert decode([wide], **bound, keep_best=True) == []


def test_constraints_come_before_the_decoder():
    """The next best takes the room of what is dropped."""
    wide, narrow = Candidate(0, 9, "x", 5.0), Candidate(1, 3, "x", 1.0)
    for decoder in Decoder.GREEDY, Decoder.EXACT:
        assert decode([wide, narrow], decoder=decoder) == [wide]
        assert decode(
            [wide, narrow],
            decoder=decoder,
            constraints=Constraints(max_width=5),
        ) == [narrow]


def test_ranges_that_become_equal_are_one_entity():
    text = "（杭州）"
    cut, whole = Candidate(0, 4, "city", 2.0), Candidate(1, 3, "city", 1.0)
    for decoder, nested in itertools.product(Decoder, [False, True]):
        assert decode(
            [whole, cut],
            decoder=decoder,
            nested=nested,
            constraints=Constraints(forbidden_edges="（）"),
            text=text,
        ) == [Candidate(1, 3, "city", 2.0)]


def test_the_decoder_is_the_settings_one():
    assert Decoder is config.Decoder
