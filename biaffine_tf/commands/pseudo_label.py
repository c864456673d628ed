r"""Labels text with a model, and keeps the sentences that it is certain of.

biaffine-ensemble pseudo_label --model_dir=ENSEMBLE --input=texts.txt \
    --min_score=0.9 --output=pseudo.jsonl --eval_data=dev.json

A sentence is kept if each of its entities has a score of at least --min_score
and no other candidate one above --max_doubt. Its weight, in the file, is the
probability of the least certain of these decisions. biaffine-train learns it by
--pseudo_data. Text of --eval_data and --test_data is refused.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Iterator
from typing import NoReturn

from biaffine_tf import formats
from biaffine_tf.commands import prediction_flags, running
from biaffine_tf.commands.flag_types import (
    FLAGS,
    Inputs,
    Path,
    Patterns,
    define,
)
from biaffine_tf.commands.pseudo_data import check_apart
from biaffine_tf.commands.sections import FormatFlags
from biaffine_tf.config import PredictionConfig, same_setting, setting
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.pseudo_labels import (
    Doubt,
    certainty,
    find_doubt,
    with_weight,
)
from biaffine_tf.errors import ConfigError, OnBadData
from biaffine_tf.formats.compression import check_output_name
from biaffine_tf.formats.inputs import find_files, split_patterns
from biaffine_tf.inference import loading
from biaffine_tf.spans import Sentence

_HELD_OUT = ("eval_data", "test_data")


@dataclasses.dataclass
class PseudoLabelFlags:
    """Text to label, and the certainty that is asked for."""

    model_dir: Path | None = setting(
        None, help="Ensemble directory or model directory."
    )
    input: Inputs | None = setting(
        None,
        help="Files of text in any format: paths and globs, separated by "
        "commas. Labels in them are ignored.",
    )
    output: Path | None = setting(
        None, help="File to write, span JSON with a weight of each sentence."
    )
    min_score: float = setting(
        0.9, minimum=0, maximum=1, help="Minimum score of each entity."
    )
    max_doubt: float = setting(
        0.3,
        minimum=0,
        maximum=1,
        help="Maximum score of each candidate that is no entity.",
    )
    keep_empty: bool = setting(
        True, help="Keep sentences in which there is certainly no entity."
    )
    eval_data: Patterns | None = setting(
        None, help="Dev data, whose texts must not be among the input."
    )
    test_data: Patterns | None = setting(None, help="Test data, likewise.")
    on_bad_data: OnBadData = setting(
        OnBadData.ERROR,
        help="Stop at a sentence that cannot be read, or skip and count it.",
    )
    batch_size: int = same_setting(PredictionConfig, "batch_size")


def main() -> None:
    """Labels the input."""
    if FLAGS.max_doubt > FLAGS.min_score:
        raise ConfigError(
            f"--max_doubt={FLAGS.max_doubt} is above "
            f"--min_score={FLAGS.min_score}",
            remedy="give a lower one: an entity must be likelier than its "
            "rivals",
        )
    check_output_name(FLAGS.output)
    problems = formats.Problems()
    files = find_files(split_patterns(FLAGS.input), flag="--input")
    corpus = Corpus(tuple(files), prediction_flags.read_options())
    for path in files:
        prediction_flags.check_output(path, "span_jsonl")
    check_apart(
        corpus.read(),
        {name: _read(name) for name in _HELD_OUT if FLAGS[name].value},
        flag="input",
    )
    source = loading.inspect(FLAGS.model_dir, {})
    if source.kind not in (loading.Kind.MODEL, loading.Kind.ENSEMBLE):
        raise ConfigError(
            f"{FLAGS.model_dir}: {source.kind}, which gives no candidates",
            remedy="give the model directory that it was exported from",
        )
    for note in source.notes:
        print(note)
    counts: collections.Counter[str] = collections.Counter()
    formats.write(
        FLAGS.output,
        _certain(corpus.read(problems), counts),
        "span_jsonl",
    )
    for line in itertools.chain(problems.lines(), _summary(counts)):
        print(line)


def _read(name: str) -> Iterator[Sentence]:
    files = find_files(split_patterns(FLAGS[name].value), flag=f"--{name}")
    return Corpus(tuple(files), prediction_flags.read_options()).read()


def _certain(
    sentences: Iterator[Sentence], counts: collections.Counter[str]
) -> Iterator[Sentence]:
    """Yields the sentences that are certain, and counts all."""
    from tqdm import tqdm

    from biaffine_tf.inference.ensemble import EnsemblePredictor

    with EnsemblePredictor.from_directory(
        FLAGS.model_dir, batch_size=FLAGS.batch_size
    ) as predictor:
        for sentence, (entities, candidates) in tqdm(
            predictor.judge(sentences), desc="labelling", unit=" sentences"
        ):
            counts["sentences"] += 1
            doubt = find_doubt(
                entities,
                candidates,
                min_score=FLAGS.min_score,
                max_doubt=FLAGS.max_doubt,
                keep_empty=FLAGS.keep_empty,
            )
            if doubt is not None:
                counts[doubt] += 1
                continue
            counts["kept"] += 1
            counts["entities"] += len(entities)
            counts["empty"] += not entities
            yield with_weight(
                sentence.replace_spans(entities),
                certainty(entities, candidates),
            )


def _summary(counts: collections.Counter[str]) -> Iterator[str]:
    for doubt in Doubt:
        if counts[doubt]:
            yield f"left out: {counts[doubt]} sentences with {doubt}"
    if counts["kept"] and not counts["entities"]:
        yield (
            "note: no entity in any of them; the model may have learnt "
            "nothing, and --nokeep_empty leaves such sentences out"
        )
    yield (
        f"{FLAGS.output}: {counts['kept']} of {counts['sentences']} sentences, "
        f"{counts['empty']} of them without entities; {counts['entities']} "
        "entities"
    )


def define_pseudo_label_flags() -> None:
    """Defines the flags of the command."""
    define("Pseudo labels", PseudoLabelFlags, FormatFlags)


def run() -> NoReturn:
    """Runs the command and exits the process."""
    define_pseudo_label_flags()
    running.run(
        main,
        usage=__doc__,
        required=["model_dir", "input", "output"],
        out_of_memory="give a smaller --batch_size",
    )
