"""Scores predictions: `python -m biaffine_tf.evaluation`."""

from biaffine_tf.commands.evaluate import run

if __name__ == "__main__":
    run()
