"""Evaluation report as a self-contained HTML file.

Example:
    >>> from biaffine_tf import evaluation
    >>> from biaffine_tf.reports.html import write_report
    >>> pairs = evaluation.match(gold, predicted)
    >>> write_report("report.html", pairs, title="CLUENER dev")

The file needs no network and no other file: it contains styles, scripts, charts
and sentences.
"""

from biaffine_tf.reports.html.writing import write_report

__all__ = ["write_report"]
