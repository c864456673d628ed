"""Imports optional packages, and opens files for them."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
from typing import IO, Any

from biaffine_tf.errors import ConfigError
from biaffine_tf.formats.lines import Source


def require(package: str, module: str, what: str) -> Any:
    """Imports a module of an optional package.

    Args:
        package: Name of the package for pip.
        module: Name of the module.
        what: What needs it, for the message.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise _missing(package, what) from None


def check_package(package: str, what: str) -> None:
    """Raises a ConfigError if an optional package is not installed."""
    if importlib.util.find_spec(package) is None:
        raise _missing(package, what)


def _missing(package: str, what: str) -> ConfigError:
    return ConfigError(
        f"{what} needs the package {package}, which is not installed",
        remedy=f"pip install {package}, or 'biaffine_tf[formats]'",
    )


def binary_file(source: Source) -> str | IO[bytes]:
    """Returns the path of a file or, if it has none, its content."""
    if not source.is_compressed and os.path.isfile(source.file):
        return source.file
    return io.BytesIO(source.content())
