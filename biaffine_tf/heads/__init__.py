"""Registry of heads: layers from token vectors to spans. No TensorFlow.

A head is a Keras layer that fits `heads.head.Head`, and a module that fits
`heads.head.OnnxForm` if it can be exported to ONNX. A new one is a folder of
its own and a line in `HEADS`; its name is `HeadConfig.name`, the flag --head.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, NamedTuple

from biaffine_tf.errors import ConfigError

if TYPE_CHECKING:
    from biaffine_tf.heads.head import Head, OnnxForm


class HeadSource(NamedTuple):
    """Import paths of a head, resolved only when they are needed.

    Attributes:
        layer: Path of the `Head` class, as "module:class".
        onnx: Path of the `OnnxForm` module, which needs no TensorFlow; None if
            the head cannot be exported to ONNX.
        distils: Whether it can be distilled; see `Head`.
        weighs: Whether its loss takes a weight of each sentence; see `Head`.
    """

    layer: str
    onnx: str | None = None
    distils: bool = False
    weighs: bool = False


HEADS = {
    "biaffine": HeadSource(
        "biaffine_tf.heads.biaffine.head:BiaffineHead",
        "biaffine_tf.heads.biaffine.onnx",
        distils=True,
        weighs=True,
    ),
}


def head_source(name: str) -> HeadSource:
    """Returns the import paths of a head.

    Raises:
        ConfigError: If there is no head of this name.
    """
    if name not in HEADS:
        raise ConfigError(
            f"--head={name}: no such head; this version has {', '.join(HEADS)}",
            remedy="give one of these, or use the version of biaffine_tf that "
            "wrote the model",
        )
    return HEADS[name]


def head_class(name: str) -> type[Head]:
    """Returns the layer class of a head.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return pkgutil.resolve_name(head_source(name).layer)


def onnx_form(name: str) -> OnnxForm:
    """Returns the module that writes a head to ONNX and reads its outputs.

    Raises:
        ConfigError: If there is no such head, or it has no ONNX form.
    """
    module = head_source(name).onnx
    if module is None:
        raise ConfigError(
            f"the head {name!r} has no ONNX form",
            remedy="export a SavedModel: --export_format=saved_model",
        )
    return pkgutil.resolve_name(module)


def distils(name: str) -> bool:
    """Returns whether a head gives every label's score, and learns from them.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return head_source(name).distils


def weighs(name: str) -> bool:
    """Returns whether the loss of a head takes a weight of each sentence.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return head_source(name).weighs
