"""Predicts with a trained model: any input format in, three formats out.

python run_predict.py --model_dir=model --input=test.json --output=found.jsonl
python run_predict.py --model_dir=model --text="小明在北京上学"
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from biaffine_tf import flags, readers
from biaffine_tf.errors import ConfigError
from biaffine_tf.flags import FLAGS
from biaffine_tf.spans import Sentence

if TYPE_CHECKING:
    from biaffine_tf.inference.predictor import Predictor


def main() -> None:
    """Prints the entities of a text, or predicts a file."""
    if FLAGS.text is None and not (FLAGS.input and FLAGS.output):
        raise ConfigError(
            "nothing to predict",
            remedy="give --text, or --input and --output",
        )
    if FLAGS.input:
        # An input that cannot be read is said before TensorFlow is loaded.
        next(readers.read(FLAGS.input, flags.read_options()), None)

    from biaffine_tf.inference.predictor import Predictor

    predictor = Predictor.from_directory(
        FLAGS.model_dir,
        nested=FLAGS.nested,
        force_one_entity=FLAGS.force_one_entity,
        batch_size=FLAGS.batch_size,
    )
    if FLAGS.text is not None:
        _print_entities(predictor, FLAGS.text)
    if FLAGS.input:
        _predict_file(predictor)


def _print_entities(predictor: Predictor, text: str) -> None:
    for entity in predictor(text):
        print(
            f"{entity.start}\t{entity.end}\t{entity.label}\t{entity.text}\t"
            f"{entity.score:.4f}"
        )


def _predict_file(predictor: Predictor) -> None:
    from tqdm import tqdm

    problems = readers.Problems()
    sentences = entities = 0

    def predicted() -> Iterator[Sentence]:
        nonlocal sentences, entities
        inputs = readers.read(FLAGS.input, flags.read_options(), problems)
        bar = tqdm(inputs, desc="predicting", unit=" sentences")
        for sentence in predictor.predict(bar):
            sentences += 1
            entities += len(sentence.spans or ())
            yield sentence

    begun = time.perf_counter()
    readers.write(
        FLAGS.output,
        predicted(),
        readers.Format(FLAGS.output_format),
        with_scores=FLAGS.output_score,
        problems=problems,
    )
    seconds = time.perf_counter() - begun
    for line in problems.lines():
        print(line)
    if predictor.cut_sentences:
        print(
            f"{predictor.cut_sentences} sentences are longer than the model's "
            "max_seq_length and were cut; entities beyond the cut are missed"
        )
    print(
        f"{FLAGS.output}: {entities} entities in {sentences} sentences, "
        f"{sentences / seconds:.0f} sentences a second"
    )


if __name__ == "__main__":
    flags.define_prediction_flags()
    flags.run(main, required=["model_dir"])
