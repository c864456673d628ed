"""Heads: from the vectors of tokens to spans. A registry; no TensorFlow.

A head is a Keras layer that fits `heads.head.Head`, and a module that fits
`heads.head.OnnxForm` if it can be exported to ONNX. A new one is a folder of
its own and a line in `HEADS`; its name is `HeadConfig.name`.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, NamedTuple

from biaffine_tf.errors import ConfigError

if TYPE_CHECKING:
    from biaffine_tf.heads.head import Head, OnnxForm


class HeadSource(NamedTuple):
    """Where the parts of a head are; none is imported before it is needed.

    Attributes:
        layer: The `Head`, as "module:class".
        onnx: Module of its `OnnxForm`, without TensorFlow; None if it has none.
    """

    layer: str
    onnx: str | None = None


HEADS = {
    "biaffine": HeadSource(
        "biaffine_tf.heads.biaffine.head:BiaffineHead",
        "biaffine_tf.heads.biaffine.onnx",
    ),
}


def head_class(name: str) -> type[Head]:
    """The layer of a head.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return pkgutil.resolve_name(_source(name).layer)


def onnx_form(name: str) -> OnnxForm:
    """How a head is written to ONNX, and read by numpy.

    Raises:
        ConfigError: If there is no head of this name, or it has no such form.
    """
    module = _source(name).onnx
    if module is None:
        raise ConfigError(
            f"the head {name!r} has no ONNX form",
            remedy="export a SavedModel: --export_format=saved_model",
        )
    return pkgutil.resolve_name(module)


def _source(name: str) -> HeadSource:
    if name not in HEADS:
        raise ConfigError(
            f"there is no head {name!r}; this version has {', '.join(HEADS)}",
            remedy="use the version of biaffine_tf that wrote the model",
        )
    return HEADS[name]
