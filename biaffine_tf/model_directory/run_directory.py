"""Output directories of runs: whose one is, and how it changes hands."""

from __future__ import annotations

import os

from biaffine_tf.config import ExperimentConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable, remove
from biaffine_tf.model_directory.card_marking import may_replace
from biaffine_tf.model_directory.description import read_config
from biaffine_tf.model_directory.digests import unseal
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
    SUBWORDS,
    VOCABULARY,
    WEIGHTS,
)
from biaffine_tf.model_directory.scores import read_scores


class RunDirectory:
    """Output directory of a run: this run's, another's, or nobody's.

    Subclasses say what is in it.

    Args:
        path: It may be new, or hold an earlier start of this run.
    """

    kind = "run"  # for messages

    def __init__(self, path: str) -> None:
        self.path = path

    def acquire(self, *, overwrite: bool = False) -> bool:
        """Decides whether the directory is this run's to write.

        Changes nothing; see `reset`.

        Args:
            overwrite: Accept a directory that holds another run.

        Returns:
            True if there is something to do, False if it has been done.

        Raises:
            ConfigError: If the directory cannot be written to, or holds
                another run or other files of the same names.
        """
        check_writable(self.path)
        strangers = self.strangers()
        if strangers:
            raise ConfigError(
                f"{self.path}: holds files that are no {self.kind}'s: "
                f"{', '.join(strangers[:4])}",
                remedy="give another --output_dir",
            )
        differences = self.differences()
        if differences and not overwrite:
            raise ConfigError(
                f"{self.path}: holds another {self.kind}, which differs in "
                f"{', '.join(differences)}",
                remedy="give another --output_dir, or --overwrite to replace "
                "it",
            )
        return bool(differences) or not self.is_complete()

    def reset(self) -> None:
        """Removes another run from a directory that was acquired."""
        if self.differences():
            self.remove_run()

    def strangers(self) -> list[str]:
        """Names of files that no run has written."""
        raise NotImplementedError

    def differences(self) -> list[str]:
        """Settings in which the run that is there differs, if there is one."""
        raise NotImplementedError

    def is_complete(self) -> bool:
        """Whether this run is there, and has ended."""
        raise NotImplementedError

    def remove_run(self) -> None:
        """Removes the run that is there."""
        raise NotImplementedError


class Experiment(RunDirectory):
    """Model directory of a fine-tuning run.

    Args:
        path: The directory.
        config: The experiment.
    """

    kind = "experiment"

    def __init__(self, path: str, config: ExperimentConfig) -> None:
        super().__init__(path)
        self._config = config

    def strangers(self) -> list[str]:
        """Experiments write their labels first and remove them last."""
        names = (CONFIG, LABELS, VOCABULARY, WEIGHTS)
        present = [name for name in names if self._has(name)]
        return [] if LABELS in present else present

    def differences(self) -> list[str]:
        """Differences in config.json; its damage is one."""
        # Without labels, it is no experiment's, and a folder of logs not ours.
        if not (self._has(LABELS) and self._has(CONFIG)):
            return []
        try:
            return self._config.differences(read_config(self.path))
        except ConfigError as error:
            return [
                f"a {CONFIG} that is damaged or of another version "
                f"({error.problem})"
            ]

    def is_complete(self) -> bool:
        """Whether config, weights and complete scores are there."""
        scores = self._has(CONFIG) and read_scores(self.path)
        return bool(scores and scores.get("complete")) and self._has(WEIGHTS)

    def reset(self) -> None:
        """Removes another experiment, or what a killed removal has left."""
        if self._has(LABELS) and not self._has(CONFIG):
            self.remove_run()
        super().reset()

    def remove_run(self) -> None:
        """Removes all that an experiment writes."""
        card = os.path.join(self.path, CARD)
        if may_replace(card):  # else somebody wrote or edited it
            remove(card)
        unseal(self.path)
        # Whatever is left by a kill, it cannot be taken for another's: the
        # config goes behind all that it describes, the labels last of all.
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
            SUBWORDS,
            CONFIG,
            LABELS,
        ):
            remove(os.path.join(self.path, name))

    def _has(self, name: str) -> bool:
        return os.path.lexists(os.path.join(self.path, name))
