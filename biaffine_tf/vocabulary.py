"""Makes a vocabulary: `python -m biaffine_tf.vocabulary`."""

from biaffine_tf.commands.make_vocabulary import run

if __name__ == "__main__":
    run()
