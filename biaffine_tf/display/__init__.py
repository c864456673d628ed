"""Alias of `biaffine_tf.reports.terminal`."""

from biaffine_tf.reports.terminal import *  # noqa: F403
from biaffine_tf.reports.terminal import __all__  # noqa: F401
