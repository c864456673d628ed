r"""Trains a span model: labelled file in, model directory out.

python run_classifier.py --train_data=train.json --eval_data=dev.json \
    --vocab_file=vocab.txt --bert_config_file=bert_config.json \
    --output_dir=model

--encoder_dir=ENCODER takes vocabulary, config and weights from a directory, of
Hugging Face's, Google's or ours, in place of the flags for each of them.

Started again after a kill, the same command goes on from the last epoch.
"""

from __future__ import annotations

import collections
import functools
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from biaffine_tf import checkpoints, command, flags, model_directory, readers
from biaffine_tf.choices import Choice
from biaffine_tf.config import ExperimentConfig, LongText, WordBoundaries
from biaffine_tf.errors import DataError
from biaffine_tf.files import check_writable, fingerprint, remove
from biaffine_tf.flags import FLAGS
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import (
    Tokenizer,
    Windowing,
    WordRule,
    cut_spans,
    learn_word_rule,
)

if TYPE_CHECKING:
    from biaffine_tf.data.features import Counts
    from biaffine_tf.data.records import Records
    from biaffine_tf.evaluation import Scores
    from biaffine_tf.evaluation.goals import Goal
    from biaffine_tf.modeling.span_model import SpanModel
    from biaffine_tf.training.trainer import Evaluate


_LESS_MEMORY = (
    "give a smaller --train_batch_size or --token_budget, then a smaller "
    "--max_seq_length, then --gradient_checkpointing, then --max_span_width"
)

# What losses of the eval data mean for its scores.
_NOTES = {
    "cut_spans": ", scored as missed",
    "split_spans": ", scored as missed",
    "unaligned_spans": ", scored as missed",
    "conflicting_spans": ", scored as missed",
    "duplicate_spans": ", scored once",
    "wide_spans": ", scored as missed",
}

_NOT_LEARNT = ("split_spans", "wide_spans")

# Training texts that tell whether texts have several lines, and their words.
_LOOKED_AT = 10_000

# A bound on the width of spans is proposed if it leaves out so many pairs.
_SHARE_WORTH_SAVING = 0.2


def main() -> None:
    """Trains, or says what training would take."""
    if not FLAGS.plan:
        _run(FLAGS.output_dir)
        return
    with tempfile.TemporaryDirectory() as scratch:
        _run(scratch)


def _run(output_dir: str) -> None:
    """Checks what can be checked at once, then loads TensorFlow and trains."""
    start = flags.encoder_start()
    tokenizer = start.tokenizer
    config, choices = _experiment(start)
    goal = flags.goal()
    if not model_directory.claim(output_dir, config, overwrite=FLAGS.overwrite):
        print(f"{output_dir}: already trained, by this very command")
        _complete(output_dir, _read_eval_data(), goal)
        return
    records_dir = FLAGS.records_dir or os.path.join(output_dir, "records")
    check_writable(records_dir)
    # The rest of the training data is read when TensorFlow is there.
    next(readers.read(_train_path(), flags.read_options()))
    sentences = _read_eval_data()
    print(f"encoder: {start.origins}")
    for choice in choices:
        print(choice)

    if FLAGS.xla:
        command.keep_compilations()

    from biaffine_tf.training import trainer

    strategy = trainer.set_up(
        seed=config.training.seed, precision=config.training.precision
    )
    records = _prepare_records(config, tokenizer, records_dir)
    eval_counts = _check_eval_data(sentences, tokenizer, config, records.labels)
    with strategy.scope():
        model = _build_model(config, start, records.labels)
    evaluator = functools.partial(_evaluator, config, tokenizer, records.labels)
    if FLAGS.plan:
        from biaffine_tf.training.plan import print_plan

        print_plan(
            config,
            records,
            model,
            strategy=strategy,
            sentences=sentences,
            evaluator=evaluator,
            remedy=_LESS_MEMORY,
        )
        return
    # From here on nothing of the user's can be wrong.
    model_directory.clear(output_dir, config)
    model_directory.write_description(
        output_dir, config, records.labels, tokenizer.vocabulary
    )
    scores = trainer.train(
        config,
        records,
        model,
        strategy=strategy,
        evaluate=evaluator(sentences),
        eval_counts=eval_counts,
        output_dir=output_dir,
    )
    _print_result(scores)
    _complete(output_dir, sentences, goal)


def _complete(
    output_dir: str, sentences: list[Sentence], goal: Goal | None
) -> None:
    """What depends on the trained model: confidence, report."""
    from biaffine_tf.inference import trust

    trust.complete(
        output_dir,
        sentences,
        lambda: readers.read(_train_path(), flags.read_options()),
        calibrate=FLAGS.calibrate,
        goal=goal,
        report=FLAGS.report,
    )
    if FLAGS.export:
        _export(output_dir, sentences)


def _export(output_dir: str, sentences: list[Sentence]) -> None:
    """Exports the model unless it was, as it is now."""
    folder = os.path.join(output_dir, model_directory.EXPORT)
    if os.path.exists(folder):
        source = model_directory.Manifest.read(folder).source
        if source == model_directory.model_fingerprints(output_dir):
            return
        remove(folder)

    from biaffine_tf.serving.export import describe, export

    print(f"{folder}: {describe(export(output_dir, folder, gold=sentences))}")


def _train_path() -> str:
    return flags.data_path(FLAGS.train_data)


def _experiment(
    start: checkpoints.Start,
) -> tuple[ExperimentConfig, list[Choice]]:
    """What makes this run what it is, and what no flag gave of it."""
    data = {
        "train_data": fingerprint(_train_path()),
        "eval_data": fingerprint(flags.data_path(FLAGS.eval_data)),
        "reading": str(flags.read_options()),
        "tokenizer": start.tokenizer.fingerprint,
    }
    model = flags.model_config(
        start, long_text=flags.long_text() or _fitting_long_text()
    )
    if start.source is not None:
        data["init_checkpoint"] = start.source.fingerprint
    word_rule = _choose_word_rule()
    config = ExperimentConfig(
        model=model,
        training=flags.training_config(),
        decoding=flags.decoding_config(
            word_rule=(word_rule and word_rule.value) or ""
        ),
        data=data,
    )
    return config, [word_rule] if word_rule else []


def _fitting_long_text() -> LongText:
    """Lines one by one for a model that learns from single lines alone."""
    has_lines = any("\n" in one.text.strip() for one in _training_sample())
    return LongText.WINDOW if has_lines else LongText.LINE


def _choose_word_rule() -> Choice | None:
    """The rule for the words of plain text, unless flags settle it."""
    is_free = FLAGS.word_boundaries == WordBoundaries.FREE
    if is_free or FLAGS.word_rule is not None:
        return None
    return learn_word_rule(_training_sample())


def _training_sample() -> Iterator[Sentence]:
    return itertools.islice(
        readers.read(_train_path(), flags.read_options()), _LOOKED_AT
    )


def _read_eval_data() -> list[Sentence]:
    path = flags.data_path(FLAGS.eval_data)
    problems = readers.Problems()
    sentences = list(readers.read(path, flags.read_options(), problems))
    for line in problems.lines():
        print(f"eval data: {line}")
    for sentence in sentences:
        if sentence.spans is None:
            raise DataError(
                "the sentence is not labelled",
                file=sentence.file,
                line=sentence.line,
                remedy="--eval_data must be labelled throughout",
            )
    return sentences


def _prepare_records(
    config: ExperimentConfig, tokenizer: Tokenizer, records_dir: str
) -> Records:
    from biaffine_tf.data.records import prepare_records
    from biaffine_tf.data.shards import RecordOptions
    from biaffine_tf.data.widths import count_wider

    records = prepare_records(
        _train_path(),
        records_dir,
        tokenizer,
        RecordOptions(
            max_pieces=config.model.max_pieces,
            window_overlap=config.model.window_overlap,
            long_text=config.model.long_text,
            context_pieces=config.model.context_pieces,
            gzip=FLAGS.records_gzip,
            processes=FLAGS.records_processes,
        ),
        read_options=flags.read_options(),
    )
    counts, width = records.counts, config.model.head.max_span_width
    if width is not None:
        counts.wide_spans = count_wider(records.widths, width)
    print(
        f"training data: {counts.sentences} sentences, {counts.spans} spans, "
        f"{len(records.labels)} labels: {', '.join(records.labels)}"
    )
    _print_windows("training data", counts)
    for name, count in counts.losses.items():
        note = ", not learnt" if name in _NOT_LEARNT else ""
        print(f"training data: {count} {name.replace('_', ' ')}{note}")
    for kind, problem in records.problems.items():
        print(f"training data: {kind}: {problem['count']}")
    if width is None:
        _propose_width(records)
    return records


def _propose_width(records: Records) -> None:
    """Says what a bound that loses nothing would save, if it is much."""
    from biaffine_tf.data.widths import share_of_pairs

    widest = max(records.widths, default=1)
    share = share_of_pairs(records.lengths, widest)
    if share <= 1 - _SHARE_WORTH_SAVING:
        print(
            f"the widest span of the training data has {widest} pieces; "
            f"--max_span_width={widest} scores {100 * share:.0f} % of the pairs"
        )


def _check_eval_data(
    sentences: list[Sentence],
    tokenizer: Tokenizer,
    config: ExperimentConfig,
    labels: LabelMap,
) -> Counts:
    """Unknown labels are errors; what cannot be found is said."""
    from biaffine_tf.data.features import Counts, check_labels, featurize
    from biaffine_tf.data.widths import count_wider

    check_labels(sentences, labels)
    counts, width = Counts(), config.model.head.max_span_width
    windowing = Windowing.of(config.model)
    for sentence in sentences:
        features = featurize(
            sentence,
            tokenizer,
            labels,
            windowing=windowing,
            counts=counts,
        )
        if width is not None:
            widths = collections.Counter(features.widths)
            counts.wide_spans += count_wider(widths, width)
    print(f"eval data: {counts.sentences} sentences, {counts.spans} spans")
    _print_windows("eval data", counts)
    for name, count in counts.losses.items():
        print(
            f"eval data: {count} {name.replace('_', ' ')}{_NOTES.get(name, '')}"
        )
    _print_cut_spans(sentences, WordRule.of(config.decoding))
    return counts


def _print_cut_spans(sentences: list[Sentence], rule: WordRule | None) -> None:
    cut = sum(len(cut_spans(one, rule)) for one in sentences) if rule else 0
    if cut:
        print(
            f"eval data: {cut} spans begin or end inside words, scored as "
            "missed (--word_boundaries=free admits them)"
        )


def _print_windows(data: str, counts: Counts) -> None:
    if counts.windowed_sentences:
        print(
            f"{data}: {counts.windowed_sentences} sentences longer than "
            f"--max_seq_length; {counts.windows} windows in all"
        )


def _build_model(
    config: ExperimentConfig, start: checkpoints.Start, labels: LabelMap
) -> SpanModel:
    from biaffine_tf.modeling.span_model import SpanModel

    model = SpanModel(
        config.model,
        num_classes=labels.num_classes,
        pad_id=start.tokenizer.pad_id,
    )
    model.build_weights()
    if start.source is not None:
        report = checkpoints.load(
            start.source,
            checkpoints.encoder_variables(model.encoder),
            config=config.model.encoder,
            extend_positions=FLAGS.extend_positions,
        )
        print(report)
    return model


def _evaluator(
    config: ExperimentConfig,
    tokenizer: Tokenizer,
    labels: LabelMap,
    sentences: list[Sentence],
) -> Evaluate:
    """Scores the eval data with the code that predicts for users."""
    from biaffine_tf import evaluation
    from biaffine_tf.inference.predictor import Predictor

    predictor: Predictor | None = None

    def evaluate(
        model: SpanModel,
    ) -> tuple[Scores, Callable[[str], None]]:
        nonlocal predictor
        if predictor is None:
            predictor = Predictor(
                model, tokenizer, labels, decoding=config.decoding
            )
        predicted = list(predictor.predict(sentences))
        scores = evaluation.score(zip(sentences, predicted, strict=True))

        def write(path: str) -> None:
            readers.write(path, predicted, readers.Format.SPAN_JSONL)

        return scores, write

    return evaluate


def _print_result(scores: dict[str, Any]) -> None:
    print(
        f"best epoch {scores['epoch']} of {scores['epochs']}: "
        + ", ".join(
            f"{name} F1 {scores[name]['f1']:.4f}"
            for name in ("micro", "macro", "cluener")
        )
        + f" in {scores['seconds']:.0f} s; model in {FLAGS.output_dir}"
    )


if __name__ == "__main__":
    flags.define_training_flags()
    command.run(
        main,
        required=["train_data", "eval_data", "output_dir"],
        out_of_memory=_LESS_MEMORY,
    )
