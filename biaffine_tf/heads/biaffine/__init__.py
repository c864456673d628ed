"""The biaffine head: its layer, loss, search and initial weights."""
