"""Registry of heads: layers from token vectors to spans. No TensorFlow.

A head is a Keras layer that fits `heads.head.Head`, and a module that fits
`heads.head.OnnxForm` if it can be exported to ONNX. A new one is a folder of
its own and a line in `HEADS`; its name is `HeadConfig.name`, the flag --head.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, NamedTuple

from biaffine_tf.config import Loss
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
        is_tagger: Whether it gives each token one tag, so that entities never
            overlap and there are no pairs to sample.
        losses: Losses that it can be trained with; empty for all.
    """

    layer: str
    onnx: str | None = None
    distils: bool = False
    is_tagger: bool = False
    losses: tuple[Loss, ...] = ()


HEADS = {
    "biaffine": HeadSource(
        "biaffine_tf.heads.biaffine.head:BiaffineHead",
        "biaffine_tf.heads.biaffine.onnx",
        distils=True,
    ),
    "softmax": HeadSource(
        "biaffine_tf.heads.tagger.head:SoftmaxTagger",
        "biaffine_tf.heads.tagger.onnx",
        is_tagger=True,
        losses=(Loss.CROSS_ENTROPY, Loss.FOCAL, Loss.DICE),
    ),
    "crf": HeadSource(
        "biaffine_tf.heads.tagger.head:CrfTagger",
        "biaffine_tf.heads.tagger.onnx",
        is_tagger=True,
        losses=(Loss.CROSS_ENTROPY,),
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


def check_nested(name: str, nested: bool | None) -> None:
    """Checks that a head can find nested entities, if they are wanted.

    Raises:
        ConfigError: If it cannot, or there is no head of this name.
    """
    if head_source(name).is_tagger and nested:
        raise ConfigError(
            f"--nested is given, but --head={name} gives each token one tag, "
            "so that entities never overlap",
            remedy="leave out --nested, or train with --head=biaffine",
        )


def check_loss(name: str, loss: Loss, neg_sample: float) -> None:
    """Checks that a head can be trained with a loss.

    Args:
        name: Name of the head.
        loss: Loss of a pair, or of a token.
        neg_sample: Fraction of the negative pairs in the loss.

    Raises:
        ConfigError: If it cannot, or there is no head of this name.
    """
    source = head_source(name)
    if source.losses and loss not in source.losses:
        raise ConfigError(
            f"--loss={loss} is none of the losses of --head={name}: "
            f"{', '.join(source.losses)}",
            remedy="give one of these, or --head=biaffine",
        )
    if source.is_tagger and neg_sample < 1:
        raise ConfigError(
            f"--neg_sample={neg_sample} samples pairs of tokens, and "
            f"--head={name} has a loss of tokens",
            remedy="leave out --neg_sample, or give --head=biaffine",
        )
