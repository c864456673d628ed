"""Predicts with a trained model: any input format in, three formats out.

python run_predict.py --model_dir=model --input=test.json --output=found.jsonl
python run_predict.py --model_dir=model --input='texts/*.gz' --output_dir=found
python run_predict.py --model_dir=model --text="小明在北京上学"
python run_predict.py --model_dir=model --export_dir=saved_model

Entities of --text go to standard output, one a line: start, end, label, text
and score, separated by tabs. What else there is to say goes to standard error.
--output_dir takes any number of files, and the same command goes on with what
is missing after a kill.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf import command, flags, model_directory, readers
from biaffine_tf.config import DecodingConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable
from biaffine_tf.flags import FLAGS
from biaffine_tf.inference import bulk, loading, summary
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.readers.corpus import Corpus
from biaffine_tf.readers.inputs import find_files, is_glob, split_patterns
from biaffine_tf.spans import Sentence

# Tag columns for nested entities: no corpus we know of needs more than a few.
_NESTED_LAYERS = 3
_VISIBLE = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


def main() -> None:
    """Exports the model, prints entities of a text, predicts files."""
    _check_flags()
    # All that can be wrong is said before TensorFlow is loaded.
    source = loading.inspect(FLAGS.model_dir, _options())
    if FLAGS.export_dir:
        _export(source.kind)
    if FLAGS.output_dir:
        with _open_job(source) as job:
            if FLAGS.text is not None or not job.is_complete:
                predictor = _load()
                _print_entities(predictor)
                job.run(predictor)
            _say_columns(source.decoding)
            _say(summary.bulk_job(job, source.windowing))
        return
    if FLAGS.text is None and not FLAGS.output:
        return
    problems = readers.Problems()
    sentences = _open_input(problems) if FLAGS.output else None
    predictor = _load()
    _print_entities(predictor)
    if sentences is not None:
        _predict_file(predictor, sentences, problems)


def _check_flags() -> None:
    patterns = flags.input_patterns()
    if FLAGS.output and FLAGS.output_dir:
        raise ConfigError(
            "--output and --output_dir are both given",
            remedy="give --output for one file, or --output_dir for any number",
        )
    output = "output_dir" if FLAGS.output_dir else "output"
    if bool(patterns) != bool(FLAGS[output].value):
        given, missing = ("input", output)[:: 1 if patterns else -1]
        raise ConfigError(
            f"--{given} is given but --{missing} is not",
            remedy="give both, or --text alone",
        )
    if FLAGS.text is None and not patterns and not FLAGS.export_dir:
        raise ConfigError(
            "nothing to predict",
            remedy="give --text, or --input and --output",
        )
    if FLAGS.eval_data and not FLAGS.export_dir:
        raise ConfigError(
            "--eval_data is given but --export_dir is not",
            remedy="score predictions with python -m biaffine_tf.evaluation",
        )
    if FLAGS.output and (len(patterns) > 1 or is_glob(patterns[0])):
        raise ConfigError(
            "--output takes the predictions of one file, and --input names "
            "several, or a pattern",
            remedy="give --output_dir=FOLDER instead",
        )
    if FLAGS["shard_size"].present and not FLAGS.output_dir:
        raise ConfigError(
            "--shard_size is given but --output_dir is not",
            remedy="give both or none",
        )
    _check_output_flags()
    try:
        (FLAGS.text or "").encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            "--text is not UTF-8", remedy="convert it, or check the terminal"
        ) from error


def _check_output_flags() -> None:
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


def _options() -> dict[str, Any]:
    """How the model is to be used: as it was written but for what is given."""
    return {**flags.predictor_settings(), **flags.decoding_settings()}


def _export(kind: loading.Kind) -> None:
    if kind is not loading.Kind.MODEL:
        raise ConfigError(
            f"{FLAGS.model_dir}: {kind}, which is an export itself",
            remedy="give the directory of the model that it is of",
        )
    settings = flags.export_settings()
    model_directory.check_export_dir(FLAGS.export_dir)
    gold = None
    if FLAGS.eval_data:
        files = find_files(split_patterns(FLAGS.eval_data), flag="--eval_data")
        corpus = Corpus(tuple(files), flags.read_options())
        gold = list(corpus.read_labelled(flag="eval_data"))

    from biaffine_tf.serving.export import describe, export

    manifest = export(
        FLAGS.model_dir,
        FLAGS.export_dir,
        gold=gold,
        **settings,
        **flags.decoding_settings(),
    )
    _say([f"{FLAGS.export_dir}: {describe(manifest)}"])


def _load() -> BasePredictor:
    if FLAGS.xla:
        command.keep_compilations()
    return loading.load(FLAGS.model_dir, _options())


def _open_input(problems: readers.Problems) -> Iterator[Sentence]:
    """The sentences of the only input, the first one of which was read."""
    (path,) = flags.input_patterns()
    sentences = readers.read(path, flags.read_options(), problems)
    first = next(sentences)
    _check_output(path)
    # The same iterator goes on: an input that is a pipe is read once.
    return itertools.chain([first], sentences)


def _check_output(path: str) -> None:
    if os.path.isdir(FLAGS.output):
        raise ConfigError(
            f"--output={FLAGS.output} is a folder",
            remedy="give the name of a file in it, or --output_dir",
        )
    if not os.path.exists(FLAGS.output):
        folder = os.path.dirname(os.path.realpath(FLAGS.output))
        if not os.path.isdir(folder):
            raise ConfigError(
                f"--output={FLAGS.output}: there is no folder {folder}",
                remedy="make it, or give another path",
            )
        check_writable(folder)
    elif os.path.isfile(FLAGS.output) and os.path.samefile(path, FLAGS.output):
        raise ConfigError(
            f"--output={FLAGS.output} is the input",
            remedy="give another file",
        )


def _open_job(
    source: loading.Source,
) -> contextlib.AbstractContextManager[bulk.BulkJob]:
    # A job must not be begun with a damaged model.
    model_directory.check_digests(FLAGS.model_dir)
    return bulk.open_job(
        find_files(flags.input_patterns(), output_dir=FLAGS.output_dir),
        FLAGS.output_dir,
        reading=flags.read_options(),
        output=bulk.Output(
            output_format=readers.Format(FLAGS.output_format),
            output_score=FLAGS.output_score,
            output_layers=_layers(source.decoding),
            shard_size=FLAGS.shard_size,
        ),
        model=model_directory.model_fingerprints(FLAGS.model_dir),
        settings={**source.options, **dataclasses.asdict(source.decoding)},
    )


def _layers(decoding: DecodingConfig) -> int:
    return FLAGS.output_layers or (_NESTED_LAYERS if decoding.nested else 1)


def _print_entities(predictor: BasePredictor) -> None:
    if FLAGS.text is None:
        return
    for entity in predictor(FLAGS.text):
        visible = entity.text.translate(_VISIBLE)
        print(
            f"{entity.start}\t{entity.end}\t{entity.label}\t{visible}\t"
            f"{entity.score:.4f}"
        )
    _say_long_texts(predictor)


def _predict_file(
    predictor: BasePredictor,
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

    begun = time.perf_counter()
    readers.write(
        FLAGS.output,
        predicted(),
        readers.Format(FLAGS.output_format),
        with_scores=FLAGS.output_score,
        layers=_layers(predictor.decoding),
        problems=problems,
    )
    seconds = time.perf_counter() - begun
    _say(problems.lines())
    _say_long_texts(predictor)
    _say_columns(predictor.decoding)
    _say(
        [
            f"{FLAGS.output}: {entities} entities in {sentences} sentences, "
            f"{sentences / seconds:.0f} sentences a second"
        ]
    )


def _say_long_texts(predictor: BasePredictor) -> None:
    _say(
        summary.long_texts(
            predictor.windowing,
            windowed=predictor.windowed_sentences,
            cut=predictor.cut_sentences,
        )
    )


def _say_columns(decoding: DecodingConfig) -> None:
    layers = _layers(decoding)
    if FLAGS.output_format == readers.Format.CONLL and layers > 1:
        columns = ",".join(map(str, range(1, layers + 1)))
        _say(
            [
                "tags are in several columns: read them by "
                f"--tag_columns={columns}"
            ]
        )


def _say(lines: Iterable[str]) -> None:
    for line in lines:  # standard output may be where the predictions go
        print(line, file=sys.stderr)


if __name__ == "__main__":
    flags.define_prediction_flags()
    command.run(
        main,
        required=["model_dir"],
        out_of_memory="give a smaller --batch_size",
    )
