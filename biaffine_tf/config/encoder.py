"""Configs of encoders, by kind."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, ClassVar, Self

from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings
from biaffine_tf.errors import ConfigError

_ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "tanh")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnyEncoderConfig(Settings):
    """Config of an encoder of any kind.

    Attributes:
        KIND: Name of the kind, stored unless it is BERT.
        vocab_size: Number of tokens.
        hidden_size: Width of the vectors that the head receives.
        num_hidden_layers: Number of layers.
    """

    KIND: ClassVar[str] = ""
    vocab_size: int = setting(minimum=1)
    hidden_size: int = setting(minimum=1)
    num_hidden_layers: int = setting(minimum=1)

    @property
    def positions(self) -> int | None:
        """Number of tokens that can be read at once; None for no limit."""
        return None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Builds the config of the kind that the values name; else BERT's.

        Raises:
            ConfigError: If the kind is unknown, or a setting is unknown,
                missing or out of range.
        """
        if cls is not AnyEncoderConfig or not isinstance(values, dict):
            return super().from_dict(values)
        kinds = {kind.KIND: kind for kind in cls.__subclasses__()}
        named = values.get("kind", EncoderConfig.KIND)
        if named not in kinds:
            raise ConfigError(
                f"{named!r} is no kind of encoder: there are "
                f"{', '.join(sorted(kinds))}",
                remedy="use the version of biaffine_tf that wrote it",
            )
        return kinds[named].from_dict(values)  # type: ignore[return-value]


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig(AnyEncoderConfig):
    """Config of a BERT encoder; names as in the `config.json` of its family.

    Attributes:
        embedding_size: Width of the embeddings, if it differs from that of the
            layers (ELECTRA, ALBERT); a projection follows.
        num_hidden_groups: Number of distinct layers, if layers share weights
            (ALBERT: 1).
    """

    KIND: ClassVar[str] = "bert"
    hidden_size: int = setting(768, minimum=1)
    num_hidden_layers: int = setting(12, minimum=1)
    num_attention_heads: int = setting(12, minimum=1)
    intermediate_size: int = setting(3072, minimum=1)
    hidden_act: str = setting("gelu", choices=_ACTIVATIONS)
    hidden_dropout_prob: float = setting(0.1, minimum=0, below=1)
    attention_probs_dropout_prob: float = setting(0.1, minimum=0, below=1)
    max_position_embeddings: int = setting(512, minimum=1)
    type_vocab_size: int = setting(2, minimum=1)
    initializer_range: float = setting(0.02, above=0, below=1)
    layer_norm_eps: float = setting(1e-12, above=0, below=1)
    embedding_size: int | None = setting(None, minimum=1)
    num_hidden_groups: int | None = setting(None, minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            self.num_hidden_layers % self.num_layers == 0,
            "num_hidden_groups",
            f"a divisor of num_hidden_layers={self.num_hidden_layers}",
        )
        self.require(
            self.hidden_size % self.num_attention_heads == 0,
            "hidden_size",
            f"a multiple of num_attention_heads={self.num_attention_heads}",
        )

    @property
    def positions(self) -> int | None:
        """Number of position embeddings."""
        return self.max_position_embeddings

    @property
    def embedding_width(self) -> int:
        """Width of the embeddings."""
        return self.embedding_size or self.hidden_size

    @property
    def num_layers(self) -> int:
        """Number of layers with weights of their own."""
        return self.num_hidden_groups or self.num_hidden_layers

    @classmethod
    def from_bert_config(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a `bert_config.json` as released with BERT.

        Ignores keys that do not concern the encoder (pooler sizes,
        `directionality`, ...), as every BERT implementation does.

        Args:
            path: The JSON file.

        Raises:
            ConfigError: If the file is missing, not JSON, or no BERT config.
        """
        remedy = "give the bert_config.json of a BERT encoder"
        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror})", remedy=remedy
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"{path}: not JSON ({error})", remedy=remedy
            ) from error
        if not isinstance(values, dict) or "vocab_size" not in values:
            raise ConfigError(f"{path}: no vocab_size in it", remedy=remedy)
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{k: v for k, v in values.items() if k in known})
        except (ConfigError, TypeError) as error:
            raise ConfigError(f"{path}: {error}") from error
