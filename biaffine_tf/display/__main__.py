"""Prints sentences with their entities: `python -m biaffine_tf.display`."""

from biaffine_tf.commands.display import run

if __name__ == "__main__":
    run()
