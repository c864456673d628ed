"""Registry of heads: layers from token vectors to spans. No TensorFlow.

A head is a Keras layer that fits `heads.head.Head`, and an `OnnxForm` of
`heads.head` if it can be exported to ONNX. A new one is a folder of its own and
a line in `HEADS`; its name is `HeadConfig.name`, the flag --head. Heads that
score pairs of tokens share heads/pairs/.
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
        onnx: Path of the `OnnxForm`, a module or an object in one, which needs
            no TensorFlow; None if the head cannot be exported to ONNX.
        distils: Whether it can be distilled; see `Head`.
        takes_label_sets: Whether it can learn from files that do not label
            every type; see `Head`.
    """

    layer: str
    onnx: str | None = None
    distils: bool = False
    takes_label_sets: bool = False


HEADS = {
    "biaffine": HeadSource(
        "biaffine_tf.heads.biaffine.head:BiaffineHead",
        "biaffine_tf.heads.biaffine.onnx:FORM",
        distils=True,
        takes_label_sets=True,
    ),
    "global_pointer": HeadSource(
        "biaffine_tf.heads.global_pointer.layer:GlobalPointer",
        "biaffine_tf.heads.global_pointer.onnx:FORM",
        distils=True,
        takes_label_sets=True,
    ),
    "efficient_global_pointer": HeadSource(
        "biaffine_tf.heads.global_pointer.efficient:EfficientGlobalPointer",
        "biaffine_tf.heads.global_pointer.onnx:EFFICIENT_FORM",
        distils=True,
        takes_label_sets=True,
    ),
    "cnn": HeadSource(
        "biaffine_tf.heads.cnn.layer:CnnHead",
        "biaffine_tf.heads.cnn.onnx:FORM",
        distils=True,
        takes_label_sets=True,
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


def onnx_form(name: str, *, multi_label: bool = False) -> OnnxForm:
    """Returns what writes a head to ONNX and reads its outputs.

    Args:
        name: Name of the head.
        multi_label: Whether it finds several labels of a span, which heads of
            pairs can.

    Raises:
        ConfigError: If there is no such head, or it has no ONNX form.
    """
    module = head_source(name).onnx
    if module is None:
        raise ConfigError(
            f"the head {name!r} has no ONNX form",
            remedy="export a SavedModel: --export_format=saved_model",
        )
    form = pkgutil.resolve_name(module)
    return form.for_several_labels() if multi_label else form


def distils(name: str) -> bool:
    """Returns whether a head gives every label's score, and learns from them.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return head_source(name).distils
