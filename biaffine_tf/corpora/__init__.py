"""Labelled corpora: reading several files as one, splits, summaries, checks."""
