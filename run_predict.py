"""Predicts with a trained model, as `biaffine-predict`."""

import biaffine_tf.starting  # noqa: F401 (before all else: see there)

# isort: split
from biaffine_tf.commands import predict

if __name__ == "__main__":
    predict.run()
