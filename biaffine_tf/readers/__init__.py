"""Alias of `biaffine_tf.formats`."""

from biaffine_tf.formats import *  # noqa: F403
from biaffine_tf.formats import __all__  # noqa: F401
