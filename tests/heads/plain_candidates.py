"""The plain, slow reading of an `[L, L, C]` tensor of logits."""

import numpy as np

from biaffine_tf.decoding import Candidate


def candidates_from_logits(logits, labels, *, least=0.0, force=False):
    """The best label of each pair whose margin is above the least.

    Args:
        logits: `[L, L, C]`, first by last position; class 0 is none.
        labels: A `LabelMap`.
        least: Margin that they are above.
        force: Whether the pair with the greatest logit of a label stands in
            where there is none.
    """
    found, rest = [], []
    for first in range(len(logits)):
        for last in range(first, len(logits)):
            cell = logits[first, last].astype(np.float64)
            label = 1 + int(cell[1:].argmax())
            others = np.delete(cell, label)
            highest = others.max()
            log_total = highest + np.log(np.exp(others - highest).sum())
            one = Candidate(
                first,
                last + 1,
                labels.name(label),
                margin=float(cell[label] - cell[0]),
                logit=float(cell[label]),
                log_odds=float(cell[label] - log_total),
            )
            (found if one.margin > least else rest).append(one)
    if force and rest and not found:
        return [max(rest, key=lambda one: one.logit)]
    return found
