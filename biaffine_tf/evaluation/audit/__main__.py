"""Looks for annotation mistakes: `python -m biaffine_tf.evaluation.audit`."""

from biaffine_tf import console
from biaffine_tf.commands.audit import main

if __name__ == "__main__":
    console.run(main)
