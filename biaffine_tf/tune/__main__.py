"""Searches the flags of training: `python -m biaffine_tf.tune`."""

from biaffine_tf.commands.tune import run

if __name__ == "__main__":
    run()
