"""Starts a model from a trained one, head included: `--init_model`."""

from __future__ import annotations

import numpy as np

from biaffine_tf import model_directory
from biaffine_tf.config import HeadStart
from biaffine_tf.heads.span_model import SpanModel

_BILINEAR = "biaffine/bilinear"


def load_initial_model(
    directory: str, model: SpanModel, *, head_start: HeadStart
) -> None:
    """Loads all weights of a trained model into one that may have more labels.

    Args:
        directory: Directory of the trained model.
        model: Built, with a head as it starts. Of the same encoder and head;
            its first labels are those of the trained model.
        head_start: How its head starts.

    Raises:
        ConfigError: If the weights are not whole or do not fit.
    """
    stored = model_directory.read_weights(directory)
    initial = model.saved_weights()[_BILINEAR].numpy()
    known = stored.get(_BILINEAR)
    if known is not None and _has_room_for(initial, known):
        stored[_BILINEAR] = init_new_labels(
            initial, known, has_priors=head_start is HeadStart.PRIOR
        )
    model_directory.load_weights(directory, model, stored)


def init_new_labels(
    initial: np.ndarray, known: np.ndarray, *, has_priors: bool
) -> np.ndarray:
    """Bilinear map of a trained head with more labels.

    Args:
        initial: Bilinear map of a new head, float32 `[D + 1, C, D + 1]`.
        known: That of the trained head, `[D + 1, K, D + 1]`, K <= C; its
            classes are the first ones, "none" at first.
        has_priors: Whether the constant terms of the new head are log-odds
            against "none", whose own is 0.

    Returns:
        `[D + 1, C, D + 1]`: known classes as they were trained, those behind
        them as a new head starts them. Log-odds are then against the constant
        term that "none" was trained to.
    """
    bilinear, classes = initial.copy(), known.shape[1]
    bilinear[:, :classes] = known
    if has_priors:
        bilinear[-1, classes:, -1] += known[-1, 0, -1]
    return bilinear


def _has_room_for(initial: np.ndarray, known: np.ndarray) -> bool:
    """Whether they differ in nothing but the number of classes."""
    return (
        known.ndim == initial.ndim
        and known.shape[::2] == initial.shape[::2]
        and known.shape[1] <= initial.shape[1]
    )
