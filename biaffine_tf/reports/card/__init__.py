"""The model card: `README.md` of a model directory, written by training.

What it says is true to the other files there; what they do not know (whose data
it was, in which language, under which licence) it leaves to be written by hand.
A card that somebody has touched is never overwritten.
"""
