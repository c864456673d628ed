"""Makes records for pretraining from text files.

biaffine-pretrain-data --input_file='texts/*.txt.xz' \
  --vocab_file=vocab.txt --output_dir=records

A line is a sentence or a paragraph; blank lines separate documents (see
--document). Lines are packed into sequences of --max_seq_length tokens within
their document. By default they are masked anew in every epoch of the training;
--dupe_factor=10 stores ten masked copies of each instead.
"""

from __future__ import annotations

from typing import NoReturn

from biaffine_tf.commands import distil_teacher, running, text_flags
from biaffine_tf.commands.text_flags import FLAGS
from biaffine_tf.config import DataConfig
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import ConfigError
from biaffine_tf.locks import locked
from biaffine_tf.records import text_building, texts
from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.tokenization import Tokenizer


def main() -> None:
    """Makes the records and prints a summary."""
    config = text_flags.data_config()
    tokenizer = _make_tokenizer(config)
    teacher = None
    if FLAGS.teacher_dir:
        teacher = distil_teacher.choose_teacher_tokenizer(
            FLAGS.teacher_dir,
            tokenizer,
            texts.sample(FLAGS.input_file, config),
        )
    with locked(FLAGS.output_dir):
        records = text_building.create_records(
            FLAGS.input_file,
            FLAGS.output_dir,
            tokenizer,
            config,
            teacher=teacher,
            processes=FLAGS.processes,
            overwrite=FLAGS.overwrite,
        )
    for line in _summary(records):
        print(line)


def _make_tokenizer(config: DataConfig) -> Tokenizer:
    if bool(FLAGS.vocab_file) == bool(FLAGS.encoder_dir):
        given = "both are" if FLAGS.vocab_file else "neither is"
        raise ConfigError(
            "the vocabulary comes from --vocab_file or --encoder_dir, and "
            f"{given} given",
            remedy="give one of them",
        )
    if FLAGS.vocab_file:
        path = FLAGS.vocab_file
        vocabulary, stated = checkpoints.read_vocabulary_file(path)
    else:
        path = FLAGS.encoder_dir
        source = checkpoints.open_source(path)
        vocabulary, stated = source.require_vocabulary(), source.tokenizer
    tokenizer, choices = checkpoints.choose_tokenizer(
        vocabulary,
        stated,
        stated_by=path,
        tokenizer=FLAGS.tokenizer,
        do_lower_case=FLAGS.do_lower_case,
        texts=texts.sample(FLAGS.input_file, config),
    )
    for choice in choices:
        print(f"chosen: {choice}")
    return tokenizer


def _summary(records: Records) -> list[str]:
    """Describes the records and what was dropped from the text."""
    counts, config = records.counts, records.config
    unknown = counts.unknown_tokens / counts.tokens
    lines = [
        f"{counts.documents:,} documents ({counts.held_out_documents:,} held "
        f"out), {counts.lines:,} lines, {counts.tokens:,} tokens, "
        f"{unknown:.2%} unknown"
    ]
    if counts.empty_lines:
        lines.append(f"{counts.empty_lines:,} lines without any token")
    if counts.dropped_sequences:
        lines.append(
            f"dropped: {counts.dropped_sequences:,} sequences of less than "
            f"{config.min_tokens} tokens ({counts.dropped_tokens:,} tokens)"
        )
    if records.teacher is not None:
        kept = counts.tokens - counts.dropped_tokens
        lines.append(
            f"{counts.targets / kept:.1%} of the tokens overlap one of the "
            f"teacher's; {counts.repeated_targets / counts.targets:.1%} of "
            "these lie in that of the token before"
        )
    for kind, problem in records.problems.items():
        lines.append(
            f"{kind}: {problem['count']:,} (first: {problem['examples'][0]})"
        )
    if config.held_out and not records.num_records(Split.HELD_OUT):
        lines.append(
            "nothing is held out, so pretraining cannot be evaluated: give a "
            "larger --held_out"
        )
    state = "made" if records.is_new else "already complete"
    lines.append(
        f"{records.directory}: {state}, "
        f"{records.num_records(Split.TRAIN):,} records to train on, "
        f"{records.num_records(Split.HELD_OUT):,} held out; "
        f"{records.padding_share:.1%} padding if all were padded to "
        f"{config.max_seq_length}"
    )
    return lines


def run() -> NoReturn:
    """Runs the command and exits the process."""
    text_flags.define_data_flags()
    running.run(
        main,
        usage=__doc__,
        required=["input_file", "output_dir"],
        out_of_memory="give fewer --processes",
    )
