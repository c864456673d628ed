"""Prediction of any number of files in constant memory; no TensorFlow.

Each file is cut into shards of so many sentences. A shard is predicted by
itself and appears when it is complete: what is in it depends on the file, the
model and the settings, never on where the job was killed and begun again.
"""

from __future__ import annotations

from biaffine_tf.inference.bulk.description import SUMMARY
from biaffine_tf.inference.bulk.folder import Shard
from biaffine_tf.inference.bulk.job import BulkJob, Output, open_job

__all__ = ["SUMMARY", "BulkJob", "Output", "Shard", "open_job"]
