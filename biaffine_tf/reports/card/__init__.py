"""The model card: `README.md` of a model directory, written by training.

Its values come from the other files there; facts that they lack (owner,
language and licence of the data) are left to be written by hand. A card that
was edited is never overwritten.
"""
