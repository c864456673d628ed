"""Alias of `biaffine_tf.heads.biaffine`."""

from biaffine_tf.heads.biaffine import Biaffine

__all__ = ["Biaffine"]
