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

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from biaffine_tf import formats, model_directory
from biaffine_tf.commands import flags, prediction_flags, running
from biaffine_tf.commands.flags import FLAGS
from biaffine_tf.commands.output_formats import describe_columns
from biaffine_tf.config import DecodingConfig
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.errors import GIVEN_UP, ConfigError
from biaffine_tf.formats.damage import check_undamaged
from biaffine_tf.formats.inputs import find_files, split_patterns
from biaffine_tf.formats.output import STANDARD_OUTPUT
from biaffine_tf.inference import bulk, loading, summary
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.spans import Sentence

# Default number of tag columns for nested entities.
_NESTED_LAYERS = 3
_VISIBLE = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


def main() -> int:
    """Exports the model, prints the entities of a text and predicts files.

    Returns:
        The exit code.
    """
    prediction_flags.check()
    if FLAGS.output != STANDARD_OUTPUT:
        return _main()
    with contextlib.redirect_stdout(sys.stderr):  # keeps stdout for predictions
        return _main()


def _main() -> int:
    # Checks everything before TensorFlow is loaded.
    options = _options()
    source = _inspect(options)
    if FLAGS.export_dir:
        _export(source.kind)
    if FLAGS.output_dir:
        with _open_job(source) as job:
            predictor = None
            if FLAGS.text is not None or not job.is_complete:
                predictor = _load(source, options)
                _print_entities(predictor)
            job.run(predictor)
            _say_columns(source.decoding)
            _say(summary.bulk_job(job, source.windowing))
            return GIVEN_UP if job.given_up else 0
    if FLAGS.text is None and not FLAGS.output:
        return 0
    problems = formats.Problems()
    sentences = _open_input(problems) if FLAGS.output else None
    predictor = _load(source, options)
    _print_entities(predictor)
    if sentences is not None:
        _predict_file(predictor, sentences, problems)
    return 0


def _options() -> dict[str, Any]:
    """Returns the settings that flags give; others are the model's."""
    return {**flags.predictor_settings(), **flags.decoding_settings()}


def _inspect(options: dict[str, Any]) -> loading.Source:
    """Checks the model; a bulk job keeps the engine that it was begun with.

    Args:
        options: Given settings; gets the engine of the job.
    """
    engine = None
    if FLAGS.output_dir and "engine" not in options:
        engine = bulk.recorded_engine(FLAGS.output_dir)
    if engine is None:
        return loading.inspect(FLAGS.model_dir, options)
    options["engine"] = engine
    try:
        return loading.inspect(FLAGS.model_dir, options)
    except ConfigError as error:
        raise ConfigError(
            f"{error.problem} (by the job in {FLAGS.output_dir})",
            remedy=f"{error.remedy}; or give another --output_dir",
        ) from error


def _export(kind: loading.Kind) -> None:
    if kind is loading.Kind.ENSEMBLE:
        raise ConfigError(
            f"{FLAGS.model_dir}: {kind}, which cannot be exported",
            remedy="distil it into one model, --teacher_dir="
            f"{FLAGS.model_dir}, and export that",
        )
    if kind is not loading.Kind.MODEL:
        raise ConfigError(
            f"{FLAGS.model_dir}: {kind}, which is already an export",
            remedy="give the model directory that it was exported from",
        )
    settings = flags.export_settings()
    model_directory.check_export_dir(FLAGS.export_dir)
    gold = None
    if FLAGS.eval_data:
        files = find_files(split_patterns(FLAGS.eval_data), flag="--eval_data")
        corpus = Corpus(tuple(files), flags.read_options())
        gold = list(corpus.read_labelled(flag="eval_data"))

    from biaffine_tf.export.export import export
    from biaffine_tf.export.guide import describe

    manifest = export(
        FLAGS.model_dir,
        FLAGS.export_dir,
        gold=gold,
        **settings,
        **flags.decoding_settings(),
    )
    _say([f"{FLAGS.export_dir}: {describe(manifest)}"])


def _load(source: loading.Source, options: dict[str, Any]) -> BasePredictor:
    _say(source.notes)
    if source.kind in (loading.Kind.MODEL, loading.Kind.ENSEMBLE):
        engines = ", ".join(map(str, dict.fromkeys(source.engines)))
        _say([f"{FLAGS.model_dir}: engine: {engines}"])
    if FLAGS.xla:
        running.keep_compilations()
    return loading.load(FLAGS.model_dir, options)


def _open_input(problems: formats.Problems) -> Iterator[Sentence]:
    """Opens the only input; its first sentence is read at once."""
    (path,) = flags.input_patterns()
    if os.path.isfile(path):
        check_undamaged(path)
    sentences = formats.read(path, prediction_flags.read_options(), problems)
    first = next(sentences)
    prediction_flags.check_output(path, FLAGS.output_format)
    # The same iterator continues: a pipe can be read only once.
    return itertools.chain([first], sentences)


def _open_job(
    source: loading.Source,
) -> contextlib.AbstractContextManager[bulk.BulkJob]:
    # Never begins a job with a damaged model.
    model_directory.check_digests(FLAGS.model_dir)
    return bulk.open_job(
        find_files(flags.input_patterns(), output_dir=FLAGS.output_dir),
        FLAGS.output_dir,
        reading=prediction_flags.read_options(),
        output=bulk.Output(
            output_format=formats.find_format(FLAGS.output_format),
            output_score=FLAGS.output_score,
            output_layers=_layers(source.decoding),
            shard_size=FLAGS.shard_size,
        ),
        model=model_directory.model_fingerprints(FLAGS.model_dir),
        settings=source.settings,
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
    problems: formats.Problems,
) -> None:
    from tqdm import tqdm

    sentences = entities = 0

    def predicted() -> Iterator[Sentence]:
        nonlocal sentences, entities
        results = predictor.predict(inputs)
        for sentence in tqdm(results, desc="predicting", unit=" sentences"):
            sentences += 1
            entities += len(sentence.spans or ())
            yield sentence

    begun = time.perf_counter()
    formats.write(
        FLAGS.output,
        predicted(),
        FLAGS.output_format,
        with_scores=FLAGS.output_score,
        with_lines=True,
        predicted=True,
        layers=_layers(predictor.decoding),
        problems=problems,
    )
    seconds = time.perf_counter() - begun
    _say(problems.lines())
    _say_long_texts(predictor)
    _say_columns(predictor.decoding)
    _say(
        [
            f"{_output_name()}: {entities} entities in {sentences} sentences, "
            f"{sentences / seconds:.0f} sentences a second"
        ]
    )


def _output_name() -> str:
    is_stream = FLAGS.output == STANDARD_OUTPUT
    return "standard output" if is_stream else FLAGS.output


def _say_long_texts(predictor: BasePredictor) -> None:
    _say(
        summary.long_texts(
            predictor.windowing,
            windowed=predictor.windowed_sentences,
            cut=predictor.cut_sentences,
        )
    )


def _say_columns(decoding: DecodingConfig) -> None:
    _say(describe_columns(FLAGS.output_format, _layers(decoding)))


def _say(lines: Iterable[str]) -> None:
    for line in lines:  # standard output may be for the predictions
        print(line, file=sys.stderr)


def run() -> NoReturn:
    """Runs the command and exits the process."""
    flags.define_prediction_flags()
    running.run(
        main,
        usage=__doc__,
        required=["model_dir"],
        out_of_memory="give a smaller --batch_size",
    )
