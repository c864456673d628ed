"""Searches the flags of training with Optuna: `python -m biaffine_tf.tune`."""
