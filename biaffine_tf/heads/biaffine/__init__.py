"""The biaffine head: its layer, loss, search and initial weights."""

from biaffine_tf.heads.biaffine.layer import Biaffine

__all__ = ["Biaffine"]
