"""Checks a model directory: `python -m biaffine_tf.model_directory`."""

from biaffine_tf import console
from biaffine_tf.commands.check_model import main

if __name__ == "__main__":
    console.run(main)
