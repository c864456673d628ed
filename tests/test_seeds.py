"""Seeds: each its own, in whatever takes them."""

from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.seeds import MAX_SEED, order_seed, small_seed

MODULUS = 2**31 - 1  # TensorFlow's
EDGES = [0, 1, 42, MODULUS - 1, MODULUS, MODULUS + 1, 3 * 10**9, MAX_SEED]
seeds = st.sampled_from(EDGES) | st.integers(0, MAX_SEED)


@given(seeds)
def test_seeds_fit_what_takes_them(seed):
    assert 0 <= small_seed(seed) < MODULUS
    assert order_seed(seed) + 10**6 < 2**63
    assert small_seed(seed) == small_seed(seed)


@given(st.integers(0, MODULUS - 1), st.integers(0, 1000))
def test_seeds_that_always_worked_mean_what_they_meant(seed, epoch):
    assert small_seed(seed) == seed
    assert order_seed(seed) + epoch == seed * 1_000_003 + epoch


def _drawn_from(seed, epoch):
    """What TensorFlow makes of the seeds of an epoch's order."""
    return small_seed(seed) % MODULUS, (order_seed(seed) + epoch) % MODULUS


@given(seeds, seeds, st.integers(0, 1000), st.integers(0, 1000))
def test_no_two_seeds_share_the_order_of_an_epoch(one, two, first, second):
    if one != two:
        assert _drawn_from(one, first) != _drawn_from(two, second)


def test_the_seed_that_tensorflow_takes_for_0():
    others = [seed for seed in EDGES if seed != MODULUS]
    others += [small_seed(MODULUS), order_seed(MODULUS)]
    for epoch in range(100):
        drawn = _drawn_from(MODULUS, epoch)
        assert all(
            drawn != _drawn_from(seed, other)
            for seed in others
            for other in range(100)
        )
