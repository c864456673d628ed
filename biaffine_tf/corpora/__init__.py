"""Labelled files that are read as one: splits, summaries, checks."""
