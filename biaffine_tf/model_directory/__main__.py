"""Checks a model directory: `python -m biaffine_tf.model_directory`."""

from biaffine_tf.commands.check_model import run

if __name__ == "__main__":
    run()
