"""Describes and converts encoders: `python -m biaffine_tf.checkpoints`."""

from biaffine_tf import console
from biaffine_tf.commands.convert import main

if __name__ == "__main__":
    console.run(main)
