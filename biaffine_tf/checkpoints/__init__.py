"""Alias of `biaffine_tf.encoders.checkpoints`."""

from biaffine_tf.encoders.checkpoints import *  # noqa: F403
from biaffine_tf.encoders.checkpoints import __all__  # noqa: F401
