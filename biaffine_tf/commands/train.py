r"""Trains a span model: labelled files in, model directory out.

biaffine-train --train_data=train.json --eval_data=dev.json \
    --vocab_file=vocab.txt --bert_config_file=bert_config.json \
    --output_dir=model

--train_data, --eval_data and --test_data take paths and globs. Without
--eval_data, --dev_fraction=0.1 sets a dev set aside; with neither, all epochs
are trained and nothing is scored.

--encoder_dir=ENCODER takes vocabulary, config and weights from a directory of
Hugging Face's, Google's or ours, instead of a flag for each of them; with no
encoder at all, a BiLSTM is trained from the training data alone;
--init_model=MODEL_DIR continues from a trained model, head included.
--teacher_dir=MODEL_DIR,MODEL_DIR learns from the scores of trained models.

After a kill, the same command resumes from the last checkpoint.
"""

from __future__ import annotations

from typing import NoReturn

from biaffine_tf.commands import running, sections


def main() -> None:
    """Trains, or with --plan or --check_only only measures or checks."""
    # --help does without.
    from biaffine_tf.commands import training_run

    training_run.main()


def run() -> NoReturn:
    """Runs the command and exits the process."""
    sections.define_training_flags()
    running.run(
        main,
        usage=__doc__,
        required=["train_data", "output_dir"],
        unless={"output_dir": "check_only"},
        out_of_memory=sections.LESS_MEMORY,
    )
