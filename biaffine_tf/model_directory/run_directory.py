"""Output directories of runs: ownership and reset."""

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
    ONNX_FORM,
    PREDICTIONS,
    REPORT,
    SCORES,
    SUBWORDS,
    VOCABULARY,
    WEIGHTS,
)
from biaffine_tf.model_directory.scores import read_scores


class RunDirectory:
    """Output directory of a run: new, of this run, or of another.

    Subclasses define the contents.

    Args:
        path: Path, which may be missing or hold an earlier start of this run.
    """

    kind = "run"  # for messages

    def __init__(self, path: str) -> None:
        self.path = path

    def acquire(self, *, overwrite: bool = False) -> bool:
        """Checks that this run may write to the directory.

        Changes nothing; see `reset`.

        Args:
            overwrite: Whether to accept a directory of another run.

        Returns:
            True if there is work to do, False if the run is complete.

        Raises:
            ConfigError: If the directory is not writable, or holds another
                run or other files of the same names.
        """
        check_writable(self.path)
        strangers = self.strangers()
        if strangers:
            raise ConfigError(
                f"{self.path}: holds files that no {self.kind} wrote: "
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
        """Removes another run from an acquired directory."""
        if self.differences():
            self.remove_run()

    def strangers(self) -> list[str]:
        """Names of files that no run has written."""
        raise NotImplementedError

    def differences(self) -> list[str]:
        """Lists the settings in which an existing run differs from this one."""
        raise NotImplementedError

    def is_complete(self) -> bool:
        """Whether this run is there and complete."""
        raise NotImplementedError

    def remove_run(self) -> None:
        """Removes the existing run."""
        raise NotImplementedError


class Experiment(RunDirectory):
    """Model directory of a fine-tuning run.

    Args:
        path: Path of the directory.
        config: Settings of the run.
    """

    kind = "experiment"

    def __init__(self, path: str, config: ExperimentConfig) -> None:
        super().__init__(path)
        self._config = config

    def strangers(self) -> list[str]:
        """Lists files, unless there are labels, which a run removes last."""
        names = (CONFIG, LABELS, VOCABULARY, WEIGHTS)
        present = [name for name in names if self._has(name)]
        return [] if LABELS in present else present

    def differences(self) -> list[str]:
        """Lists differences in config.json; damage counts as one."""
        # Without labels it is no experiment, and a folder of logs is not ours.
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
        """Removes another experiment, or the rest of a killed removal."""
        if self._has(LABELS) and not self._has(CONFIG):
            self.remove_run()
        super().reset()

    def remove_run(self) -> None:
        """Removes all files of an experiment."""
        card = os.path.join(self.path, CARD)
        if may_replace(card):  # else it was written or edited by somebody
            remove(card)
        unseal(self.path)
        # A killed removal must not look like another's directory: config.json
        # is removed after all that it describes, the labels last.
        for name in (
            CHECKPOINTS,
            EXPORT,
            HISTORY,
            REPORT,
            CONFIDENCE,
            SCORES,
            PREDICTIONS,
            ONNX_FORM,
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
