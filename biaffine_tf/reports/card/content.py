"""What a model card is made of: the other files of the model directory."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from biaffine_tf.calibration.fitting import FittedConfidence
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.model_directory.confidence import read_fit
from biaffine_tf.model_directory.description import read_description
from biaffine_tf.model_directory.figures import read_scores
from biaffine_tf.spans import LabelMap


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """All that a card says.

    Attributes:
        title: The directory's name.
        config: The experiment.
        labels: Labels of the model.
        scores: What `scores.json` holds; older runs recorded less.
        fit: Calibration and thresholds; None if nothing was fitted.
    """

    title: str
    config: ExperimentConfig
    labels: LabelMap
    scores: dict[str, Any]
    fit: FittedConfidence | None

    @property
    def has_dev(self) -> bool:
        """Whether there was a dev set."""
        return "micro" in self.scores

    @property
    def is_calibrated(self) -> bool:
        """Whether scores are not simply the model's probabilities."""
        if self.fit is None:
            return False
        confidence = self.fit.confidence
        return (confidence.temperature, confidence.bias) != (1, 0)

    @property
    def unscored_labels(self) -> list[str]:
        """Labels that no entity of the dev set has; none without a dev set."""
        if not self.has_dev:
            return []
        scored = self.scores["labels"]
        return [
            name
            for name in self.labels
            if name not in scored or not scored[name]["gold"]
        ]

    @property
    def dev_source(self) -> str:
        """Fingerprint of the dev set, or where it was taken from."""
        data = self.config.data
        if "dev_fraction" in data:
            return f"{data['dev_fraction']} of the training file"
        known = "not recorded" if self.has_dev else "none"
        return data.get("eval_data", known)

    @property
    def entities(self) -> int:
        """Entities of the dev set that were scored."""
        return sum(one["gold"] for one in self.scores["labels"].values())


def gather(directory: str) -> Content | None:
    """Reads what a card says.

    Args:
        directory: A model directory.

    Returns:
        None if no epoch of its training has ended yet.

    Raises:
        ConfigError: If it is damaged.
    """
    scores = read_scores(directory)
    if scores is None:
        return None
    config, labels, _ = read_description(directory)
    return Content(
        title=os.path.basename(os.path.realpath(directory)),
        config=config,
        labels=labels,
        scores=scores,
        fit=read_fit(directory),
    )
