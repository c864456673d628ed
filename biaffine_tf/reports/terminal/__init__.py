"""Renders sentences with their entities for a terminal (no TensorFlow).

    python -m biaffine_tf.display PREDICTIONS [--gold GOLD] [--count 10]

Example:
    >>> sentence = Sentence("清华大学", spans=(Span(0, 4, "school"),))
    >>> print(render(sentence).plain)
    [清华大学|school]
"""

from biaffine_tf.reports.terminal.folding import fold
from biaffine_tf.reports.terminal.palette import Palette
from biaffine_tf.reports.terminal.rendering import render

__all__ = ["Palette", "fold", "render"]
