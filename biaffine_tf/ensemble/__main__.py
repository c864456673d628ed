"""Trains ensembles and labels text: `python -m biaffine_tf.ensemble`."""

from biaffine_tf.commands.ensemble import run

if __name__ == "__main__":
    run()
