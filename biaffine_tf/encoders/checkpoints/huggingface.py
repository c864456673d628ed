"""Tensor names in Hugging Face's BERT, RoBERTa, ELECTRA and ALBERT.

They are Google's with dots for slashes, and kernels are `[out, in]`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping

from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.checkpoints.configs import Family
from biaffine_tf.encoders.checkpoints.google import (
    BLOCK_PARTS,
    EMBEDDINGS,
)
from biaffine_tf.encoders.checkpoints.layout import (
    Format,
    Layout,
    make_layout,
)
from biaffine_tf.encoders.checkpoints.names import (
    NameTable,
    block_modules,
)

_LEAVES = {
    "embeddings": ".weight",
    "kernel": ".weight",
    "bias": ".bias",
    "gamma": ".weight",
    "beta": ".bias",
}
_ALBERT_BLOCK_PARTS = {
    "self_attention/query": "attention.query",
    "self_attention/key": "attention.key",
    "self_attention/value": "attention.value",
    "self_attention/attention_output": "attention.dense",
    "self_attention_layer_norm": "attention.LayerNorm",
    "intermediate": "ffn",
    "output": "ffn_output",
    "output_layer_norm": "full_layer_layer_norm",
}


def _dotted(modules: Mapping[str, str]) -> dict[str, str]:
    return {ours: name.replace("/", ".") for ours, name in modules.items()}


_BODY = _dotted(EMBEDDINGS) | block_modules(
    "encoder.layer.{}.", _dotted(BLOCK_PARTS)
)
_DETECTOR = {
    "rtd/dense": "discriminator_predictions.dense",
    "rtd/prediction": "discriminator_predictions.dense_prediction",
}
_TABLES = {
    Family.BERT: NameTable(
        _BODY
        | {
            "mlm/dense": "cls.predictions.transform.dense",
            "mlm/layer_norm": "cls.predictions.transform.LayerNorm",
        },
        _LEAVES,
        "cls.predictions.bias",
    ),
    Family.ELECTRA: NameTable(
        _BODY
        | {
            "embedding_projection": "embeddings_project",
            "mlm/dense": "generator_predictions.dense",
            "mlm/layer_norm": "generator_predictions.LayerNorm",
        }
        | _DETECTOR,
        _LEAVES,
        "generator_lm_head.bias",
    ),
    Family.ALBERT: NameTable(
        _dotted(EMBEDDINGS)
        | {
            "embedding_projection": "encoder.embedding_hidden_mapping_in",
            "mlm/dense": "predictions.dense",
            "mlm/layer_norm": "predictions.LayerNorm",
        }
        | _DETECTOR
        | block_modules(
            "encoder.albert_layer_groups.{}.albert_layers.0.",
            _ALBERT_BLOCK_PARTS,
        ),
        _LEAVES,
        "predictions.bias",
    ),
}
# RoBERTa's body is BERT's.
_ROBERTA = NameTable(
    _BODY
    | {"mlm/dense": "lm_head.dense", "mlm/layer_norm": "lm_head.layer_norm"},
    _LEAVES,
    "lm_head.bias",
)
_TIED = {
    "lm_head.decoder.weight": names.WORD_EMBEDDINGS,
    "lm_head.decoder.bias": names.MLM_BIAS,
    "cls.predictions.decoder.weight": names.WORD_EMBEDDINGS,
    "cls.predictions.decoder.bias": names.MLM_BIAS,
    "generator_lm_head.weight": names.WORD_EMBEDDINGS,
    "predictions.decoder.weight": names.WORD_EMBEDDINGS,
    "predictions.decoder.bias": names.MLM_BIAS,
}

_TASK_EMBEDDINGS = "embeddings.task_type_embeddings.weight"

_PREFIX = re.compile(r"^(?:bert|electra|albert|ernie|roberta)\.")
# Prefixes of names that parallel training and compilation add anywhere, and
# larger models at the beginning.
_WRAPPERS = re.compile(
    r"\b(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
_OUTER = re.compile(r"^(?:(?:0\.auto_)?model\.)+")
_BODY_NAME = re.compile(r"(?:embeddings|encoder|embeddings_project)\.")
_BUFFER = re.compile(
    r"embeddings\.(?:position_ids|token_type_ids|task_type_embeddings\.weight)"
)
_OLD_NORM = re.compile(r"(?<=LayerNorm\.)(?:gamma|beta)$")


def stored_name(family: Family, canonical: str) -> str:
    """Returns the name for writing a tensor."""
    name = _TABLES[family].from_canonical(canonical)
    return name if names.is_head(canonical) else f"{family}.{name}"


def layout(
    path: str, stored: Collection[str], others: Collection[str] = ()
) -> Layout:
    """Recognises the tensors of a model, with or without its prefix.

    Args:
        path: Path, for error messages.
        stored: Names of all tensors.
        others: Names of other content of the file, reported as unused.

    Raises:
        ConfigError: See `make_layout`.
    """
    usual = {name: _OUTER.sub("", _WRAPPERS.sub("", name)) for name in stored}
    is_roberta = any(
        n.startswith(("roberta.", "lm_head.")) for n in usual.values()
    )
    table = _ROBERTA if is_roberta else _TABLES[_family(usual.values())]

    def to_canonical(name: str) -> str | None:
        name = _PREFIX.sub("", usual[name])
        name = _OLD_NORM.sub(
            lambda old: "weight" if old.group() == "gamma" else "bias", name
        )
        return table.to_canonical(name)

    def is_foreign(name: str) -> bool:
        name = _PREFIX.sub("", usual[name])
        return bool(_BODY_NAME.match(name)) and not _BUFFER.fullmatch(name)

    result = make_layout(
        path,
        stored,
        format=Format.HUGGING_FACE,
        to_canonical=to_canonical,
        is_foreign=is_foreign,
        transposed=True,
        tied={n: _TIED[usual[n]] for n in stored if usual[n] in _TIED},
    )
    task = next(
        (n for n in stored if usual[n].endswith(_TASK_EMBEDDINGS)), None
    )
    unused = [name for name in result.unused if name != task]
    return dataclasses.replace(
        result, unused=(*unused, *others), task_embeddings=task
    )


def _family(stored: Collection[str]) -> Family:
    """Detects the family; the body of ELECTRA is named as BERT's."""
    if any("albert_layer_groups." in name for name in stored):
        return Family.ALBERT
    electra = (
        "electra.",
        "embeddings_project.",
        "generator_",
        "discriminator_",
    )
    if any(name.startswith(electra) for name in stored):
        return Family.ELECTRA
    return Family.BERT
