"""Trains a span model, as `biaffine-train`."""

import biaffine_tf.starting  # noqa: F401 (before all else: see there)

# isort: split
from biaffine_tf.commands import train

if __name__ == "__main__":
    train.run()
