r"""Makes an encoder for another vocabulary by embedding transfer.

biaffine-pretrain-embeddings --records_dir=records \
    --encoder_dir=english_bert --output_dir=start

Replaces the word embeddings of --encoder_dir, whose vocabulary may be of
another language, by vectors counted from the text of the records; its layers
stay. With --bert_config_file alone the layers are random. Pretrain the result:
biaffine-pretrain --encoder_dir=start --freeze=body.
"""

from __future__ import annotations

import os
from typing import NoReturn

from biaffine_tf.commands import running, text_flags
from biaffine_tf.commands.text_flags import FLAGS
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable
from biaffine_tf.locks import LOCK, locked
from biaffine_tf.records.text_records import Records


def main() -> None:
    """Checks the records, then counts and writes the encoder."""
    records = Records.open(FLAGS.records_dir)
    _check_records(records)
    with locked(FLAGS.output_dir):
        _create(records)


def _create(records: Records) -> None:
    """Counts, and writes the encoder."""
    _check_output(FLAGS.output_dir)
    source = None
    if FLAGS.encoder_dir:
        source = checkpoints.open_source(
            FLAGS.encoder_dir, bert_config_file=FLAGS.bert_config_file
        )
        config = source.require_config()
    elif FLAGS.bert_config_file:
        config = checkpoints.read_config(FLAGS.bert_config_file)
    else:
        raise ConfigError(
            "the config of the encoder is unknown",
            remedy="give --encoder_dir, or --bert_config_file for random "
            "layers",
        )

    from biaffine_tf.encoders.embedding_transfer import (
        transfer_embeddings,  # loads TensorFlow
    )

    encoder = transfer_embeddings(
        config,
        records,
        source=source,
        min_count=FLAGS.min_count,
        window=FLAGS.window,
        seed=FLAGS.seed,
    )
    checkpoints.write_huggingface(
        FLAGS.output_dir,
        encoder.config,
        encoder.tensors,
        records.tokenizer.vocabulary,
        tokenizer=checkpoints.TokenizerSettings.of(records.tokenizer),
    )
    origins = [f"{encoder.counted:,} from {encoder.tokens:,} in the text"]
    if encoder.copied:
        origins.append(f"{encoder.copied:,} of the same token in the encoder")
    if encoder.drawn:
        origins.append(f"{encoder.drawn:,} at random")
    print(
        f"{FLAGS.output_dir}: embeddings of {encoder.config.vocab_size:,} "
        f"tokens: {', '.join(origins)}"
    )


def _check_records(records: Records) -> None:
    if records.config.masking is not None:
        raise ConfigError(
            f"{records.directory}: the records hold masked tokens",
            remedy="make them without --dupe_factor",
        )


def _check_output(directory: str) -> None:
    check_writable(directory)
    if os.path.isdir(directory) and set(os.listdir(directory)) - {LOCK}:
        raise ConfigError(
            f"{directory}: exists already and is not an empty folder",
            remedy="give another --output_dir",
        )


def run() -> NoReturn:
    """Runs the command and exits the process."""
    text_flags.define_embedding_flags()
    running.run(main, usage=__doc__, required=["records_dir", "output_dir"])
