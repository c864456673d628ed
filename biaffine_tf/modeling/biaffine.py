"""Alias of `biaffine_tf.heads.biaffine.layer`."""

from biaffine_tf.heads.biaffine.layer import Biaffine

__all__ = ["Biaffine"]
