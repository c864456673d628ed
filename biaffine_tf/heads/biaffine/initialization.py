"""Initial weights of a head that is to be trained."""

from __future__ import annotations

import numpy as np
import tf_keras

from biaffine_tf.config import HeadStart, ModelConfig, TrainingConfig
from biaffine_tf.heads.biaffine.layer import Biaffine
from biaffine_tf.heads.biaffine.priors import class_log_priors
from biaffine_tf.records.span_records import Records

# With projections of vectors of unit variance, logits of some tenths.
_STDDEV = 0.02


def initialize_head(
    head: Biaffine,
    records: Records,
    model: ModelConfig,
    training: TrainingConfig,
) -> None:
    """Sets the bilinear map that training starts from.

    `HeadStart.PRIOR` makes its constant terms the log-odds of each class among
    the pairs that the loss sees, so that no step is spent on learning that most
    pairs are no entity, and the others small random numbers, so that the
    projections learn from the first step on. `HeadStart.ZERO` leaves zeros.

    Args:
        head: Built, with both ones appended.
        records: The training data.
        model: Settings of the model.
        training: Settings of the loss.
    """
    if training.head_start is HeadStart.ZERO:
        return
    log_odds = class_log_priors(
        records.cells,
        records.scored_lengths,
        num_classes=head.num_classes,
        max_span_width=model.head.max_span_width,
        neg_sample=training.neg_sample,
    )
    head.bilinear.assign(draw_bilinear(head.bilinear.shape, log_odds))


def draw_bilinear(
    shape: tuple[int, int, int], log_odds: np.ndarray
) -> np.ndarray:
    """Draws a bilinear map with given constant terms.

    Args:
        shape: `[D + 1, C, D + 1]`.
        log_odds: Constant term of each class, `[C]`.

    Returns:
        float32 of that shape, normal with a standard deviation of 0.02 but for
        `[-1, :, -1]`. It depends on the global seed.
    """
    draw = tf_keras.initializers.TruncatedNormal(stddev=_STDDEV)
    bilinear = draw(tuple(shape)).numpy()
    bilinear[-1, :, -1] = log_odds
    return bilinear
