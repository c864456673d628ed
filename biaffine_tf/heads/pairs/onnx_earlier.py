"""Outputs of ONNX models of version 2: scores of all pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biaffine_tf.decoding import Candidates
from biaffine_tf.heads.head import OnnxRun


def find(
    run: OnnxRun,
    input_ids: np.ndarray,
    *,
    min_margin: float,
    force_one_entity: bool,
    is_multi_label: bool,
) -> Candidates:
    """Returns the pairs with a sufficient margin; see `OnnxForm`.

    Args:
        run: Runs the model.
        input_ids: Input of the model, int32 `[B, L + 2]`.
        min_margin: See `Head.candidates`.
        force_one_entity: See `Head.candidates`.
        is_multi_label: Whether a pair may have several labels.
    """
    read = _read_labels if is_multi_label else _read_best
    return read(run(input_ids, {}), min_margin, force_one_entity)


def _read_best(
    outputs: Sequence[np.ndarray], min_margin: float, force_one_entity: bool
) -> Candidates:
    """Reads labels, logits, margins and log-odds, each `[B, L, L]`."""
    labels, logits, margins, log_odds = outputs
    chosen = margins > min_margin
    if force_one_entity:
        _choose_best(chosen, logits, margins)
    where = np.nonzero(chosen)
    sentences, first, last = where
    return Candidates(
        sentences,
        first,
        last + 1,
        labels[where],
        margins[where],
        logits[where],
        log_odds[where],
    )


def _read_labels(
    outputs: Sequence[np.ndarray], min_margin: float, force_one_entity: bool
) -> Candidates:
    """Reads logits and margins, each `[B, L, K, L]`."""
    logits, margins = (x.transpose(0, 1, 3, 2) for x in outputs)
    chosen = np.asarray(margins > min_margin)  # [B, L, L, K]
    if force_one_entity:
        best, at = logits.max(axis=3), logits.argmax(axis=3)
        some = np.asarray(chosen.any(axis=3))
        forced = some.copy()
        _choose_best(forced, best, margins.max(axis=3))
        where = np.nonzero(forced & ~some)
        chosen[(*where, at[where])] = True
    where = np.nonzero(chosen)
    sentences, first, last, label = where
    return Candidates(
        sentences,
        first,
        last + 1,
        label.astype(np.int32) + 1,
        margins[where],
        logits[where],
        margins[where],
    )


def _choose_best(
    chosen: np.ndarray, logits: np.ndarray, margins: np.ndarray
) -> None:
    """Chooses the best pair of each sentence that has none chosen.

    It is the first of those with the greatest logit of any label.

    Args:
        chosen: bool `[B, L, L]`, changed in place.
        logits: Logit of the best label of each pair.
        margins: Margin of each pair; minus infinity if it is no span.
    """
    length = chosen.shape[1]
    is_span = margins > -np.inf
    empty = ~chosen.any(axis=(1, 2)) & is_span.any(axis=(1, 2))
    (rows,) = np.nonzero(empty)
    ranks = np.where(is_span[rows], logits[rows], -np.inf)
    best = ranks.reshape(len(rows), length * length).argmax(axis=1)
    chosen[rows, best // length, best % length] = True
