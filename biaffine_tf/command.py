"""What every command does around its work: flags, help, errors in one line."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

from absl import app, flags, logging

from biaffine_tf.errors import EXIT_CODE, BiaffineError, ConfigError

# What TensorFlow reads when it is loaded; what the user sets goes first.
TENSORFLOW_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # its start-up notes are not for users
    "TF_ENABLE_ONEDNN_OPTS": "1",  # by itself only on newer processors
    # Else it loads Keras 3, which takes a second or two and is not used.
    "TF_USE_LEGACY_KERAS": "1",
}

_FLAGS = flags.FLAGS
_DEFINED_IN = (
    "biaffine_tf.flags",
    "pretrain.flags",
    "pretrain.training_flags",
)
_HELP = ("--help", "-help", "-h", "--helpshort")

_CHECK_DISK = "check the path, its permissions and the space on the disk"

# What a user's machine can do to a program that did nothing wrong.
_MACHINE = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EISDIR,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}

# TensorFlow says of a disk what it says of memory.
_DISK_FULL = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT)]

# What numpy and TensorFlow could not allocate, without where and by whom.
_NOT_ALLOCATED = re.compile(
    r"(?i:OOM when|out of memory|unable to allocate|failed to allocate)"
    r"[^\n]*?(?= on /| by allocator| \[Op:|\n|$)"
)
_LONGEST_REASON = 160  # characters


def run(
    main: Callable[[], None],
    *,
    required: Sequence[str] = (),
    unless: Mapping[str, str] = MappingProxyType({}),
    out_of_memory: str = "close other programs or take a larger machine",
) -> NoReturn:
    """Runs a command; a user's mistake is one line and exit code 2.

    Args:
        main: Called after the flags are parsed.
        required: Flags that must be given.
        unless: Of some of them another flag, which makes them unnecessary.
        out_of_memory: The remedy: flags to change, in the order to try.
    """
    for name, value in TENSORFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a character shows its code instead.
        sys.stdout.reconfigure(errors="backslashreplace")

    def parse(arguments: list[str]) -> list[str]:
        return _parse(arguments, required, unless)

    def guarded(_: list[str]) -> None:
        logging.set_verbosity(logging.WARNING)
        try:
            main()
            sys.stdout.flush()
        except BiaffineError as error:
            _fail(error)
        except KeyboardInterrupt:
            sys.stderr.write("\ninterrupted\n")
            sys.exit(130)
        except BrokenPipeError:  # of `| head`: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except Exception as error:
            known = _of_machine(error, out_of_memory)
            if known is None:
                raise
            _fail(known)

    app.run(guarded, flags_parser=parse)
    raise AssertionError("app.run does not return")


def _parse(
    arguments: list[str], required: Sequence[str], unless: Mapping[str, str]
) -> list[str]:
    if any(argument in _HELP for argument in arguments[1:]):
        _print_help(required)
        sys.exit(0)
    try:
        rest = _FLAGS(arguments)
        for name in required:
            if name in unless and _FLAGS[unless[name]].value:
                continue
            if _FLAGS[name].value in (None, ""):
                raise ConfigError(
                    f"--{name} is missing ({_FLAGS[name].help.rstrip('.')})",
                    remedy="give it; --help shows all flags",
                )
        if len(rest) > 1:
            raise ConfigError(
                f"unexpected argument {rest[1]!r}",
                remedy="settings are flags: --name=value",
            )
    except flags.Error as error:
        message = str(error).removeprefix("ERROR:: ")
        _fail(ConfigError(message, remedy="--help shows all flags"))
    except BiaffineError as error:
        _fail(error)
    return rest


def _print_help(required: Sequence[str]) -> None:
    print((sys.modules["__main__"].__doc__ or "").strip())
    if required:
        print(f"\nrequired: {' '.join(f'--{name}' for name in required)}")
    print("\n--flagfile=FILE reads flags from a file, one a line.\n")
    for module in _DEFINED_IN:
        flags_help = _FLAGS.module_help(module)
        if flags_help:
            print(flags_help.partition(f"{module}:\n")[2])


def _fail(error: BiaffineError) -> NoReturn:
    line = f"error: {error}"
    bars = sys.modules.get("tqdm")
    if bars is None:
        print(line, file=sys.stderr)
    else:  # one may stand on the line that we would go on writing
        bars.tqdm.write(line, file=sys.stderr)
    sys.exit(EXIT_CODE)


def _of_machine(error: Exception, out_of_memory: str) -> ConfigError | None:
    """What to say of an error that the machine caused; None of any other."""
    if isinstance(error, OSError) and error.errno in _MACHINE:
        place = f"{error.filename}: " if error.filename else ""
        problem, remedy = f"{place}{error.strerror}", _CHECK_DISK
    elif not _is_exhausted(error):
        return None
    elif any(reason in str(error) for reason in _DISK_FULL):
        problem, remedy = _shortened(error), _CHECK_DISK
    else:
        problem, remedy = f"out of memory: {_shortened(error)}", out_of_memory
    return ConfigError(problem, remedy=remedy)


def _is_exhausted(error: Exception) -> bool:
    """Whether memory, or with TensorFlow maybe a disk, was not enough."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError):
        return True
    # Not imported for this: where it is not loaded, the error is not its own.
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    return errors is not None and isinstance(
        error, errors.ResourceExhaustedError
    )


def _shortened(error: Exception) -> str:
    """The part of a message that says what was exhausted."""
    message = str(error).strip()
    found = _NOT_ALLOCATED.search(message)
    reason = found.group() if found else message.partition("\n")[0]
    if len(reason) > _LONGEST_REASON:
        reason = reason[:_LONGEST_REASON] + " ..."
    return reason or type(error).__name__


def keep_compilations() -> None:
    """Makes XLA keep what it compiles, for this and all later processes.

    Call it before TensorFlow is loaded.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = os.path.join(os.path.expanduser(cache), "biaffine_tf", "xla")
    os.makedirs(folder, exist_ok=True)
    options = os.environ.get("TF_XLA_FLAGS", "")
    os.environ["TF_XLA_FLAGS"] = (
        f"{options} --tf_xla_persistent_cache_directory={folder}".strip()
    )
