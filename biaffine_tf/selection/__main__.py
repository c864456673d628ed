"""Picks sentences to label next: `python -m biaffine_tf.selection`."""

from biaffine_tf.commands.selection import run

if __name__ == "__main__":
    run()
