"""Negative sampling: its statistics, and what a draw depends on."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.losses import sample_pairs


def _draw(share=0.3, *, seed=(5, 1), sentences=8, rows=None, columns=None):
    rows = list(range(60) if rows is None else rows)
    columns = rows if columns is None else list(columns)
    return sample_pairs(
        share,
        seed=tf.constant(seed),
        num_sentences=sentences,
        rows=tf.constant(rows),
        columns=tf.constant(columns),
    ).numpy()


def _hash(values):
    """MurmurHash3's finaliser, in Python integers."""
    hashed = 0
    for value in values:
        hashed += value * 0x9E3779B9 + 0x9E3779B9
        hashed %= 2**32
        hashed = (hashed ^ (hashed >> 16)) * 0x85EBCA6B % 2**32
        hashed = (hashed ^ (hashed >> 13)) * 0xC2B2AE35 % 2**32
        hashed ^= hashed >> 16
    return hashed


def test_equals_python_integers():
    got = _draw(0.4, seed=(2**31 - 1, 7), sentences=3, rows=range(40))
    for sentence, row, column in np.ndindex(got.shape):
        hashed = _hash([2**31 - 1, 7, sentence, row, column])
        assert got[sentence, row, column] == (hashed < 0.4 * 2**32)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9])
def test_keeps_the_share(share):
    kept = _draw(share, sentences=20, rows=range(100))
    deviation = np.sqrt(share * (1 - share) / kept.size)
    assert abs(kept.mean() - share) < 4 * deviation
    # Nor may it depend on the sentence, the first or the last token.
    for axes in [(1, 2), (0, 2), (0, 1)]:
        means = kept.mean(axis=axes)
        deviation = np.sqrt(share * (1 - share) * means.size / kept.size)
        assert np.abs(means - share).max() < 5 * deviation


def test_same_seed_same_draw_however_it_is_cut_and_padded():
    whole = _draw()
    np.testing.assert_array_equal(whole, _draw())
    np.testing.assert_array_equal(
        whole[:, 13:30, 20:47], _draw(rows=range(13, 30), columns=range(20, 47))
    )
    longer = _draw(sentences=11, rows=range(64))
    np.testing.assert_array_equal(whole, longer[:8, :60, :60])
