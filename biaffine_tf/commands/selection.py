r"""Picks from unlabelled text the sentences to label next.

biaffine-selection --model_dir=MODEL --input=texts.txt --number=500 \
    --labelled=train.json --output=next.json --output_format=label_studio

Picks the sentences that the model is least certain of, spread over labels and
lengths, without near-duplicates of each other and of --labelled. They are
written with the model's entities as suggestions, in the order of the choice;
--nosuggest writes them bare. --plot=FILE.html shows what was picked.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any, NoReturn

from biaffine_tf import formats
from biaffine_tf.commands import prediction_flags, running
from biaffine_tf.commands.flag_types import (
    FLAGS,
    Inputs,
    Path,
    Patterns,
    define,
)
from biaffine_tf.commands.output_formats import check_output_format
from biaffine_tf.commands.sections import FormatFlags
from biaffine_tf.config import PredictionConfig, same_setting, setting
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.errors import ConfigError, OnBadData
from biaffine_tf.files import check_writable
from biaffine_tf.formats.inputs import find_files, split_patterns
from biaffine_tf.formats.lines import STANDARD_INPUT
from biaffine_tf.inference import loading
from biaffine_tf.seeds import MAX_SEED
from biaffine_tf.selection.choosing import Choice, choose
from biaffine_tf.selection.ordering import Strategy, order
from biaffine_tf.selection.report import describe, write_plot
from biaffine_tf.selection.survey import Survey
from biaffine_tf.spans import Sentence

# Key of a picked sentence in formats that hold keys.
_REASON = "selection"
_NESTED_LAYERS = 3


@dataclasses.dataclass
class SelectionFlags:
    """Text to pick from, and what is picked."""

    model_dir: Path | None = setting(
        None, help="Model directory, ensemble directory or export."
    )
    input: Inputs | None = setting(
        None,
        help="Files of text in any format: paths and globs, separated by "
        "commas. Labels in them are ignored.",
    )
    labelled: Patterns | None = setting(
        None,
        help="Files of sentences that are labelled already, in any format; "
        "near-duplicates of them are not picked.",
    )
    number: int = setting(100, minimum=1, help="Sentences to pick.")
    strategy: Strategy = setting(
        Strategy.UNCERTAIN,
        help="Pick the sentences that the model is least certain of, or random "
        "ones, to compare with.",
    )
    seed: int = setting(
        42,
        minimum=0,
        maximum=MAX_SEED,
        help="Seed of random sentences, and of the order of equally uncertain "
        "ones.",
    )
    max_similarity: float = setting(
        0.8,
        above=0,
        maximum=1,
        help="Similarity from which a text is a near-duplicate: common "
        "three-character pieces, as a fraction of all.",
    )
    output: Path | None = setting(
        None,
        help="File to write, or a folder for brat; compressed if its name ends "
        "in .gz, .xz, .bz2 or .zst.",
    )
    output_format: str = setting(
        "span_jsonl",
        choices=sorted(
            one.name for one in formats.all_formats() if one.write is not None
        ),
        help="Format of the picked sentences.",
    )
    suggest: bool = setting(
        True,
        help="Write the model's entities, with scores where the format has a "
        "place for them.",
    )
    plot: Path | None = setting(
        None,
        help="HTML file to write, with charts of what was picked and of all.",
    )
    on_bad_data: OnBadData = setting(
        OnBadData.ERROR,
        help="Stop at a sentence that cannot be read, or skip and count it.",
    )
    batch_size: int = same_setting(PredictionConfig, "batch_size")


def main() -> None:
    """Picks the sentences and writes them."""
    patterns = split_patterns(FLAGS.input)
    if STANDARD_INPUT in patterns:
        raise ConfigError(
            "--input=- can be read once, and a selection reads its input twice",
            remedy="write standard input to a file first",
        )
    check_output_format(
        FLAGS.output_format, flag="output_format", scores=False, layers=None
    )
    files = find_files(patterns, flag="--input")
    for path in files:
        prediction_flags.check_output(path, FLAGS.output_format)
    _check_plot()
    source = _inspect()
    corpus = Corpus(tuple(files), prediction_flags.read_options())
    labelled = list(_labelled_texts())
    problems = formats.Problems()
    survey = _survey(corpus, problems)
    choice = choose(
        order(survey, FLAGS.strategy, seed=FLAGS.seed),
        corpus.read,
        number=FLAGS.number,
        labelled=labelled,
        min_similarity=FLAGS.max_similarity,
    )
    formats.write(
        FLAGS.output,
        _picked(survey, choice),
        FLAGS.output_format,
        with_scores=formats.find_format(FLAGS.output_format).scores,
        with_lines=True,
        predicted=True,
        layers=_NESTED_LAYERS if source.decoding.nested else 1,
        problems=problems,
    )
    for line in problems.lines():
        print(line)
    for line in describe(survey, choice):
        print(line)
    if FLAGS.plot:
        write_plot(FLAGS.plot, survey, list(choice.sentences))
        print(f"{FLAGS.plot}: charts of what was picked")
    picked = len(choice.sentences)
    few = f", all that there are (--number={FLAGS.number})"
    print(
        f"{FLAGS.output}: {picked:,} of {len(survey):,} sentences"
        f"{few if picked < FLAGS.number else ''}"
    )


def _check_plot() -> None:
    """Raises a ConfigError if --plot cannot be written."""
    if FLAGS.plot:
        folder = os.path.dirname(os.path.realpath(FLAGS.plot))
        if not os.path.isdir(folder):
            raise ConfigError(
                f"--plot={FLAGS.plot}: there is no folder {folder}",
                remedy="make it, or give another path",
            )
        check_writable(folder)


def _options() -> dict[str, Any]:
    given = FLAGS["batch_size"].present  # exports have another default
    return {"batch_size": FLAGS.batch_size} if given else {}


def _inspect() -> loading.Source:
    """Checks the model, and notes what its scores lack."""
    source = loading.inspect(FLAGS.model_dir, _options())
    for note in source.notes:
        print(note)
    if source.kind is loading.Kind.SAVED_MODEL:
        print(
            "note: a SavedModel gives entities and no other candidates: only "
            "what it finds counts as uncertain"
        )
    return source


def _labelled_texts() -> Iterator[str]:
    if not FLAGS.labelled:
        return
    files = find_files(split_patterns(FLAGS.labelled), flag="--labelled")
    # Their format may be another one than --format says of the input.
    options = formats.ReadOptions(
        on_bad_data=FLAGS.on_bad_data, ignore_labels=True
    )
    for sentence in Corpus(tuple(files), options).read():
        yield sentence.text


def _survey(corpus: Corpus, problems: formats.Problems) -> Survey:
    """Predicts all sentences."""
    from tqdm import tqdm

    survey = Survey()
    with loading.load(FLAGS.model_dir, _options()) as predictor:
        for sentence, judgement in tqdm(
            predictor.judge(corpus.read(problems)),
            desc="predicting",
            unit=" sentences",
        ):
            survey.add(sentence, judgement)
    return survey


def _picked(survey: Survey, choice: Choice) -> Iterator[Sentence]:
    """Yields the chosen sentences, with entities and the reason."""
    has_keys = formats.find_format(FLAGS.output_format).keys
    for rank, (number, sentence) in enumerate(choice.sentences.items(), 1):
        chosen = sentence.replace_spans(
            survey.entities(number) if FLAGS.suggest else None
        )
        if has_keys:
            reason = {"rank": rank, **survey.reason(number)}
            extra = {**(sentence.extra or {}), _REASON: reason}
            chosen = dataclasses.replace(chosen, extra=extra)
        yield chosen


def define_selection_flags() -> None:
    """Defines the flags of the command."""
    define("Selection", SelectionFlags, FormatFlags)


def run() -> NoReturn:
    """Runs the command and exits the process."""
    define_selection_flags()
    running.run(
        main,
        usage=__doc__,
        required=["model_dir", "input", "output"],
        out_of_memory="give a smaller --batch_size",
    )
