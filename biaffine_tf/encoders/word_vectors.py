"""Token vectors from counts of neighbouring tokens.

Positive pointwise mutual information, reduced by a singular value
decomposition: as good as skip-gram with negative sampling on text of this size,
in seconds (Levy, Goldberg and Dagan 2015, https://aclanthology.org/Q15-1016,
from which the constants are).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse
import sklearn.decomposition

from biaffine_tf.seeds import small_seed

_SMOOTHING = 0.75  # exponent of the frequencies of neighbours
_SINGULAR_VALUES = 0.5  # exponent of the singular values
_ITERATIONS = 4  # of the decomposition; more change nothing


def count_neighbours(
    texts: Iterable[np.ndarray],
    row_of: np.ndarray,
    *,
    cls_id: int,
    window: int,
) -> scipy.sparse.csr_matrix:
    """Counts how often each token precedes another, weighted by distance.

    Args:
        texts: Concatenated sequences of ids, each beginning with [CLS].
        row_of: Row of each token, int `[V]`; -1 if it is not counted.
        cls_id: Id of [CLS].
        window: W: a neighbour at distance d counts (W + 1 - d) / W.

    Returns:
        float `[K, K]`: counts of the tokens to the right of the row's token;
        the transpose has those to the left.
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
    """Computes positive pointwise mutual information `[K, K]`.

    Args:
        counts: `[K, K]`, from `count_neighbours`.
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
    """Computes a vector for each token from its neighbours on both sides.

    Args:
        counts: `[K, K]`, from `count_neighbours`.
        size: E, the size of the vectors; less than K.
        seed: Random seed of the decomposition.

    Returns:
        float `[K, E]`, components in descending order of singular values.
    """
    both = scipy.sparse.hstack(
        [positive_information(counts), positive_information(counts.T.tocsr())]
    )
    reduction = sklearn.decomposition.TruncatedSVD(
        size, n_iter=_ITERATIONS, random_state=small_seed(seed)
    )
    scaled = reduction.fit_transform(both)  # U S
    return scaled / reduction.singular_values_ ** (1 - _SINGULAR_VALUES)


def match_covariance(vectors: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Transforms vectors to the mean and covariance of others.

    Maps principal components in order, so that the layers after the embeddings
    receive values in the ranges they were trained on.

    Args:
        vectors: `[K, E]`, K > E.
        like: Vectors with the target distribution, `[M, E]`.
    """
    mean, spreads, axes = _components(like)
    own_mean, own_spreads, own_axes = _components(vectors)
    smallest = np.finfo(np.float64).eps * own_spreads[0]
    scales = np.where(
        own_spreads > smallest, spreads / np.maximum(own_spreads, smallest), 0
    )
    return ((vectors - own_mean) @ own_axes * scales) @ axes.T + mean


def _components(vectors: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns the mean, deviations and axes `[E, E]`, in descending order."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / len(vectors))
    return mean, np.sqrt(np.maximum(variances[::-1], 0)), axes[:, ::-1]
