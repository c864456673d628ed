"""Describes data files: `python -m biaffine_tf.readers`."""

from biaffine_tf import console
from biaffine_tf.commands.describe_data import main

if __name__ == "__main__":
    console.run(main)
