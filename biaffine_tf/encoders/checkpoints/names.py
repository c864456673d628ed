"""Canonical names and shapes of tensors, and tables for other formats.

Canonical names are those of our own weights without `encoder/`. Tensors have
at most two dimensions: attention heads are concatenated in one. Kernels are
`[in, out]`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from biaffine_tf.config import EncoderConfig

WORD_EMBEDDINGS = "word_embeddings/embeddings"
POSITIONS = "position_embedding/embeddings"
TYPES = "type_embeddings/embeddings"
PROJECTION = "embedding_projection"
MLM_BIAS = "mlm/output_bias"
BY_TOKEN = (WORD_EMBEDDINGS, MLM_BIAS)  # one row per token

_TABLE, _NORM, _DENSE = ("embeddings",), ("gamma", "beta"), ("kernel", "bias")
_BLOCK = "transformer/layer_{}"
_HEADS = ("mlm/", "rtd/")

# All modules and their tensors; "{}" is the number of the layer.
_MODULES = {
    "word_embeddings": _TABLE,
    "position_embedding": _TABLE,
    "type_embeddings": _TABLE,
    "embeddings/layer_norm": _NORM,
    PROJECTION: _DENSE,
    f"{_BLOCK}/self_attention/query": _DENSE,
    f"{_BLOCK}/self_attention/key": _DENSE,
    f"{_BLOCK}/self_attention/value": _DENSE,
    f"{_BLOCK}/self_attention/attention_output": _DENSE,
    f"{_BLOCK}/self_attention_layer_norm": _NORM,
    f"{_BLOCK}/intermediate": _DENSE,
    f"{_BLOCK}/output": _DENSE,
    f"{_BLOCK}/output_layer_norm": _NORM,
    "mlm/dense": _DENSE,
    "mlm/layer_norm": _NORM,
    "rtd/dense": _DENSE,
    "rtd/prediction": _DENSE,
}
_TEMPLATES = [
    *(f"{module}/{leaf}" for module in _MODULES for leaf in _MODULES[module]),
    MLM_BIAS,
]

_LAYER = re.compile(r"(?<=transformer/layer_)\d+")
_BY_HEADS = re.compile(
    r"/self_attention/(?:(query|key|value)|attention_output)/(kernel|bias)$"
)
_SLOT = re.compile(
    r"(?:^|/)(?:adam_[mv]|lamb_[mv]|Adam(?:_1)?|AdamWeightDecayOptimizer(?:_1)?"
    r"|global_step|beta[12]_power)$"
    r"|\.OPTIMIZER_SLOT|^(?:.*/)?optimizer/|^save_counter/"
)


@dataclasses.dataclass(frozen=True)
class NameTable:
    """Names of tensors in a format.

    Attributes:
        modules: Names of modules in the format, by canonical name.
        leaves: Suffixes of tensors, by the last component of canonical names.
        output_bias: Name of `mlm/output_bias`, if the format has it.
    """

    modules: Mapping[str, str]
    leaves: Mapping[str, str]
    output_bias: str | None = None

    def to_canonical(self, name: str) -> str | None:
        """Returns the canonical name, or None if there is none."""
        for pattern, template in self._patterns:
            match = pattern.fullmatch(name)
            if match:
                return template.format(*match.groups())
        return None

    def from_canonical(self, name: str) -> str:
        """Returns the format's name; KeyError if it has none."""
        number = _LAYER.search(name)
        template = self._names[_LAYER.sub("{}", name)]
        return template.format(number.group() if number else "")

    @functools.cached_property
    def _names(self) -> dict[str, str]:
        return dict(self._pairs())

    @functools.cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        return [
            (_pattern(foreign), template) for template, foreign in self._pairs()
        ]

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for module, foreign in self.modules.items():
            for leaf in _MODULES[module]:
                yield f"{module}/{leaf}", foreign + self.leaves[leaf]
        if self.output_bias is not None:
            yield MLM_BIAS, self.output_bias


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.escape(template).replace(r"\{\}", r"(\d+)"))


def block_modules(block: str, parts: Mapping[str, str]) -> dict[str, str]:
    """Returns the modules of a layer for a `NameTable`.

    Args:
        block: Name of a layer in the format, with "{}" for its number.
        parts: Names of the modules of a layer, by canonical name.
    """
    return {f"{_BLOCK}/{ours}": block + name for ours, name in parts.items()}


_OURS = re.compile(
    "(?:.*/)?("
    + "|".join(
        re.escape(template).replace(r"\{\}", r"\d+")
        for template in _TEMPLATES
        if not template.startswith(_HEADS)
    )
    + ")"
)


def of_variable(name: str) -> str | None:
    """Returns the canonical name of an encoder's variable; None for others.

    Also accepts tf-models-official's variables, whose names ours follow.

    Args:
        name: Name such as `encoder/word_embeddings/embeddings`.
    """
    match = _OURS.fullmatch(name)
    return match.group(1) if match else None


def order(name: str) -> tuple[int, int]:
    """Sort key that puts canonical names in order from input to heads."""
    number = _LAYER.search(name)
    index = _TEMPLATES.index(_LAYER.sub("{}", name))
    return index, int(number.group()) if number else 0


def is_head(name: str) -> bool:
    """Whether a canonical name is that of an output layer."""
    return name.startswith(_HEADS)


def is_optimizer_state(name: str) -> bool:
    """Whether a stored tensor belongs to the optimizer."""
    return _SLOT.search(name) is not None


def flat_shape(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    """Returns the canonical shape of a tensor, attention heads concatenated.

    Args:
        name: Canonical name.
        shape: Shape of the variable or stored tensor.
    """
    sizes = tuple(int(size) for size in shape)
    match = _BY_HEADS.search(name)
    if match is None:
        return sizes
    to_heads, leaf = match.groups()
    if leaf == "bias":
        return (math.prod(sizes),)
    if to_heads:
        return sizes[0], math.prod(sizes[1:])
    return math.prod(sizes[:-1]), sizes[-1]


def encoder_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the tensors of an encoder by canonical name."""
    width, hidden = config.embedding_width, config.hidden_size
    inner = config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        WORD_EMBEDDINGS: (config.vocab_size, width),
        POSITIONS: (config.max_position_embeddings, width),
        TYPES: (config.type_vocab_size, width),
        **_norm("embeddings/layer_norm", width),
    }
    if width != hidden:
        shapes |= _dense(PROJECTION, width, hidden)
    for number in range(config.num_layers):
        block = _BLOCK.format(number)
        for part in ("query", "key", "value", "attention_output"):
            shapes |= _dense(f"{block}/self_attention/{part}", hidden, hidden)
        shapes |= _norm(f"{block}/self_attention_layer_norm", hidden)
        shapes |= _dense(f"{block}/intermediate", hidden, inner)
        shapes |= _dense(f"{block}/output", inner, hidden)
        shapes |= _norm(f"{block}/output_layer_norm", hidden)
    return shapes


def mlm_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the masked-LM head's tensors."""
    width = config.embedding_width
    return {
        **_dense("mlm/dense", config.hidden_size, width),
        **_norm("mlm/layer_norm", width),
        MLM_BIAS: (config.vocab_size,),
    }


def rtd_shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of the replaced-token detector's tensors."""
    hidden = config.hidden_size
    return {
        **_dense("rtd/dense", hidden, hidden),
        **_dense("rtd/prediction", hidden, 1),
    }


def _dense(
    module: str, inputs: int, outputs: int
) -> dict[str, tuple[int, ...]]:
    return {f"{module}/kernel": (inputs, outputs), f"{module}/bias": (outputs,)}


def _norm(module: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{module}/gamma": (width,), f"{module}/beta": (width,)}
