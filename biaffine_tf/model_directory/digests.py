"""Digests of the files that predictions depend on: `digests.json`.

They stand in model directories and exports alike, so that a file that is
damaged, missing, or of another model is noticed when the directory is loaded.
Whatever changes a file on purpose removes them first, with `unseal`; what ends
the change writes them last, with `seal`: a kill leaves a directory without.
Such ones, and those of earlier versions, are loaded as they are.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import glob
import hashlib
import json
import os
from collections.abc import Collection, Iterator
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
# Patterns of the files that predictions depend on, in whatever kind of
# directory; the model card is not among them, as people edit it.
_PATTERNS = (
    *(CONFIG, LABELS, VOCABULARY, SUBWORDS, CONFIDENCE, WEIGHTS),
    *(ONNX_MODEL, MANIFEST),
    *(SAVED_MODEL, "fingerprint.pb", "variables/*", "assets/*"),
)
_SHAPE = {"version": int, "files": {str: str}, "digest": str}


class Change(NamedTuple):
    """A file that is not what the digests say.

    Attributes:
        name: Its name, relative to the directory.
        what: What is the matter with it.
    """

    name: str
    what: str


def seal(directory: str) -> None:
    """Writes the digests of a directory as it is.

    Args:
        directory: A model directory or an export.
    """
    files = _digest(directory, _present(directory))
    write_json(
        os.path.join(directory, DIGESTS),
        {"version": _VERSION, "files": files, "digest": _digest_of(files)},
    )


def unseal(directory: str) -> None:
    """Removes the digests: a file is about to be changed on purpose."""
    remove(os.path.join(directory, DIGESTS))


def is_sealed(directory: str | os.PathLike[str]) -> bool:
    """Whether a directory has digests."""
    return os.path.lexists(os.path.join(directory, DIGESTS))


def find_changes(
    directory: str | os.PathLike[str],
    *,
    small: bool = True,
    weights: bool = True,
) -> list[Change]:
    """Compares a directory with its digests.

    Args:
        directory: A model directory or an export.
        small: Whether to look at all but the weights.
        weights: Whether to look at the weights.

    Returns:
        The files that are other ones, none if there are no digests.

    Raises:
        ConfigError: If the digests themselves are damaged.
    """
    directory = os.fspath(directory)
    known = _read(directory)
    if known is None:
        return []
    chosen = [
        name
        for name in sorted({*_present(directory), *known})
        if (weights if _is_weights(name) else small)
    ]
    found = _digest(directory, chosen)
    return [
        Change(name, what)
        for name in chosen
        if (what := _difference(known.get(name), found.get(name)))
    ]


def check_digests(
    directory: str | os.PathLike[str],
    *,
    small: bool = True,
    weights: bool = True,
    besides: Collection[str] = (),
) -> None:
    """Refuses a directory that is not as its digests say.

    Args:
        directory: As for `find_changes`, like the rest.
        small: Whether to look at all but the weights.
        weights: Whether to look at the weights.
        besides: Names of files that may be others.

    Raises:
        ConfigError: If a file is another one, missing, or was not there.
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
    """Checks the digests of a directory while the block loads what it holds.

    Small files are checked before, weights meanwhile. What the digests tell
    goes before any error of the block.

    Args:
        directory: A model directory or an export.
        weights: Whether to check weights, too.

    Raises:
        ConfigError: If a file is not as the digests say.
    """
    check_digests(directory, weights=False)
    if not weights:
        yield
        return
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        check = pool.submit(check_digests, directory, small=False)
        try:
            yield
        except Exception:
            check.result()
            raise
        check.result()


def _read(directory: str) -> dict[str, str] | None:
    """Digests by file; None if there are none."""
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
            f"{path}: of version {stored['version']}, this is {_VERSION}",
            remedy=f"upgrade biaffine_tf, or {remedy}",
        )
    files: dict[str, str] = stored["files"]
    if stored["digest"] != _digest_of(files):
        raise ConfigError(f"{path}: damaged", remedy=remedy)
    return files


def _present(directory: str) -> list[str]:
    """The files that predictions depend on and that are there."""
    return [
        name
        for pattern in _PATTERNS
        for name in sorted(glob.glob(pattern, root_dir=directory))
        if os.path.isfile(os.path.join(directory, name))
    ]


def _is_weights(name: str) -> bool:
    """Whether digesting a file takes its time."""
    return name in (WEIGHTS, ONNX_MODEL) or name.startswith("variables/")


def _digest(directory: str, names: list[str]) -> dict[str, str]:
    """Digests of those of some files that are there."""
    return {
        name: fingerprint(path)
        for name in names
        if os.path.isfile(path := os.path.join(directory, name))
    }


def _digest_of(files: dict[str, str]) -> str:
    text = json.dumps(files, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _difference(known: str | None, found: str | None) -> str | None:
    if known == found:
        return None
    if found is None:
        return f"missing, but {DIGESTS} names it"
    if known is None:
        return f"added since {DIGESTS} was written"
    return (
        f"changed since {DIGESTS} was written (SHA-256 {found[:12]}..., not "
        f"{known[:12]}...)"
    )


def _names(changes: list[Change]) -> str:
    shown = ", ".join(change.name for change in changes[:3])
    more = len(changes) - 3
    return f"{shown} and {more} more" if more > 0 else shown
