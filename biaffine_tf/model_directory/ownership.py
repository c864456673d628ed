"""Whose a directory is: this experiment's, another's, or nobody's."""

from __future__ import annotations

import os

from biaffine_tf.config import ExperimentConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable, remove
from biaffine_tf.model_directory.card_marking import may_replace
from biaffine_tf.model_directory.description import read_config
from biaffine_tf.model_directory.digests import unseal
from biaffine_tf.model_directory.figures import read_scores
from biaffine_tf.model_directory.names import (
    CARD,
    CHECKPOINTS,
    CONFIDENCE,
    CONFIG,
    EXPORT,
    HISTORY,
    LABELS,
    LOGS,
    PREDICTIONS,
    REPORT,
    SCORES,
    VOCABULARY,
    WEIGHTS,
)


def claim(
    directory: str, config: ExperimentConfig, *, overwrite: bool = False
) -> bool:
    """Decides whether a directory is this experiment's to write.

    Changes nothing; see `clear`.

    Args:
        directory: May be new, or hold an earlier start of this experiment.
        config: The experiment.
        overwrite: Accept a directory that holds another experiment.

    Returns:
        True if there is something to train, False if it has been done.

    Raises:
        ConfigError: If the directory cannot be written to, or holds another
            experiment or other files of the same names.
    """
    check_writable(directory)
    present = [
        name
        for name in (CONFIG, LABELS, VOCABULARY, WEIGHTS)
        if os.path.lexists(os.path.join(directory, name))
    ]
    # Experiments write their labels first and remove them last.
    if present and LABELS not in present:
        raise ConfigError(
            f"{directory}: holds files that are no experiment's: "
            f"{', '.join(present)}",
            remedy="give another --output_dir",
        )
    if CONFIG not in present:
        return True
    differences = _differences(directory, config)
    if not differences:
        scores = read_scores(directory) or {}
        return not (scores.get("complete") and WEIGHTS in present)
    if not overwrite:
        raise ConfigError(
            f"{directory}: holds another experiment, which differs in "
            f"{', '.join(differences)}",
            remedy="give another --output_dir, or --overwrite to replace it",
        )
    return True


def clear(directory: str, config: ExperimentConfig) -> None:
    """Removes what another experiment left in a directory that was claimed.

    Args:
        directory: `claim` has been asked.
        config: The experiment whose own files stay.
    """
    if not os.path.exists(os.path.join(directory, LABELS)):
        return  # no experiment's, so that a folder of logs is not ours
    if not _differences(directory, config):
        return
    card = os.path.join(directory, CARD)
    if may_replace(card):  # else somebody wrote or edited it
        remove(card)
    unseal(directory)
    # Whatever is left by a kill, it cannot be taken for another's: the config
    # goes behind all that it describes, the labels last of all.
    for name in (
        CHECKPOINTS,
        EXPORT,
        HISTORY,
        REPORT,
        CONFIDENCE,
        SCORES,
        PREDICTIONS,
        WEIGHTS,
        LOGS,
        VOCABULARY,
        CONFIG,
        LABELS,
    ):
        remove(os.path.join(directory, name))


def _differences(directory: str, config: ExperimentConfig) -> list[str]:
    try:
        return config.differences(read_config(directory))
    except ConfigError as error:
        return [
            f"a {CONFIG} that is damaged or of another version "
            f"({error.problem})"
        ]
