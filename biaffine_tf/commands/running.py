"""Runs commands based on absl: flags, help, errors in one line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

from absl import app, flags, logging

from biaffine_tf import console
from biaffine_tf.commands.flag_types import FLAGS, describe_flags
from biaffine_tf.errors import ConfigError

# Defaults of variables that TensorFlow reads when it is imported.
TENSORFLOW_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # its start-up notes are not for users
    "TF_ENABLE_ONEDNN_OPTS": "1",  # the default on newer processors only
    # Without it Keras 3 is imported, which takes seconds and is not used.
    "TF_USE_LEGACY_KERAS": "1",
}

# Scripts of the repository by their console commands.
_SCRIPTS = {
    "biaffine-train": "run_classifier.py",
    "biaffine-predict": "run_predict.py",
    "biaffine-pretrain": "pretrain/run_pretraining.py",
    "biaffine-pretrain-data": "pretrain/create_pretraining_data.py",
    "biaffine-pretrain-embeddings": "pretrain/create_embeddings.py",
}
_HELP = ("--help", "-help", "-h", "--helpshort")
_VERSION = ("--version", "-version")


def run(
    main: Callable[[], int | None],
    *,
    usage: str = "",
    required: Sequence[str] = (),
    unless: Mapping[str, str] = MappingProxyType({}),
    out_of_memory: str = "close other programs or take a larger machine",
) -> NoReturn:
    """Runs a command and exits; a user's mistake is one line and exit code 2.

    Args:
        main: Called after the flags are parsed; returns the exit code, None
            for 0.
        usage: Head of the help, with console commands, which are replaced by
            the scripts if a script was started.
        required: Names of the required flags.
        unless: By required flag, another one that makes it unnecessary.
        out_of_memory: Remedy: flags to change, in the order to try.
    """
    for name, value in TENSORFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)

    def parse(arguments: list[str]) -> list[str]:
        flags.FLAGS(arguments[:1])  # absl requires its own to be parsed
        return _parse(arguments, usage, required, unless)

    def begun(_: list[str]) -> int | None:
        logging.set_verbosity(logging.WARNING)
        return main()

    console.run(
        lambda: app.run(begun, flags_parser=parse), out_of_memory=out_of_memory
    )


def _parse(
    arguments: list[str],
    usage: str,
    required: Sequence[str],
    unless: Mapping[str, str],
) -> list[str]:
    if any(argument in _HELP for argument in arguments[1:]):
        print(_as_typed(usage.strip()))
        _print_help(required)
        sys.exit(0)
    if any(argument in _VERSION for argument in arguments[1:]):
        print(console.version())
        sys.exit(0)
    try:
        rest = FLAGS(arguments)
        for name in required:
            if name in unless and FLAGS[unless[name]].value:
                continue
            if FLAGS[name].value in (None, ""):
                raise ConfigError(
                    f"--{name} is missing ({FLAGS[name].help.rstrip('.')})",
                    remedy="give it; --help shows all flags",
                )
        if len(rest) > 1:
            raise ConfigError(
                f"unexpected argument {rest[1]!r}",
                remedy="settings are flags: --name=value",
            )
    except flags.Error as error:
        message = str(error).removeprefix("ERROR:: ")
        raise ConfigError(message, remedy="--help shows all flags") from None
    return rest


def _as_typed(usage: str) -> str:
    """Replaces console commands by scripts if a script was started."""
    if not sys.argv[0].endswith(".py"):
        return usage
    return re.sub(
        "|".join(sorted(_SCRIPTS, key=len, reverse=True)),
        lambda command: f"python {_SCRIPTS[command[0]]}",
        usage,
    )


def _print_help(required: Sequence[str]) -> None:
    if required:
        print(f"\nrequired: {' '.join(f'--{name}' for name in required)}")
    print("\n--flagfile=FILE reads flags from a file, one a line.")
    print("--version prints the version.")
    for line in describe_flags(required):
        print(line)


def keep_compilations() -> None:
    """Makes XLA cache compilations on disk for later processes.

    Must be called before TensorFlow is imported.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = os.path.join(os.path.expanduser(cache), "biaffine_tf", "xla")
    os.makedirs(folder, exist_ok=True)
    options = os.environ.get("TF_XLA_FLAGS", "")
    os.environ["TF_XLA_FLAGS"] = (
        f"{options} --tf_xla_persistent_cache_directory={folder}".strip()
    )
