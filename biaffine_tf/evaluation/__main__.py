"""Scores predictions: `python -m biaffine_tf.evaluation`."""

from biaffine_tf import console
from biaffine_tf.commands.evaluate import main

if __name__ == "__main__":
    console.run(main)
