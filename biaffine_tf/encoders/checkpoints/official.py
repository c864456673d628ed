"""Tensor names in tf-models-official's TF2 checkpoints and in our weights."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping

from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.checkpoints.layout import (
    Format,
    Layout,
    make_layout,
)

_HEAD = {
    "cls/predictions/transform/dense/kernel": "mlm/dense/kernel",
    "cls/predictions/transform/dense/bias": "mlm/dense/bias",
    "cls/predictions/transform/LayerNorm/gamma": "mlm/layer_norm/gamma",
    "cls/predictions/transform/LayerNorm/beta": "mlm/layer_norm/beta",
    "cls/predictions/output_bias/bias": names.MLM_BIAS,
}
# The only layer of ALBERT has no number.
_ONLY_LAYER = re.compile(r"(^|/)transformer/(?!layer_)")


def layout(path: str, full_names: Mapping[str, str]) -> Layout:
    """Recognises the tensors of an encoder or a pretrainer.

    Args:
        path: Path, for error messages.
        full_names: Names of the variables by stored name.

    Raises:
        ConfigError: See `make_layout`.
    """

    def to_canonical(key: str) -> str | None:
        name = full_names[key]
        start = name.find("cls/predictions/")
        if start >= 0:
            return _HEAD.get(name[start:])
        name = _ONLY_LAYER.sub(r"\1transformer/layer_0/", name)
        return names.of_variable(name)

    result = make_layout(
        path,
        full_names,
        format=Format.OFFICIAL,
        to_canonical=to_canonical,
        is_foreign=lambda key: "transformer/" in full_names[key],
    )
    unused = tuple(
        key if names.is_optimizer_state(key) else full_names[key] or key
        for key in result.unused
    )
    return dataclasses.replace(result, unused=unused)


def own_layout(path: str, stored: Collection[str]) -> Layout:
    """Recognises the encoder in the weights of our model directories.

    Args:
        path: Path, for error messages.
        stored: Names of all tensors.

    Raises:
        ConfigError: See `make_layout`.
    """
    return make_layout(
        path,
        stored,
        format=Format.MODEL_DIRECTORY,
        to_canonical=names.of_variable,
        is_foreign=lambda name: name.startswith("encoder/"),
    )
