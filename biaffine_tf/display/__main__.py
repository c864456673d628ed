"""Prints sentences with their entities: `python -m biaffine_tf.display`."""

from biaffine_tf import console
from biaffine_tf.commands.display import main

if __name__ == "__main__":
    console.run(main)
