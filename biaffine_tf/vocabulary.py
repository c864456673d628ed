"""Makes a vocabulary: `python -m biaffine_tf.vocabulary`."""

from biaffine_tf import console
from biaffine_tf.commands.make_vocabulary import main

if __name__ == "__main__":
    console.run(main)
