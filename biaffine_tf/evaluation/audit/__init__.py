"""Alias of `biaffine_tf.reports.audit`."""

from biaffine_tf.reports.audit import *  # noqa: F403
from biaffine_tf.reports.audit import __all__  # noqa: F401
