"""What every command does around its work: flags, help, errors in one line."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import app, flags, logging

from biaffine_tf.errors import EXIT_CODE, BiaffineError, ConfigError

_FLAGS = flags.FLAGS
_DEFINED_IN = "biaffine_tf.flags"
_HELP = ("--help", "-help", "-h", "--helpshort")

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


def run(main: Callable[[], None], *, required: Sequence[str] = ()) -> NoReturn:
    """Runs a command; a user's mistake is one line and exit code 2.

    Args:
        main: Called after the flags are parsed.
        required: Flags that must be given.
    """
    # Before TensorFlow is loaded: its start-up notes are not for users.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a character shows its code instead.
        sys.stdout.reconfigure(errors="backslashreplace")

    def parse(arguments: list[str]) -> list[str]:
        return _parse(arguments, required)

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
        except OSError as error:
            if error.errno not in _MACHINE:
                raise
            _fail(_of_machine(error))

    app.run(guarded, flags_parser=parse)
    raise AssertionError("app.run does not return")


def _parse(arguments: list[str], required: Sequence[str]) -> list[str]:
    if any(argument in _HELP for argument in arguments[1:]):
        _print_help(required)
        sys.exit(0)
    try:
        rest = _FLAGS(arguments)
        for name in required:
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
    flags_help = _FLAGS.module_help(_DEFINED_IN)
    print(flags_help.partition(f"{_DEFINED_IN}:\n")[2])


def _fail(error: BiaffineError) -> NoReturn:
    sys.stderr.write(f"error: {error}\n")
    sys.exit(EXIT_CODE)


def _of_machine(error: OSError) -> ConfigError:
    place = f"{error.filename}: " if error.filename else ""
    return ConfigError(
        f"{place}{error.strerror}",
        remedy="check the path, its permissions and the space on the disk",
    )
