"""Registry of heads: layers from token vectors to spans. No TensorFlow.

A head is a Keras layer that fits `heads.head.Head`, and an `OnnxForm` of
`heads.head` if it can be exported to ONNX. A new one is a folder of its own and
a line in `HEADS`; its name is `HeadConfig.name`, the flag --head. Heads that
score pairs of tokens share heads/pairs/.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, NamedTuple

from biaffine_tf.config import Loss, TrainingConfig, settings_of
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
        compares: Whether it can compare predictions; see `Head`.
        is_tagger: Whether it gives each token one tag, so that entities never
            overlap and there are no pairs to sample.
        losses: Losses that it can be trained with; empty for all.
        weighs: Whether its loss takes a weight of each sentence; see `Head`.
        takes_label_sets: Whether it can learn from files that do not label
            every type; see `Head`.
    """

    layer: str
    onnx: str | None = None
    distils: bool = False
    compares: bool = False
    is_tagger: bool = False
    losses: tuple[Loss, ...] = ()
    weighs: bool = False
    takes_label_sets: bool = False


HEADS = {
    "biaffine": HeadSource(
        "biaffine_tf.heads.biaffine.head:BiaffineHead",
        "biaffine_tf.heads.biaffine.onnx:FORM",
        distils=True,
        compares=True,
        weighs=True,
        takes_label_sets=True,
    ),
    "global_pointer": HeadSource(
        "biaffine_tf.heads.global_pointer.layer:GlobalPointer",
        "biaffine_tf.heads.global_pointer.onnx:FORM",
        distils=True,
        compares=True,
        weighs=True,
        takes_label_sets=True,
    ),
    "efficient_global_pointer": HeadSource(
        "biaffine_tf.heads.global_pointer.efficient:EfficientGlobalPointer",
        "biaffine_tf.heads.global_pointer.onnx:EFFICIENT_FORM",
        distils=True,
        compares=True,
        weighs=True,
        takes_label_sets=True,
    ),
    "cnn": HeadSource(
        "biaffine_tf.heads.cnn.layer:CnnHead",
        "biaffine_tf.heads.cnn.onnx:FORM",
        distils=True,
        compares=True,
        weighs=True,
        takes_label_sets=True,
    ),
    "softmax": HeadSource(
        "biaffine_tf.heads.tagger.head:SoftmaxTagger",
        "biaffine_tf.heads.tagger.onnx",
        is_tagger=True,
        weighs=True,
        takes_label_sets=True,
        losses=(Loss.CROSS_ENTROPY, Loss.FOCAL, Loss.DICE),
    ),
    "crf": HeadSource(
        "biaffine_tf.heads.tagger.head:CrfTagger",
        "biaffine_tf.heads.tagger.onnx",
        is_tagger=True,
        weighs=True,
        takes_label_sets=True,
        losses=(Loss.CROSS_ENTROPY,),
    ),
}


# Settings of the losses of pairs.
_OF_PAIRS = (
    "neg_sample",
    "keep_near_gold",
    "class_weights",
    "boundary_smoothing",
)


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


def onnx_form(
    name: str, *, multi_label: bool = False, is_earlier: bool = False
) -> OnnxForm:
    """Returns what writes a head to ONNX and reads its outputs.

    Args:
        name: Name of the head.
        multi_label: Whether it finds several labels of a span, which heads of
            pairs can.
        is_earlier: Whether the model is of version 2, in which heads of pairs
            give the scores of all pairs.

    Raises:
        ConfigError: If there is no such head, or it has no ONNX form.
    """
    source = head_source(name)
    if source.onnx is None:
        raise ConfigError(
            f"the head {name!r} has no ONNX form",
            remedy="export a SavedModel: --export_format=saved_model",
        )
    form = pkgutil.resolve_name(source.onnx)
    if source.is_tagger or not (multi_label or is_earlier):
        return form
    return form.variant(multi_label=multi_label, is_earlier=is_earlier)


def distils(name: str) -> bool:
    """Returns whether a head gives every label's score, and learns from them.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return head_source(name).distils


def compares(name: str) -> bool:
    """Returns whether a head can compare the predictions of two passes.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return head_source(name).compares


def weighs(name: str) -> bool:
    """Returns whether the loss of a head takes a weight of each sentence.

    Raises:
        ConfigError: If there is no head of this name.
    """
    return head_source(name).weighs


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


def check_loss(name: str, training: TrainingConfig) -> None:
    """Checks that a head can be trained with a loss.

    Raises:
        ConfigError: If it cannot, or there is no head of this name.
    """
    source = head_source(name)
    if source.losses and training.loss not in source.losses:
        raise ConfigError(
            f"--loss={training.loss} is none of the losses of --head={name}: "
            f"{', '.join(source.losses)}",
            remedy="give one of these, or --head=biaffine",
        )
    defaults = settings_of(TrainingConfig)
    for setting in _OF_PAIRS if source.is_tagger else ():
        value = getattr(training, setting)
        if value != defaults[setting].default:
            raise ConfigError(
                f"--{setting}={value} is of pairs of tokens, and "
                f"--head={name} has a loss of tokens",
                remedy=f"leave out --{setting}, or give --head=biaffine",
            )
