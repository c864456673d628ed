"""Assignment of the tensors of a source to variables, all or none."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.checkpoints.configs import (
    ARCHITECTURES,
    describe_activation,
    same_activation,
)
from biaffine_tf.encoders.checkpoints.layout import listed
from biaffine_tf.encoders.checkpoints.report import LoadReport
from biaffine_tf.encoders.checkpoints.source import Source
from biaffine_tf.errors import ConfigError

if TYPE_CHECKING:
    import tensorflow as tf

    from biaffine_tf.encoders.bilstm import BilstmEncoder
    from biaffine_tf.encoders.fused_encoder import FusedBertEncoder

Shape = tuple[int, ...]

# Settings that affect the training of an encoder, not its output.
_FREE_TO_CHANGE = (
    "attention_probs_dropout_prob",
    "hidden_dropout_prob",
    "initializer_range",
)
# Settings that follow from the shapes of tensors, and have their own checks.
_SHOWN_BY_SHAPES = ("max_position_embeddings", "vocab_size")

_ROWS_VARY = (names.WORD_EMBEDDINGS, names.POSITIONS)
_OWN_CONFIG = "give the bert_config.json that it was trained with"


def encoder_variables(
    encoder: BilstmEncoder | FusedBertEncoder,
) -> dict[str, tf.Variable]:
    """Returns the weights of a built encoder by canonical name."""
    variables = {}
    for variable in encoder.weights:
        name = names.of_variable(variable.name.removesuffix(":0"))
        if name is not None:
            variables[name] = variable
    return variables


def tensors_of(variables: Mapping[str, tf.Variable]) -> dict[str, np.ndarray]:
    """Returns the values of variables in canonical shapes, for the writers.

    Args:
        variables: Variables by canonical name.
    """
    return {
        name: variable.numpy().reshape(names.flat_shape(name, variable.shape))
        for name, variable in variables.items()
    }


def load(
    source: Source,
    variables: Mapping[str, tf.Variable],
    *,
    config: EncoderConfig,
    replace_embeddings: bool = False,
    extend_positions: bool = False,
) -> LoadReport:
    """Assigns the tensors of a source if they fit; otherwise changes nothing.

    Args:
        source: From `open_source`.
        variables: Variables of the encoder, and of a head if wanted, by
            canonical name.
        config: Config of the encoder that the variables belong to.
        replace_embeddings: Keep the initial word embeddings and output bias,
            for an encoder with another vocabulary.
        extend_positions: Repeat the stored positions if the encoder has more,
            as Longformer does.

    Returns:
        Report of the loaded and missing tensors. A head that the source lacks
        keeps its initial values.

    Raises:
        ConfigError: If the source's encoder does not fit the variables, or a
            tensor is not finite.
    """
    shapes = {
        name: names.flat_shape(name, variable.shape)
        for name, variable in variables.items()
    }
    report = check(
        source,
        shapes,
        config=config,
        replace_embeddings=replace_embeddings,
        extend_positions=extend_positions,
    )
    # Reads all before assigning any, since a tensor may not be finite.
    values = {name: source.tensor(name) for name in report.loaded}
    for name, value in values.items():
        if name == names.POSITIONS:
            rows = np.arange(shapes[name][0]) % len(value)
            value = value[rows]
        variables[name].assign(value.reshape(variables[name].shape))
    return _with_copies(source, report)


def check(
    source: Source,
    shapes: Mapping[str, Shape],
    *,
    config: EncoderConfig,
    replace_embeddings: bool = False,
    extend_positions: bool = False,
) -> LoadReport:
    """Checks what `load` would do, from names and shapes alone.

    Args:
        source: From `open_source`.
        shapes: Canonical shapes of the variables, by canonical name.
        config: See `load`.
        replace_embeddings: See `load`.
        extend_positions: See `load`.

    Raises:
        ConfigError: If the source's encoder does not fit the variables.
    """
    _check_config(source, config)
    kept = set()
    if replace_embeddings:
        kept = {names.WORD_EMBEDDINGS, names.MLM_BIAS}
    stored = source.shapes
    loaded = [name for name in shapes if name in stored and name not in kept]
    missing = [name for name in shapes if name not in loaded]
    lacking = [n for n in missing if n not in kept and not names.is_head(n)]
    if lacking == [names.POSITIONS]:
        raise ConfigError(
            f"{source.path}: an encoder without position embeddings, such as "
            "RoFormer, is not supported",
            remedy=ARCHITECTURES,
        )
    if lacking:
        raise ConfigError(
            f"{source.path}: the encoder lacks {listed(lacking)}",
            remedy=_OWN_CONFIG,
        )
    _check_superfluous(source, shapes)
    _check_shapes(source, shapes, loaded, extend_positions=extend_positions)
    used = {source.stored_name(name) for name in loaded}
    rest = [source.stored_name(n) for n in stored]
    unused = [n for n in [*rest, *source.tied, *source.unused] if n not in used]
    return LoadReport(
        loaded=tuple(loaded),
        missing=tuple(missing),
        unused=tuple(unused),
        notes=_notes(source, shapes, kept),
        activation=describe_activation(config, source.config_file),
    )


def _check_config(source: Source, config: EncoderConfig) -> None:
    """Compares settings that do not follow from the shapes of tensors."""
    if source.config is None:
        return
    stored, wanted = _comparable(source.config), _comparable(config)
    if same_activation(config.hidden_act, source.config.hidden_act):
        stored["hidden_act"] = config.hidden_act
    different = [
        f"{name} ({stored[name]}, not {value})"
        for name, value in wanted.items()
        if value != stored[name]
    ]
    if different:
        raise ConfigError(
            f"{source.path}: the stored encoder differs from the requested one "
            f"in {', '.join(different)}",
            remedy=_OWN_CONFIG,
        )


def _comparable(config: EncoderConfig) -> dict[str, object]:
    values = dataclasses.asdict(config) | {
        "embedding_size": config.embedding_width,
        "num_hidden_groups": config.num_layers,
    }
    for name in (*_FREE_TO_CHANGE, *_SHOWN_BY_SHAPES):
        del values[name]
    return values


def _check_superfluous(source: Source, shapes: Mapping[str, Shape]) -> None:
    """Refuses a stored encoder with parts that ours lacks."""
    if all(map(names.is_head, shapes)):
        return
    superfluous = [
        name
        for name in source.shapes
        if name not in shapes and not names.is_head(name)
    ]
    if not superfluous:
        return
    if _is_square_projection(source, superfluous):
        width = source.shapes[superfluous[0]][-1]
        raise ConfigError(
            f"{source.path}: projects its embeddings, which are as wide as its "
            f"layers, {width}; only narrower or wider ones can be projected",
            remedy="give an encoder whose embeddings have another width, or no "
            "projection",
        )
    raise ConfigError(
        f"{source.path}: has {listed(superfluous)}, which the requested "
        "encoder lacks",
        remedy=_OWN_CONFIG,
    )


def _is_square_projection(source: Source, superfluous: list[str]) -> bool:
    """Whether the only superfluous part is a projection to the same width."""
    kernel = f"{names.PROJECTION}/kernel"
    if any(not name.startswith(f"{names.PROJECTION}/") for name in superfluous):
        return False
    return kernel in superfluous and len(set(source.shapes[kernel])) == 1


def _check_shapes(
    source: Source,
    shapes: Mapping[str, Shape],
    loaded: list[str],
    *,
    extend_positions: bool,
) -> None:
    wrong = []
    for name in loaded:
        have, want = source.shapes[name], shapes[name]
        if have == want:
            continue
        text = f"{name} is {list(have)}, not {list(want)}"
        if have[1:] != want[1:] or name not in _ROWS_VARY:
            wrong.append(text)
        elif name == names.WORD_EMBEDDINGS:
            raise ConfigError(
                f"{source.path}: its vocabulary has another size: {text}",
                remedy="give the vocabulary that belongs to the weights",
            )
        elif have[0] < want[0] and not extend_positions:
            raise ConfigError(
                f"{source.path}: has too few positions: {text}",
                remedy=f"use at most {have[0]}, or give --extend_positions",
            )
    if wrong:
        raise ConfigError(
            f"{source.path}: does not fit the encoder: {listed(wrong)}",
            remedy=_OWN_CONFIG,
        )


def _notes(
    source: Source, shapes: Mapping[str, Shape], kept: set[str]
) -> tuple[str, ...]:
    notes, stored = [*source.notes], source.shapes
    if names.POSITIONS in stored and names.POSITIONS in shapes:
        have, want = stored[names.POSITIONS][0], shapes[names.POSITIONS][0]
        if have > want:
            notes.append(f"the first {want} of {have} positions are used")
        if have < want:
            notes.append(f"{have} positions are repeated to make {want}")
    if kept & shapes.keys():
        notes.append("new word embeddings, for another vocabulary")
    elif source.padding and names.WORD_EMBEDDINGS in shapes:
        notes.append(source.describe_padding())
    return tuple(notes)


def _with_copies(source: Source, report: LoadReport) -> LoadReport:
    """Reports the copies of tensors that a loaded masked-LM head shares.

    A copy equal to the loaded tensor counts as used; another one gets a note.
    """
    if not any(name.startswith("mlm/") for name in report.loaded):
        return report
    notes, same = list(report.notes), set()
    for copy, name in source.tied.items():
        if name not in report.loaded:
            continue
        value = source.tensor(name)
        if np.array_equal(source.stored_tensor(copy)[: len(value)], value):
            same.add(copy)
        else:
            notes.append(f"{copy} differs from {name}, which is used instead")
    return dataclasses.replace(
        report,
        unused=tuple(name for name in report.unused if name not in same),
        notes=tuple(notes),
    )
