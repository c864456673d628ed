"""The model directory, which training writes and everything else loads.

config.json          settings of the run
labels.txt           line n is the label of id n (id 0, "none", is implied)
vocab.txt            vocabulary of the tokenizer
weights.safetensors  weights of the best epoch, by name
scores.json          dev scores of the best epoch, with intervals, seed, time,
                     environment; test scores under "test"
predictions.jsonl    dev predictions of the best epoch
history.json         scores and times of every epoch
confidence.json      calibration and thresholds, fitted to the dev set
digests.json         digests of the files that predictions depend on
report.html          dev scores and sentences, to look at
                     (without a dev set there are no dev scores, predictions,
                     confidence and report, and the last epoch is kept)
README.md            model card
onnx/                the model for ONNX Runtime, which predicts on a CPU in
                     place of the weights; see `onnx_form`
export/              the model as a SavedModel, if --export is given
logs/                TensorBoard
records/             training data (unless --records_dir keeps it elsewhere)
checkpoints/         for continuing a killed run; removed when training ends

`card.writing`, which writes the card, is imported only where it is needed.
"""

from __future__ import annotations

from biaffine_tf.model_directory.confidence import (
    read_confidence,
    read_fit,
    read_fitted,
    write_confidence,
)
from biaffine_tf.model_directory.description import (
    Description,
    read_config,
    read_description,
    write_description,
)
from biaffine_tf.model_directory.digests import (
    check_digests,
    intact,
    is_sealed,
    seal,
    unseal,
)
from biaffine_tf.model_directory.ensemble import (
    ENSEMBLE,
    OUT_OF_FOLD,
    Ensemble,
    EnsembleMember,
    Rule,
    check_members,
    is_ensemble,
    member_directories,
    read_ensemble,
    write_ensemble,
)
from biaffine_tf.model_directory.fingerprints import model_fingerprints
from biaffine_tf.model_directory.folders import check_is_folder
from biaffine_tf.model_directory.intervals import keep_intervals
from biaffine_tf.model_directory.manifest import Manifest, check_export_dir
from biaffine_tf.model_directory.names import (
    CARD,
    CHECKPOINTS,
    CONFIDENCE,
    CONFIG,
    DIGESTS,
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
from biaffine_tf.model_directory.run_directory import Experiment, RunDirectory
from biaffine_tf.model_directory.scores import (
    check_kept,
    read_history,
    read_scores,
)
from biaffine_tf.model_directory.weights import (
    check_weights,
    load_weights,
    read_weights,
    save_weights,
)

__all__ = [
    "CARD",
    "CHECKPOINTS",
    "CONFIDENCE",
    "CONFIG",
    "DIGESTS",
    "ENSEMBLE",
    "EXPORT",
    "HISTORY",
    "LABELS",
    "LOGS",
    "ONNX_FORM",
    "OUT_OF_FOLD",
    "PREDICTIONS",
    "REPORT",
    "SCORES",
    "SUBWORDS",
    "VOCABULARY",
    "WEIGHTS",
    "Description",
    "Ensemble",
    "EnsembleMember",
    "Experiment",
    "Manifest",
    "Rule",
    "RunDirectory",
    "check_digests",
    "check_export_dir",
    "check_is_folder",
    "check_kept",
    "check_members",
    "check_weights",
    "intact",
    "is_ensemble",
    "is_sealed",
    "keep_intervals",
    "load_weights",
    "member_directories",
    "model_fingerprints",
    "read_confidence",
    "read_config",
    "read_description",
    "read_ensemble",
    "read_fit",
    "read_fitted",
    "read_history",
    "read_scores",
    "read_weights",
    "save_weights",
    "seal",
    "unseal",
    "write_confidence",
    "write_description",
    "write_ensemble",
]
