"""Transfers an encoder to new embeddings, as `biaffine-pretrain-embeddings`."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import biaffine_tf.starting  # noqa: F401 (before all else: see there)

# isort: split
from biaffine_tf.commands import pretrain_embeddings

if __name__ == "__main__":
    pretrain_embeddings.run()
