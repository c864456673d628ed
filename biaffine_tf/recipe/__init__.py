"""Recipes: graphs of commands, of which only those that must be are run again.

`python -m biaffine_tf.recipe` runs one.
"""
