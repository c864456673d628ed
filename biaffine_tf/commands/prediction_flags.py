"""Checks the flags of run_predict.py against each other and the files."""

from __future__ import annotations

import dataclasses
import os

from biaffine_tf import formats
from biaffine_tf.commands import flags
from biaffine_tf.commands.flag_types import FLAGS
from biaffine_tf.commands.output_formats import check_output_format
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable
from biaffine_tf.formats.compression import check_output_name
from biaffine_tf.formats.inputs import is_glob
from biaffine_tf.formats.lines import STANDARD_INPUT
from biaffine_tf.formats.output import STANDARD_OUTPUT


def check() -> None:
    """Raises a ConfigError if flags contradict each other."""
    patterns = flags.input_patterns()
    if FLAGS.output and FLAGS.output_dir:
        raise ConfigError(
            "--output and --output_dir are both given",
            remedy="give --output for one file, or --output_dir for any number",
        )
    output = "output_dir" if FLAGS.output_dir else "output"
    if bool(patterns) != bool(FLAGS[output].value):
        given, missing = ("input", output)[:: 1 if patterns else -1]
        raise ConfigError(
            f"--{given} is given but --{missing} is not",
            remedy="give both, or --text alone",
        )
    if FLAGS.text is None and not patterns and not FLAGS.export_dir:
        raise ConfigError(
            "nothing to predict",
            remedy="give --text, or --input and --output",
        )
    if FLAGS.eval_data and not FLAGS.export_dir:
        raise ConfigError(
            "--eval_data is given but --export_dir is not",
            remedy="score predictions with python -m biaffine_tf.evaluation",
        )
    if FLAGS.output and (len(patterns) > 1 or is_glob(patterns[0])):
        raise ConfigError(
            "--output takes the predictions of one file, and --input names "
            "several, or a pattern",
            remedy="give --output_dir=FOLDER instead",
        )
    _check_streams(patterns)
    _check_folder()
    if FLAGS["shard_size"].present and not FLAGS.output_dir:
        raise ConfigError(
            "--shard_size is given but --output_dir is not",
            remedy="give both or none",
        )
    check_output_format(
        FLAGS.output_format,
        flag="output_format",
        scores=FLAGS.output_score,
        layers=FLAGS.output_layers,
    )
    try:
        (FLAGS.text or "").encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            "--text is not UTF-8", remedy="convert it, or check the terminal"
        ) from error


def _check_streams(patterns: list[str]) -> None:
    """Checks the uses of "-" for standard input and output."""
    if FLAGS.output_dir and STANDARD_INPUT in patterns:
        raise ConfigError(
            "--input=- can be read once, and --output_dir reads its inputs "
            "again when it goes on after a kill",
            remedy="give --output=- or --output=FILE, or write standard input "
            "to a file first",
        )
    if FLAGS.output_dir == STANDARD_OUTPUT:
        raise ConfigError(
            "--output_dir=- is no folder",
            remedy="give --output=- for standard output",
        )
    if FLAGS.output == STANDARD_OUTPUT and FLAGS.text is not None:
        raise ConfigError(
            "--text and --output=- both write to standard output",
            remedy="give one of them, or --output=FILE",
        )


def _check_folder() -> None:
    """Checks that a format of folders is written to one."""
    output = formats.find_format(FLAGS.output_format)
    if output.folder and (FLAGS.output_dir or FLAGS.output == STANDARD_OUTPUT):
        raise ConfigError(
            f"--output_format={output} is a folder with two files per text, "
            "which has no shards and is no stream",
            remedy="give --output=NEW_FOLDER",
        )


def read_options() -> formats.ReadOptions:
    """Returns the options for reading input; its labels are ignored."""
    return dataclasses.replace(flags.read_options(), ignore_labels=True)


def check_output(path: str, output_format: str) -> None:
    """Checks that --output can be written.

    Args:
        path: Path of the input.
        output_format: Format of the output.

    Raises:
        ConfigError: If it cannot.
    """
    if FLAGS.output == STANDARD_OUTPUT:
        return
    check_output_name(FLAGS.output)
    is_folder = formats.find_format(output_format).folder
    if os.path.isdir(FLAGS.output) and not is_folder:
        raise ConfigError(
            f"--output={FLAGS.output} is a folder",
            remedy="give the name of a file in it, or --output_dir",
        )
    if not os.path.exists(FLAGS.output):
        folder = os.path.dirname(os.path.realpath(FLAGS.output))
        if not os.path.isdir(folder):
            raise ConfigError(
                f"--output={FLAGS.output}: there is no folder {folder}",
                remedy="make it, or give another path",
            )
        check_writable(folder)
    elif os.path.isfile(FLAGS.output) and _is_same_file(path):
        raise ConfigError(
            f"--output={FLAGS.output} is the input",
            remedy="give another file",
        )


def _is_same_file(path: str) -> bool:
    there = os.stat(0) if path == STANDARD_INPUT else os.stat(path)
    return os.path.samestat(there, os.stat(FLAGS.output))
