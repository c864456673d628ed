r"""Trains a span model: labelled file in, model directory out.

python run_classifier.py --train_data=train.json --eval_data=dev.json \
    --vocab_file=vocab.txt --bert_config_file=bert_config.json \
    --output_dir=model

Started again after a kill, the same command goes on from the last epoch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from biaffine_tf import command, flags, model_directory, readers
from biaffine_tf.config import EncoderConfig, ExperimentConfig
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.files import check_writable, fingerprint
from biaffine_tf.flags import FLAGS
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer

if TYPE_CHECKING:
    from biaffine_tf.data.records import Records
    from biaffine_tf.evaluation import Scores
    from biaffine_tf.modeling.span_model import SpanModel
    from biaffine_tf.training.trainer import Evaluate


# Settings of an encoder that say how it is trained, not what it computes.
_FREE_TO_CHANGE = (
    "attention_probs_dropout_prob",
    "hidden_dropout_prob",
    "initializer_range",
)

# What losses of the eval data mean for its scores.
_NOTES = {
    "cut_spans": ", scored as missed",
    "unaligned_spans": ", scored as missed",
    "conflicting_spans": ", scored as missed",
    "duplicate_spans": ", scored once",
}


def main() -> None:
    """Checks what can be checked at once, then loads TensorFlow and trains."""
    tokenizer = _make_tokenizer()
    config = _experiment(tokenizer)
    if not model_directory.claim(
        FLAGS.output_dir, config, overwrite=FLAGS.overwrite
    ):
        print(f"{FLAGS.output_dir}: already trained, by this very command")
        return
    check_writable(_records_dir())
    # The rest of the training data is read when TensorFlow is there.
    next(readers.read(_train_path(), flags.read_options()))
    sentences = _read_eval_data()

    from biaffine_tf.training import trainer

    strategy = trainer.set_up(config)
    records = _prepare_records(config, tokenizer)
    _check_eval_data(sentences, tokenizer, config, records.labels)
    with strategy.scope():
        model = _build_model(config, tokenizer, records.labels)
    # From here on nothing of the user's can be wrong.
    model_directory.clear(FLAGS.output_dir, config)
    model_directory.write_description(
        FLAGS.output_dir, config, records.labels, tokenizer.vocabulary
    )
    scores = trainer.train(
        config,
        records,
        model,
        strategy=strategy,
        evaluate=_evaluator(config, tokenizer, records.labels, sentences),
        output_dir=FLAGS.output_dir,
    )
    _print_result(scores)


def _train_path() -> str:
    return flags.data_path(FLAGS.train_data)


def _records_dir() -> str:
    return FLAGS.records_dir or os.path.join(FLAGS.output_dir, "records")


def _make_tokenizer() -> Tokenizer:
    config = flags.model_config()
    vocabulary = Vocabulary.from_file(FLAGS.vocab_file)
    if len(vocabulary) != config.encoder.vocab_size:
        raise ConfigError(
            f"{FLAGS.bert_config_file}: vocab_size is "
            f"{config.encoder.vocab_size} but {FLAGS.vocab_file} holds "
            f"{len(vocabulary)} pieces",
            remedy="give the vocabulary that belongs to the encoder",
        )
    return make_tokenizer(
        config.tokenizer.kind,
        vocabulary,
        do_lower_case=config.tokenizer.do_lower_case,
    )


def _experiment(tokenizer: Tokenizer) -> ExperimentConfig:
    """The settings and contents that make this run what it is."""
    data = {
        "train_data": fingerprint(_train_path()),
        "eval_data": fingerprint(flags.data_path(FLAGS.eval_data)),
        "reading": str(flags.read_options()),
        "tokenizer": tokenizer.fingerprint,
    }
    model = flags.model_config()
    if FLAGS.init_checkpoint:
        _check_init_checkpoint(model.encoder, tokenizer)
        data["init_checkpoint"] = fingerprint(
            os.path.join(FLAGS.init_checkpoint, model_directory.WEIGHTS)
        )
    return ExperimentConfig(
        model=model,
        training=flags.training_config(),
        decoding=flags.decoding_config(),
        data=data,
    )


def _check_init_checkpoint(
    encoder: EncoderConfig, tokenizer: Tokenizer
) -> None:
    """An encoder is of use only in its own shape, with its own vocabulary."""
    stored = model_directory.read_description(FLAGS.init_checkpoint)
    model_directory.check_weights(FLAGS.init_checkpoint)
    trained, wanted = stored.config.model.encoder.to_dict(), encoder.to_dict()
    different = [
        f"{name} ({trained[name]}, not {value})"
        for name, value in wanted.items()
        if value != trained[name] and name not in _FREE_TO_CHANGE
    ]
    if different:
        raise ConfigError(
            f"--init_checkpoint={FLAGS.init_checkpoint}: its encoder differs "
            f"from {FLAGS.bert_config_file} in {', '.join(different)}",
            remedy="give the bert_config.json that it was trained with",
        )
    if stored.tokenizer.vocabulary != tokenizer.vocabulary:
        own = os.path.join(FLAGS.init_checkpoint, model_directory.VOCABULARY)
        raise ConfigError(
            f"--init_checkpoint={FLAGS.init_checkpoint}: its vocabulary is "
            f"not {FLAGS.vocab_file}",
            remedy=f"pass --vocab_file={own}",
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


def _prepare_records(config: ExperimentConfig, tokenizer: Tokenizer) -> Records:
    from biaffine_tf.data.records import prepare_records
    from biaffine_tf.data.shards import RecordOptions

    records = prepare_records(
        _train_path(),
        _records_dir(),
        tokenizer,
        RecordOptions(
            max_pieces=config.model.max_pieces,
            gzip=FLAGS.records_gzip,
            processes=FLAGS.records_processes,
        ),
        read_options=flags.read_options(),
    )
    counts = records.counts
    print(
        f"training data: {counts.sentences} sentences, {counts.spans} spans, "
        f"{len(records.labels)} labels: {', '.join(records.labels)}"
    )
    for name, count in counts.losses.items():
        print(f"training data: {count} {name.replace('_', ' ')}")
    for kind, problem in records.problems.items():
        print(f"training data: {kind}: {problem['count']}")
    return records


def _check_eval_data(
    sentences: list[Sentence],
    tokenizer: Tokenizer,
    config: ExperimentConfig,
    labels: LabelMap,
) -> None:
    """Unknown labels are errors; what cannot be found is said."""
    from biaffine_tf.data.features import Counts, check_labels, featurize

    check_labels(sentences, labels)
    counts = Counts()
    for sentence in sentences:
        featurize(
            sentence,
            tokenizer,
            labels,
            max_pieces=config.model.max_pieces,
            counts=counts,
        )
    print(f"eval data: {counts.sentences} sentences, {counts.spans} spans")
    for name, count in counts.losses.items():
        print(
            f"eval data: {count} {name.replace('_', ' ')}{_NOTES.get(name, '')}"
        )


def _build_model(
    config: ExperimentConfig, tokenizer: Tokenizer, labels: LabelMap
) -> SpanModel:
    from biaffine_tf.modeling.span_model import SpanModel

    model = SpanModel(
        config.model,
        num_classes=labels.num_classes,
        pad_id=tokenizer.pad_id,
    )
    model.build_weights()
    if FLAGS.init_checkpoint:
        model_directory.load_encoder_weights(FLAGS.init_checkpoint, model)
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
        required=[
            "train_data",
            "eval_data",
            "vocab_file",
            "bert_config_file",
            "output_dir",
        ],
    )
