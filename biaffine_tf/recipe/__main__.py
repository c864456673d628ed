"""Runs a recipe: `python -m biaffine_tf.recipe FILE --work_dir=DIR`."""

from biaffine_tf.commands.recipe import run

if __name__ == "__main__":
    run()
