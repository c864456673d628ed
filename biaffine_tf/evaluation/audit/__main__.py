"""Looks for annotation mistakes: `python -m biaffine_tf.evaluation.audit`."""

from biaffine_tf.commands.audit import run

if __name__ == "__main__":
    run()
