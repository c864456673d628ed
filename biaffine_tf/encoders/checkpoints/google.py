"""Tensor names in the TF1 checkpoints of Google's BERT, ELECTRA and ALBERT.

RoBERTa-wwm, MacBERT and most other Chinese releases use BERT's names.

Reference:
    `modeling.py` of google-research/bert, /electra and /albert.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Collection, Mapping

from biaffine_tf.encoders.checkpoints.configs import Family
from biaffine_tf.encoders.checkpoints.layout import (
    Component,
    Format,
    Layout,
    make_layout,
)
from biaffine_tf.encoders.checkpoints.names import (
    NameTable,
    block_modules,
)

_LEAVES = {
    "embeddings": "",
    "kernel": "/kernel",
    "bias": "/bias",
    "gamma": "/gamma",
    "beta": "/beta",
}
EMBEDDINGS = {
    "word_embeddings": "embeddings/word_embeddings",
    "position_embedding": "embeddings/position_embeddings",
    "type_embeddings": "embeddings/token_type_embeddings",
    "embeddings/layer_norm": "embeddings/LayerNorm",
}
BLOCK_PARTS = {
    "self_attention/query": "attention/self/query",
    "self_attention/key": "attention/self/key",
    "self_attention/value": "attention/self/value",
    "self_attention/attention_output": "attention/output/dense",
    "self_attention_layer_norm": "attention/output/LayerNorm",
    "intermediate": "intermediate/dense",
    "output": "output/dense",
    "output_layer_norm": "output/LayerNorm",
}
_ALBERT_BLOCK_PARTS = {
    "self_attention/query": "attention_1/self/query",
    "self_attention/key": "attention_1/self/key",
    "self_attention/value": "attention_1/self/value",
    "self_attention/attention_output": "attention_1/output/dense",
    "self_attention_layer_norm": "LayerNorm",
    "intermediate": "ffn_1/intermediate/dense",
    "output": "ffn_1/intermediate/output/dense",
    "output_layer_norm": "LayerNorm_1",
}
_BERT_HEAD = {
    "mlm/dense": "cls/predictions/transform/dense",
    "mlm/layer_norm": "cls/predictions/transform/LayerNorm",
}
_DETECTOR = {
    "rtd/dense": "discriminator_predictions/dense",
    "rtd/prediction": "discriminator_predictions/dense_1",
}

# Keras's default names of LayerNorms; the numbers are not reset.
_KERAS_NORM = re.compile(r"(.*/)layer_normalization(?:_(\d+))?/(gamma|beta)")


def _rooted(root: str, modules: Mapping[str, str]) -> dict[str, str]:
    return {ours: f"{root}/{name}" for ours, name in modules.items()}


_BERT = NameTable(
    _rooted("bert", EMBEDDINGS)
    | block_modules("bert/encoder/layer_{}/", BLOCK_PARTS)
    | _BERT_HEAD,
    _LEAVES,
    "cls/predictions/output_bias",
)
_ALBERT = NameTable(
    _rooted("bert", EMBEDDINGS)
    | {"embedding_projection": "bert/encoder/embedding_hidden_mapping_in"}
    | block_modules(
        "bert/encoder/transformer/group_{}/inner_group_0/", _ALBERT_BLOCK_PARTS
    )
    | _BERT_HEAD
    | _DETECTOR,
    _LEAVES,
    "cls/predictions/output_bias",
)
_DISCRIMINATOR = NameTable(
    _rooted("electra", EMBEDDINGS)
    | {"embedding_projection": "electra/embeddings_project"}
    | _DETECTOR
    | block_modules("electra/encoder/layer_{}/", BLOCK_PARTS),
    _LEAVES,
)


def _generator(embeddings: str) -> NameTable:
    """Returns the names of ELECTRA's generator.

    Args:
        embeddings: Root of its embeddings, which may be the discriminator's.
    """
    return NameTable(
        _rooted(embeddings, EMBEDDINGS)
        | {
            "embedding_projection": "generator/embeddings_project",
            "mlm/dense": "generator_predictions/dense",
            "mlm/layer_norm": "generator_predictions/LayerNorm",
        }
        | block_modules("generator/encoder/layer_{}/", BLOCK_PARTS),
        _LEAVES,
        "generator_predictions/output_bias",
    )


def table_for(family: Family, canonical: Collection[str]) -> NameTable:
    """Returns the table of names for writing tensors.

    Args:
        family: Family of the encoder.
        canonical: Names of all tensors. An ELECTRA with a masked-LM head is
            written as a generator.
    """
    if family is Family.ELECTRA:
        is_generator = "mlm/dense/kernel" in canonical
        return _generator("electra") if is_generator else _DISCRIMINATOR
    return _ALBERT if family is Family.ALBERT else _BERT


def layout(path: str, stored: Collection[str], component: Component) -> Layout:
    """Recognises the tensors of a checkpoint.

    Args:
        path: Path, for error messages.
        stored: Names of all tensors.
        component: Encoder to take from an ELECTRA checkpoint that holds two.

    Raises:
        ConfigError: See `make_layout`.
    """
    table, format, root = _recognise(stored, component)
    pooler = f"{root}/pooler/"
    usual = _namer_of_norms(stored)
    return make_layout(
        path,
        stored,
        format=format,
        to_canonical=lambda name: table.to_canonical(usual(name)),
        is_foreign=lambda name: (
            name.startswith(f"{root}/") and not name.startswith(pooler)
        ),
    )


def _namer_of_norms(stored: Collection[str]) -> Callable[[str], str]:
    """Returns a function that maps Keras's names of LayerNorms to Google's.

    They are numbered by their order in a module: LayerNorm, LayerNorm_1.
    Releases that were trained further with TF2 code have Keras's names.
    """
    numbers: dict[str, set[int]] = collections.defaultdict(set)
    for match in filter(None, map(_KERAS_NORM.fullmatch, stored)):
        numbers[match[1]].add(int(match[2] or 0))

    def usual(name: str) -> str:
        match = _KERAS_NORM.fullmatch(name)
        if match is None:
            return name
        module, number, leaf = match.groups()
        place = sorted(numbers[module]).index(int(number or 0))
        return f"{module}LayerNorm{f'_{place}' if place else ''}/{leaf}"

    return usual


def _recognise(
    stored: Collection[str], component: Component
) -> tuple[NameTable, Format, str]:
    """Returns the table of names, the format, and the root of the names."""

    def has(start: str) -> bool:
        return any(name.startswith(start) for name in stored)

    if has("electra/") or has("generator/"):
        only_generator = not has("electra/encoder/")
        if component is Component.DISCRIMINATOR and not only_generator:
            return _DISCRIMINATOR, Format.GOOGLE_ELECTRA, "electra"
        own = has("generator/embeddings/")
        table = _generator("generator" if own else "electra")
        return table, Format.GOOGLE_ELECTRA, "generator"
    if has("bert/encoder/transformer/"):
        return _ALBERT, Format.GOOGLE_ALBERT, "bert"
    return _BERT, Format.GOOGLE_BERT, "bert"
