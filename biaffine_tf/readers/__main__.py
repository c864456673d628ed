"""Describes data files: `python -m biaffine_tf.readers`."""

from biaffine_tf.commands.describe_data import run

if __name__ == "__main__":
    run()
