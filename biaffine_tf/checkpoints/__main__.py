"""Describes and converts encoders: `python -m biaffine_tf.checkpoints`."""

from biaffine_tf.commands.convert import run

if __name__ == "__main__":
    run()
