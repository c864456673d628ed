"""Predicts with a trained model: any input format in, three formats out.

python run_predict.py --model_dir=model --input=test.json --output=found.jsonl
python run_predict.py --model_dir=model --text="小明在北京上学"

Entities of --text go to standard output, one a line: start, end, label, text
and score, separated by tabs. What else there is to say goes to standard error.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from biaffine_tf import command, flags, model_directory, readers
from biaffine_tf.config import LongText, Precision
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable
from biaffine_tf.flags import FLAGS
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Windowing

if TYPE_CHECKING:
    from biaffine_tf.inference.predictor import Predictor

# Tag columns for nested entities: no corpus we know of needs more than a few.
_NESTED_LAYERS = 3
_VISIBLE = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


def main() -> None:
    """Prints the entities of a text, or predicts a file."""
    _check_flags()
    # All that can be wrong is said before TensorFlow is loaded.
    config = model_directory.read_description(FLAGS.model_dir).config
    model_directory.check_weights(FLAGS.model_dir)
    model_directory.read_confidence(FLAGS.model_dir)
    # The settings are checked where they are joined with those of training.
    Windowing.of(config.model, window_overlap=FLAGS.window_overlap)
    config.decoding.replace_given(**flags.decoding_settings())
    problems = readers.Problems()
    sentences: Iterator[Sentence] = iter(())
    if FLAGS.input:
        sentences = readers.read(FLAGS.input, flags.read_options(), problems)
        # The same iterator goes on: an input that is a pipe is read once.
        sentences = itertools.chain([next(sentences)], sentences)
        _check_output()
    if FLAGS.xla:
        command.keep_compilations()

    from biaffine_tf.inference.predictor import Predictor

    predictor = Predictor.from_directory(
        FLAGS.model_dir,
        calibrated=FLAGS.calibrated,
        thresholds=FLAGS.thresholds,
        long_text=flags.long_text(),
        window_overlap=FLAGS.window_overlap,
        batch_size=FLAGS.batch_size,
        precision=Precision(FLAGS.precision),
        xla=FLAGS.xla,
        **flags.decoding_settings(),
    )
    if FLAGS.text is not None:
        _print_entities(predictor, FLAGS.text)
    if FLAGS.input:
        _predict_file(predictor, sentences, problems)


def _check_flags() -> None:
    if bool(FLAGS.input) != bool(FLAGS.output):
        given, missing = ("input", "output")[:: 1 if FLAGS.input else -1]
        raise ConfigError(
            f"--{given} is given but --{missing} is not",
            remedy="give both, or --text alone",
        )
    if FLAGS.text is None and not FLAGS.input:
        raise ConfigError(
            "nothing to predict",
            remedy="give --text, or --input and --output",
        )
    if FLAGS.output_format == readers.Format.CONLL:
        if FLAGS.output_score:
            raise ConfigError(
                "--output_score is given but columns hold no scores",
                remedy="give --output_format=span_jsonl or cluener",
            )
    elif FLAGS.output_layers is not None:
        raise ConfigError(
            f"--output_layers is given but --output_format is "
            f"{FLAGS.output_format}",
            remedy="give --output_format=conll or leave it out",
        )
    try:
        (FLAGS.text or "").encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            "--text is not UTF-8", remedy="convert it, or check the terminal"
        ) from error


def _check_output() -> None:
    if os.path.isdir(FLAGS.output):
        raise ConfigError(
            f"--output={FLAGS.output} is a folder",
            remedy="give the name of a file in it",
        )
    if not os.path.exists(FLAGS.output):
        folder = os.path.dirname(os.path.realpath(FLAGS.output))
        if not os.path.isdir(folder):
            raise ConfigError(
                f"--output={FLAGS.output}: there is no folder {folder}",
                remedy="make it, or give another path",
            )
        check_writable(folder)
    elif os.path.isfile(FLAGS.output) and os.path.samefile(
        FLAGS.input, FLAGS.output
    ):
        raise ConfigError(
            f"--output={FLAGS.output} is the input",
            remedy="give another file",
        )


def _print_entities(predictor: Predictor, text: str) -> None:
    for entity in predictor(text):
        visible = entity.text.translate(_VISIBLE)
        print(
            f"{entity.start}\t{entity.end}\t{entity.label}\t{visible}\t"
            f"{entity.score:.4f}"
        )
    _say_long_texts(predictor)


def _predict_file(
    predictor: Predictor,
    inputs: Iterator[Sentence],
    problems: readers.Problems,
) -> None:
    from tqdm import tqdm

    sentences = entities = 0

    def predicted() -> Iterator[Sentence]:
        nonlocal sentences, entities
        found = predictor.predict(inputs)
        for sentence in tqdm(found, desc="predicting", unit=" sentences"):
            sentences += 1
            entities += len(sentence.spans or ())
            yield sentence

    layers = FLAGS.output_layers or (
        _NESTED_LAYERS if predictor.decoding.nested else 1
    )
    begun = time.perf_counter()
    readers.write(
        FLAGS.output,
        predicted(),
        readers.Format(FLAGS.output_format),
        with_scores=FLAGS.output_score,
        layers=layers,
        problems=problems,
    )
    seconds = time.perf_counter() - begun
    for line in problems.lines():
        _say(line)
    _say_long_texts(predictor)
    if FLAGS.output_format == readers.Format.CONLL and layers > 1:
        columns = ",".join(map(str, range(1, layers + 1)))
        _say(
            f"tags are in several columns: read them by --tag_columns={columns}"
        )
    _say(
        f"{FLAGS.output}: {entities} entities in {sentences} sentences, "
        f"{sentences / seconds:.0f} sentences a second"
    )


def _say_long_texts(predictor: Predictor) -> None:
    if predictor.windowed_sentences:
        by_line = predictor.windowing.long_text is LongText.LINE
        _say(
            f"{predictor.windowed_sentences} longer than the model's "
            "max_seq_length: read "
            + ("line by line, and " if by_line else "")
            + "in windows; no entity of up to "
            f"{predictor.windowing.overlap} pieces "
            + ("of a line " if by_line else "")
            + "is lost to their edges"
        )
    if predictor.cut_sentences:
        _say(
            f"{predictor.cut_sentences} longer than the model's "
            "max_seq_length: cut; entities beyond the cut are missed"
        )


def _say(line: str) -> None:
    # Standard output may be where the predictions go.
    print(line, file=sys.stderr)


if __name__ == "__main__":
    flags.define_prediction_flags()
    command.run(
        main,
        required=["model_dir"],
        out_of_memory="give a smaller --batch_size",
    )
