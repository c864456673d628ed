"""A training run as flags describe it: checks, training, completion."""

from __future__ import annotations

import collections
import functools
import itertools
import os
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from biaffine_tf import model_directory
from biaffine_tf.commands import experiment, flags, running
from biaffine_tf.commands import training_inputs as inputs
from biaffine_tf.commands.augmenting import make_augmentation
from biaffine_tf.commands.experiment import Experiment
from biaffine_tf.commands.flags import FLAGS
from biaffine_tf.commands.sections import LESS_MEMORY, save_period
from biaffine_tf.config import EncoderConfig, ExperimentConfig
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.encoders import checkpoints
from biaffine_tf.files import (
    SCRATCH,
    check_writable,
    remove,
    temporary_folder,
)
from biaffine_tf.heads import head_source
from biaffine_tf.locks import locked
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import Tokenizer, Windowing, WordRule, cut_spans

if TYPE_CHECKING:
    from biaffine_tf.calibration.objectives import ThresholdObjective
    from biaffine_tf.heads.span_model import SpanModel
    from biaffine_tf.inference.predictor import Predictor
    from biaffine_tf.records.features import Counts, SoftCounts
    from biaffine_tf.records.span_records import Records
    from biaffine_tf.records.teacher_scores import TeacherScores


# Effect on the scores of spans of the eval data that cannot be predicted.
_NOTES = {
    "cut_spans": ", scored as missed",
    "split_spans": ", scored as missed",
    "unaligned_spans": ", scored as missed",
    "conflicting_spans": ", scored as missed",
    "duplicate_spans": ", scored once",
    "wide_spans": ", scored as missed",
    "unknown_label_spans": ", scored as missed",
}

_NOT_LEARNT = ("split_spans", "wide_spans")


def main() -> None:
    """Trains, or with --plan or --check_only only measures or checks."""
    if FLAGS.check_only:
        experiment.check_only()
        return
    if not FLAGS.plan:
        with locked(FLAGS.output_dir):
            _run(FLAGS.output_dir)
            _print_verdict(FLAGS.output_dir)
        return
    with temporary_folder(tempfile.gettempdir(), SCRATCH) as scratch:
        _run(scratch)


def _run(output_dir: str) -> None:
    """Checks flags and data, then loads TensorFlow and trains."""
    run = experiment.prepare()
    config, tokenizer, sentences = (
        run.config,
        run.initialization.tokenizer,
        run.dev,
    )
    objective = flags.objective()
    directory = model_directory.Experiment(output_dir, config)
    if not directory.acquire(overwrite=FLAGS.overwrite):
        print(f"{output_dir}: already trained by this command")
        _complete(output_dir, run, objective)
        return
    records_dir = FLAGS.records_dir or os.path.join(output_dir, "records")
    check_writable(records_dir)
    run.show()

    if FLAGS.xla:
        running.keep_compilations()

    from biaffine_tf.inference.dev_scoring import DevScorer
    from biaffine_tf.planning.maps import map_warning
    from biaffine_tf.training import fine_tuning, setup

    set_up = functools.partial(
        setup.set_up,
        seed=config.training.seed,
        precision=config.training.precision,
    )
    strategy = set_up()
    scores = _score_with_teachers(run, records_dir)
    if scores is not None:
        strategy = set_up()  # teachers that were loaded have drawn seeds
    records = _prepare_records(run, records_dir, scores)
    eval_counts = (
        None
        if sentences is None
        else _check_eval_data(sentences, tokenizer, config, records.labels)
    )
    with strategy.scope():
        model = _build_model(run, records)
    scorer = functools.partial(DevScorer, config, tokenizer, records.labels)
    if warning := map_warning(config.training, records, model):
        print(f"{warning}; {LESS_MEMORY}")
    if FLAGS.plan:
        from biaffine_tf.planning.plan import print_plan

        print_plan(
            config,
            records,
            model,
            strategy=strategy,
            sentences=sentences,
            evaluator=scorer,
            remedy=LESS_MEMORY,
        )
        return
    # All input has been checked.
    directory.reset()
    model_directory.write_description(
        output_dir, config, records.labels, tokenizer.vocabulary
    )
    evaluate = None if sentences is None else scorer(sentences)
    result = fine_tuning.train(
        config,
        records,
        model,
        strategy=strategy,
        evaluate=evaluate,
        eval_counts=eval_counts,
        output_dir=output_dir,
        save_every=save_period(),
        augmentation=make_augmentation(config, records, tokenizer),
    )
    _print_result(result)
    load = None
    if evaluate is not None:
        load = functools.partial(evaluate.load, model)
    _complete(output_dir, run, objective, load)


def _complete(
    output_dir: str,
    run: Experiment,
    objective: ThresholdObjective | None,
    load: Callable[[str], Predictor] | None = None,
) -> None:
    """Completes the model directory: confidence, test scores, report."""
    from biaffine_tf.commands import completion
    from biaffine_tf.reports.run_facts import run_facts

    data, language = run.data, FLAGS.report_language
    kept = model_directory.read_scores(output_dir) or {}
    facts = run_facts(
        run.config,
        average=kept.get("average"),
        files=data.files,
        encoder=FLAGS.encoder_dir or FLAGS.init_checkpoint or FLAGS.init_model,
        teachers=run.teachers.directories if run.teachers else (),
        language=language,
    )
    completion.complete(
        output_dir,
        run.dev,
        data.train.read,
        calibrate=FLAGS.calibrate,
        objective=objective,
        report=FLAGS.report,
        about={"settings": facts, "language": language},
        test=data.test,
        onnx=FLAGS.onnx,
        load=load,
    )
    if FLAGS.export:
        _export(output_dir, run.dev, data.train)


def _export(
    output_dir: str, sentences: list[Sentence] | None, train: Corpus
) -> None:
    """Exports the model, unless an export of it is up to date."""
    folder = os.path.join(output_dir, model_directory.EXPORT)
    if os.path.exists(folder):
        source = model_directory.Manifest.read(folder).source
        if source == model_directory.model_fingerprints(output_dir):
            return
        remove(folder)

    from biaffine_tf.export.export import export
    from biaffine_tf.export.guide import describe
    from biaffine_tf.export.parity import MAX_SENTENCES

    if sentences is None:  # parity is checked on training sentences
        sentences = list(itertools.islice(train.read(), MAX_SENTENCES))
    print(f"{folder}: {describe(export(output_dir, folder, gold=sentences))}")


def _score_with_teachers(
    run: Experiment, records_dir: str
) -> TeacherScores | None:
    """Writes the scores of teachers; None if nothing is learnt from any."""
    if run.teachers is None:
        return None
    if FLAGS.plan:
        print("plan: without the teachers' scores and --unlabelled_data")
        return None
    from biaffine_tf.inference import teachers

    scores = run.teachers.scores_in(records_dir)
    teachers.score(run.teachers.directories, scores, run.data.train)
    return scores


def _prepare_records(
    run: Experiment, records_dir: str, scores: TeacherScores | None
) -> Records:
    from biaffine_tf.records.span_records import prepare_records
    from biaffine_tf.records.span_shards import RecordOptions
    from biaffine_tf.records.widths import count_wider

    model, initial = run.config.model, run.initial
    records = prepare_records(
        run.data.train,
        records_dir,
        run.initialization.tokenizer,
        RecordOptions(
            max_tokens=model.max_tokens,
            window_overlap=model.window_overlap,
            long_text=model.long_text,
            context_tokens=model.context_tokens,
            several_labels=model.head.multi_label,
            gzip=FLAGS.records_gzip,
            processes=FLAGS.records_processes,
        ),
        known_labels=initial.labels if initial else None,
        teachers=scores,
        pseudo=run.pseudo.corpus if run.pseudo else None,
    )
    if records.outdated is not None:
        print(
            f"training data: read anew: {records.outdated} is of an earlier "
            "version, which read some files otherwise"
        )
    counts, width = records.counts, model.head.max_span_width
    if width is not None:
        counts.wide_spans = count_wider(records.widths, width)
    print(
        f"training data: {counts.sentences} sentences, {counts.spans} spans, "
        f"{len(records.labels)} labels: {', '.join(records.labels)}"
    )
    if initial is not None:
        for line in inputs.describe_labels(
            initial.labels, records.labels, records.found_labels
        ):
            print(line)
    _print_windows("training data", counts)
    is_tagger = head_source(model.head.name).is_tagger
    for name, count in counts.losses.items():
        note = ", not learnt" if name in _NOT_LEARNT else ""
        if name == "wide_spans" and is_tagger:
            note = ", learnt, but not to be found"
        print(f"training data: {count} {name.replace('_', ' ')}{note}")
    if records.pseudo is not None:
        print(
            f"pseudo labels: {records.pseudo.sentences} sentences, "
            f"{records.pseudo.spans} spans"
        )
        for name, count in records.pseudo.losses.items():
            print(f"pseudo labels: {count} {name.replace('_', ' ')}")
    if records.soft is not None:
        _print_soft(records.soft, records.unlabelled, width)
    return records


def _print_soft(
    soft: SoftCounts, unlabelled: Counts, width: int | None
) -> None:
    from biaffine_tf.records.widths import count_wider

    print(
        f"teachers: {soft.spans} spans with a score, on the training data and "
        f"{unlabelled.sentences} unlabelled sentences"
    )
    wide = count_wider(soft.widths, width) if width is not None else 0
    for what, count in {
        "off token boundaries": soft.unaligned,
        "in no window": soft.split,
        "wider than --max_span_width": wide,
    }.items():
        if count:
            print(f"teachers: {count} spans {what}, not learnt")


def _check_eval_data(
    sentences: list[Sentence],
    tokenizer: Tokenizer,
    config: ExperimentConfig,
    labels: LabelMap,
) -> Counts:
    """Prints and counts spans of the eval data that cannot be predicted."""
    from biaffine_tf.records.features import Counts, featurize
    from biaffine_tf.records.widths import count_wider

    counts, width = Counts(), config.model.head.max_span_width
    windowing = Windowing.of(config.model)
    for sentence in sentences:
        features = featurize(
            sentence,
            tokenizer,
            labels,
            windowing=windowing,
            counts=counts,
            count_unknown=True,
            several_labels=config.model.head.multi_label,
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


def _build_model(run: Experiment, records: Records) -> SpanModel:
    from biaffine_tf.heads.span_model import SpanModel

    config, initialization = run.config, run.initialization
    num_classes = records.labels.num_classes
    model = SpanModel(
        config.model,
        num_classes=num_classes,
        pad_id=initialization.tokenizer.pad_id,
        gradient_checkpointing=config.training.gradient_checkpointing,
        xla=config.training.xla,
    )
    model.build_weights()
    model.head.initialize(records, config.model, config.training)
    if run.initial is not None:
        from biaffine_tf.training.continuing import load_initial_model

        load_initial_model(run.initial.path, model, config.training)
    if initialization.source is not None:
        assert isinstance(config.model.encoder, EncoderConfig)
        report = checkpoints.load(
            initialization.source,
            checkpoints.encoder_variables(model.encoder),
            config=config.model.encoder,
            extend_positions=FLAGS.extend_positions,
        )
        print(report)
    return model


def _print_result(scores: dict[str, Any]) -> None:
    average = scores.get("average")
    kept = f" ({average})" if average else ""
    if "micro" not in scores:
        print(
            f"{scores['epochs']} epochs, not scored, in "
            f"{scores['seconds']:.0f} s; model{kept} in {FLAGS.output_dir}"
        )
        return
    best = "best " if scores["micro"]["f1"] else ""
    print(
        f"{best}epoch {scores['epoch']} of {scores['epochs']}{kept}: "
        + ", ".join(
            f"{name} F1 {scores[name]['f1']:.4f}"
            for name in ("micro", "macro", "cluener")
        )
        + f" in {scores['seconds']:.0f} s; model in {FLAGS.output_dir}"
    )


def _print_verdict(output_dir: str) -> None:
    """Prints a last line if the run has learnt nothing."""
    from biaffine_tf.training.nothing_found import verdict

    line = verdict(
        model_directory.read_scores(output_dir) or {},
        model_directory.read_config(output_dir),
    )
    if line is not None:
        print(line)
