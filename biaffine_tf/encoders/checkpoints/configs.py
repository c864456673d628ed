"""Reading and writing of encoder configs, by family."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection
from typing import Any

from biaffine_tf.config import EncoderConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import peek_json


class Family(enum.StrEnum):
    """Supported architectures; the values are `model_type`s."""

    BERT = "bert"
    ELECTRA = "electra"
    ALBERT = "albert"


# Defaults of a family that differ from those of `EncoderConfig`.
_DEFAULTS: dict[Family, dict[str, Any]] = {
    Family.BERT: {},
    Family.ELECTRA: {
        "embedding_size": 128,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
    },
    Family.ALBERT: {
        "embedding_size": 128,
        "hidden_size": 4096,
        "num_hidden_groups": 1,
        "num_attention_heads": 64,
        "intermediate_size": 16384,
        "hidden_act": "gelu_new",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    },
}
# Other `model_type`s of `transformers` for the same computation.
_ALIASES = {
    "ernie": Family.BERT,
    "roberta": Family.BERT,
    "xlm-roberta": Family.BERT,
    "camembert": Family.BERT,
}
# Families whose positions begin behind that of the padding token.
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert")
# Settings that a config may hold but the family ignores.
_MEANINGLESS: dict[Family, tuple[str, ...]] = {
    Family.BERT: ("embedding_size", "num_hidden_groups"),
    Family.ELECTRA: ("num_hidden_groups",),
    Family.ALBERT: (),
}
# Only supported values; others mean another computation.
_ONLY = {
    "position_embedding_type": "absolute",
    "use_relative_position": False,
    "is_decoder": False,
    "norm_first": False,
    "inner_group_num": 1,
}
# Descriptions of activations by name.
_ACTIVATIONS = {
    "gelu": "exact GELU, by erf",
    "gelu_new": "GELU by tanh",
    "gelu_pytorch_tanh": "GELU by tanh",
}
_APPROXIMATE = ("gelu_new", "gelu_pytorch_tanh")
ARCHITECTURES = (
    "give a BERT, RoBERTa, ELECTRA or ALBERT encoder with absolute positions"
)


def read_config(path: str, *, gelu_is_tanh: bool = False) -> EncoderConfig:
    """Reads a `config.json`, `bert_config.json` or `albert_config.json`.

    The name "gelu" means two functions. In `transformers`, in Google's ELECTRA
    and here it is `x Phi(x)`; in Google's BERT (since 2019), Google's ALBERT
    and tf-models-official it is the approximation by tanh, "gelu_new" here. A
    config with a `model_type` uses the names of `transformers`.

    Args:
        path: Path of the JSON file.
        gelu_is_tanh: Whether "gelu" means the approximation in the code that
            wrote the weights.

    Raises:
        ConfigError: If the file is missing, is no encoder config, or is of an
            unsupported architecture.
    """
    values: dict[str, Any] = peek_json(path, {}) or {}
    family = _family(path, values)
    if isinstance(positions := values.get("max_position_embeddings"), int):
        positions -= first_position(path)
        values = values | {"max_position_embeddings": positions}
    for name, only in _ONLY.items():
        if values.get(name, only) not in (only, None):
            raise ConfigError(
                f"{path}: {name} is {values[name]!r}; only {only!r} is "
                "supported",
                remedy=ARCHITECTURES,
            )
    if "vocab_size" not in values:  # no encoder's: raises the error
        return EncoderConfig.from_bert_config(path)
    if family is not None:
        values = {**_DEFAULTS[family], **values}
        values |= dict.fromkeys(_MEANINGLESS[family])
    if _says_tanh(values, gelu_is_tanh):
        values["hidden_act"] = "gelu_new"
    known = {field.name for field in dataclasses.fields(EncoderConfig)}
    try:
        config = EncoderConfig(
            **{k: v for k, v in values.items() if k in known}
        )
    except (ConfigError, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if config.embedding_size == config.hidden_size:
        config = dataclasses.replace(config, embedding_size=None)
    return config


def first_position(path: str) -> int:
    """Returns the position of the first token: not 0 in RoBERTa and XLM-R.

    Args:
        path: `config.json`.
    """
    values = peek_json(path, {}) or {}
    if values.get("model_type") not in _OFFSET_POSITIONS:
        return 0
    padding = values.get("pad_token_id", 1)
    return padding + 1 if isinstance(padding, int) else 2


def uses_task_ids(path: str) -> bool:
    """Returns whether an encoder adds task embeddings, as ERNIE 2 and 3 do.

    Args:
        path: `config.json`.
    """
    return (peek_json(path, {}) or {}).get("use_task_id") is True


def _family(path: str, values: dict[str, Any]) -> Family | None:
    """Returns the family; None if the other values suffice."""
    name = values.get("model_type")
    if name is None:
        return Family.ALBERT if "inner_group_num" in values else None
    name = _ALIASES.get(name, name) if isinstance(name, str) else name
    if name not in list(Family):
        raise ConfigError(
            f"{path}: model_type is {name!r}, which is not supported",
            remedy=ARCHITECTURES,
        )
    return Family(name)


def _says_tanh(values: dict[str, Any], gelu_is_tanh: bool) -> bool:
    """Whether a config means the approximation by "gelu"."""
    if "model_type" in values or values.get("hidden_act", "gelu") != "gelu":
        return False
    return gelu_is_tanh or "inner_group_num" in values  # Google's ALBERT


def describe_activation(config: EncoderConfig, path: str | None) -> str:
    """Describes the activation, and how its name in the config was read.

    Args:
        config: Config of the encoder.
        path: File of the config; None if it has none.
    """
    name = config.hidden_act
    text = f"{name} ({_ACTIVATIONS.get(name, name)})"
    if path is None or name not in _APPROXIMATE:
        return text
    if (peek_json(path, {}) or {}).get("hidden_act", "gelu") != "gelu":
        return text
    return (
        f'{text}; that is what "gelu" in {path} means in the TensorFlow code '
        "of BERT and ALBERT"
    )


def same_activation(one: str, other: str) -> bool:
    """Whether two names mean the same function."""
    return one == other or {one, other} <= set(_APPROXIMATE)


def family_of(config: EncoderConfig, canonical: Collection[str]) -> Family:
    """Returns the family in which to write an encoder.

    Args:
        config: Config of the encoder.
        canonical: Names of the tensors of the encoder and its heads.
    """
    if config.num_hidden_groups is not None:
        return Family.ALBERT
    projected = config.embedding_width != config.hidden_size
    if projected or any(name.startswith("rtd/") for name in canonical):
        return Family.ELECTRA
    return Family.BERT


def to_values(config: EncoderConfig, family: Family) -> dict[str, Any]:
    """Returns JSON values that `read_config` reads as this config."""
    values = {k: v for k, v in config.to_dict().items() if v is not None}
    values |= {"model_type": str(family), "position_embedding_type": "absolute"}
    if family is not Family.BERT:
        values["embedding_size"] = config.embedding_width
    if family is Family.ALBERT:
        values["inner_group_num"] = 1
    return values


def to_google_values(config: EncoderConfig, family: Family) -> dict[str, Any]:
    """Returns the values of `to_values` with the names of Google's releases.

    Where these lack a name for the activation, `model_type` states that the
    names are those of `transformers`; see `lacks_activation`.
    """
    values = to_values(config, family)
    if family is not Family.ELECTRA and config.hidden_act in _APPROXIMATE:
        values["hidden_act"] = "gelu"
        del values["model_type"]
    return values


def lacks_activation(config: EncoderConfig, family: Family) -> bool:
    """Whether Google's code of a family lacks the activation."""
    if family is Family.ELECTRA:
        return config.hidden_act in _APPROXIMATE
    return config.hidden_act == "gelu"
