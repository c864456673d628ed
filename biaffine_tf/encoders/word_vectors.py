"""Vectors of tokens, from the tokens that stand next to them.

Positive pointwise mutual information, reduced by a singular value
decomposition: as good as skip-gram with negative sampling on text of this size,
and a matter of seconds (Levy, Goldberg and Dagan 2015,
https://aclanthology.org/Q15-1016, from which the constants are).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse
import sklearn.decomposition

from biaffine_tf.seeds import small_seed

_SMOOTHING = 0.75  # of the frequencies of neighbours
_SINGULAR_VALUES = 0.5  # their power in the vectors
_ITERATIONS = 4  # of the decomposition: more change nothing


def count_neighbours(
    texts: Iterable[np.ndarray],
    row_of: np.ndarray,
    *,
    cls_id: int,
    window: int,
) -> scipy.sparse.csr_matrix:
    """How often each token stands before each other, the nearer the more.

    Args:
        texts: Sequences of ids, one behind the other, each begun by [CLS].
        row_of: int `[V]`: row of each token, -1 for what is not counted.
        cls_id: Id of [CLS].
        window: W: a neighbour at distance d counts (W + 1 - d) / W.

    Returns:
        float `[K, K]`: in a row the tokens to the right of a token; the
        transpose has those to the left.
    """
    size = int(row_of.max(initial=-1)) + 1
    total = scipy.sparse.csr_matrix((size, size))
    for ids in texts:
        sequence, rows = np.cumsum(ids == cls_id), row_of[ids]
        for distance in range(1, window + 1):
            left, right = rows[:-distance], rows[distance:]
            counted = (
                (left >= 0)
                & (right >= 0)
                & (sequence[:-distance] == sequence[distance:])
            )
            weight = (window + 1 - distance) / window
            pairs = (left[counted], right[counted])
            total += scipy.sparse.csr_matrix(
                (np.full(len(pairs[0]), weight), pairs), (size, size)
            )
    return total


def positive_information(
    counts: scipy.sparse.csr_matrix,
) -> scipy.sparse.csr_matrix:
    """Positive pointwise mutual information of rows and columns `[K, K]`.

    Args:
        counts: `[K, K]`, as of `count_neighbours`.
    """
    pairs = counts.tocoo()
    of_row = np.asarray(counts.sum(axis=1)).ravel()
    of_column = np.asarray(counts.sum(axis=0)).ravel() ** _SMOOTHING
    of_column /= of_column.sum()
    information = np.log(
        pairs.data / (of_row[pairs.row] * of_column[pairs.col])
    )
    return scipy.sparse.csr_matrix(
        (np.maximum(information, 0), (pairs.row, pairs.col)), counts.shape
    )


def vectors(
    counts: scipy.sparse.csr_matrix, *, size: int, seed: int
) -> np.ndarray:
    """A vector for each token, by its neighbours on either side.

    Args:
        counts: `[K, K]`, as of `count_neighbours`.
        size: E, of the vectors; less than K.
        seed: Of the decomposition.

    Returns:
        float `[K, E]`, the most telling components first.
    """
    both = scipy.sparse.hstack(
        [positive_information(counts), positive_information(counts.T.tocsr())]
    )
    reduction = sklearn.decomposition.TruncatedSVD(
        size, n_iter=_ITERATIONS, random_state=small_seed(seed)
    )
    scaled = reduction.fit_transform(both)  # U S
    return scaled / reduction.singular_values_ ** (1 - _SINGULAR_VALUES)


def recoloured(vectors: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Vectors with the mean and the covariance of others.

    The strongest component of the ones becomes the strongest of the others,
    and so on down: layers behind find values in the ranges they were made for.

    Args:
        vectors: `[K, E]`, K > E.
        like: `[M, E]`, the others.
    """
    mean, spreads, axes = _components(like)
    own_mean, own_spreads, own_axes = _components(vectors)
    smallest = np.finfo(np.float64).eps * own_spreads[0]
    scales = np.where(
        own_spreads > smallest, spreads / np.maximum(own_spreads, smallest), 0
    )
    return ((vectors - own_mean) @ own_axes * scales) @ axes.T + mean


def _components(vectors: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean `[E]`; deviations `[E]` along axes `[E, E]`, the largest first."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(vectors))
    return mean, np.sqrt(np.maximum(variances[::-1], 0)), axes[:, ::-1]
