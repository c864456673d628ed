"""Prediction of any number of files in constant memory; no TensorFlow.

Each file is divided into shards of a fixed number of sentences. A shard is
predicted on its own and appears when it is complete: its content depends on the
file, the model and the settings, not on interruptions of the job.
"""

from __future__ import annotations

from biaffine_tf.inference.bulk.description import SUMMARY, recorded_engine
from biaffine_tf.inference.bulk.folder import Shard
from biaffine_tf.inference.bulk.job import BulkJob, Output, open_job

__all__ = [
    "SUMMARY",
    "BulkJob",
    "Output",
    "Shard",
    "open_job",
    "recorded_engine",
]
