"""Digests of the files that predictions depend on: `digests.json`.

With them a damaged, missing or foreign file is noticed when a model directory
or export is loaded. An intended change removes them first, with `unseal`, and
writes them last, with `seal`: a killed change leaves a directory without
digests. Such directories, and those of earlier versions, are not checked.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import glob
import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from biaffine_tf.errors import ConfigError
from biaffine_tf.files import fingerprint, remove, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.model_directory.fingerprints import SAVED_MODEL
from biaffine_tf.model_directory.manifest import MANIFEST
from biaffine_tf.model_directory.names import (
    CONFIDENCE,
    CONFIG,
    DIGESTS,
    LABELS,
    SUBWORDS,
    VOCABULARY,
    WEIGHTS,
)
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL

RESEAL = "python -m biaffine_tf.model_directory {} --reseal"

_VERSION = 1
# Patterns of the files that predictions depend on, in directories of all kinds;
# the model card is left out, as people edit it.
_PATTERNS = (
    *(CONFIG, LABELS, VOCABULARY, SUBWORDS, CONFIDENCE, WEIGHTS),
    *(ONNX_MODEL, MANIFEST),
    *(SAVED_MODEL, "fingerprint.pb", "variables/*", "assets/*"),
)
_SHAPE = {"version": int, "files": {str: str}, "digest": str}


class Change(NamedTuple):
    """A file that does not match the digests.

    Attributes:
        name: Name relative to the directory.
        what: Description of the change.
    """

    name: str
    what: str


def seal(directory: str) -> None:
    """Writes the digests of the current files.

    Args:
        directory: Model directory or export.
    """
    files = _digest(directory, _present(directory))
    write_json(
        os.path.join(directory, DIGESTS),
        {"version": _VERSION, "files": files, "digest": _digest_of(files)},
    )


def unseal(directory: str) -> None:
    """Removes the digests before an intended change."""
    remove(os.path.join(directory, DIGESTS))


def is_sealed(directory: str | os.PathLike[str]) -> bool:
    """Whether a directory has digests."""
    return os.path.lexists(os.path.join(directory, DIGESTS))


def read_digests(directory: str) -> dict[str, str] | None:
    """Returns the digests of a directory by file; None if it has none.

    Raises:
        ConfigError: If they are damaged.
    """
    path = os.path.join(directory, DIGESTS)
    remedy = (
        "restore it; if all other files are as they should be, write it anew "
        f"with {RESEAL.format(directory)}"
    )
    try:
        stored = read_json(
            path, _SHAPE, what="the digests of a directory", remedy=remedy
        )
    except FileNotFoundError:
        return None
    if stored["version"] != _VERSION:
        raise ConfigError(
            f"{path}: of version {stored['version']}, not {_VERSION}",
            remedy=f"upgrade biaffine_tf, or {remedy}",
        )
    files: dict[str, str] = stored["files"]
    if stored["digest"] != _digest_of(files):
        raise ConfigError(f"{path}: damaged", remedy=remedy)
    return files


def find_changes(
    directory: str | os.PathLike[str],
    *,
    small: bool = True,
    weights: bool = True,
) -> list[Change]:
    """Compares a directory with its digests.

    Args:
        directory: Model directory or export.
        small: Whether to check files other than weights.
        weights: Whether to check the weights.

    Returns:
        Changed files; none if there are no digests.

    Raises:
        ConfigError: If the digests themselves are damaged.
    """
    directory = os.fspath(directory)
    known = read_digests(directory)
    if known is None:
        return []
    chosen = [
        name
        for name in sorted({*_present(directory), *known})
        if (weights if _is_weights(name) else small)
    ]
    current = _digest(directory, chosen)
    return [
        Change(name, what)
        for name in chosen
        if (what := _difference(known.get(name), current.get(name)))
    ]


def check_digests(
    directory: str | os.PathLike[str],
    *,
    small: bool = True,
    weights: bool = True,
    besides: Collection[str] = (),
) -> None:
    """Checks that a directory matches its digests.

    Args:
        directory: Model directory or export.
        small: Whether to check files other than weights.
        weights: Whether to check the weights.
        besides: Names of files that may have changed.

    Raises:
        ConfigError: If a file was changed, removed or added.
    """
    changes = [
        change
        for change in find_changes(directory, small=small, weights=weights)
        if change.name not in besides
    ]
    if changes:
        first, *others = changes
        more = f" (also {_names(others)})" if others else ""
        raise ConfigError(
            f"{os.path.join(directory, first.name)}: {first.what}{more}",
            remedy="restore the directory; if the change is meant, accept it "
            f"with {RESEAL.format(os.fspath(directory))}",
        )


@contextlib.contextmanager
def intact(
    directory: str | os.PathLike[str], *, weights: bool = True
) -> Iterator[None]:
    """Checks the digests of a directory while the block loads it.

    Small files are checked before the block, weights during it. A mismatch
    takes precedence over an error of the block.

    Args:
        directory: Model directory or export.
        weights: Whether to check the weights.

    Raises:
        ConfigError: If a file does not match the digests.
    """
    check_digests(directory, weights=False)
    if not weights:
        yield
        return
    with meanwhile(functools.partial(check_digests, directory, small=False)):
        yield


@contextlib.contextmanager
def meanwhile(check: Callable[[], None]) -> Iterator[None]:
    """Runs a check in another thread while the block loads what it checks.

    Args:
        check: Raises an error, which takes precedence over one of the block.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        checked = pool.submit(check)
        try:
            yield
        except Exception:
            checked.result()
            raise
        checked.result()


def _present(directory: str) -> list[str]:
    return [
        name
        for pattern in _PATTERNS
        for name in sorted(glob.glob(pattern, root_dir=directory))
        if os.path.isfile(os.path.join(directory, name))
    ]


def _is_weights(name: str) -> bool:
    """Whether a file takes long to digest."""
    return name in (WEIGHTS, ONNX_MODEL) or name.startswith("variables/")


def _digest(directory: str, names: list[str]) -> dict[str, str]:
    return {
        name: fingerprint(path)
        for name in names
        if os.path.isfile(path := os.path.join(directory, name))
    }


def _digest_of(files: dict[str, str]) -> str:
    text = json.dumps(files, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _difference(known: str | None, current: str | None) -> str | None:
    if known == current:
        return None
    if current is None:
        return f"missing, but {DIGESTS} names it"
    if known is None:
        return f"added since {DIGESTS} was written"
    return (
        f"changed since {DIGESTS} was written (SHA-256 {current[:12]}..., not "
        f"{known[:12]}...)"
    )


def _names(changes: list[Change]) -> str:
    shown = ", ".join(change.name for change in changes[:3])
    more = len(changes) - 3
    return f"{shown} and {more} more" if more > 0 else shown
