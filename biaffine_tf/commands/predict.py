"""Predicts the entities of texts with a trained model.

biaffine-predict --model_dir=model --input=test.json --output=found.jsonl
biaffine-predict --model_dir=model --input='texts/*.gz' --output_dir=found
zcat texts.gz | biaffine-predict --model_dir=model --input=- --output=-
biaffine-predict --model_dir=model --text="小明在北京上学"
biaffine-predict --model_dir=model --export_dir=saved_model

Entities of --text go to standard output, one per line: start, end, label, text
and score, separated by tabs. Notes go to standard error. --output_dir takes any
number of input files, and the same command resumes after a kill; exit code 3
says that some input could not be read.
"""

from __future__ import annotations

from typing import NoReturn

from biaffine_tf.commands import running, sections


def main() -> int:
    """Exports the model, prints the entities of a text and predicts files.

    Returns:
        The exit code.
    """
    # --help does without.
    from biaffine_tf.commands import prediction_run

    return prediction_run.main()


def run() -> NoReturn:
    """Runs the command and exits the process."""
    sections.define_prediction_flags()
    running.run(
        main,
        usage=__doc__,
        required=["model_dir"],
        out_of_memory="give a smaller --batch_size",
    )
