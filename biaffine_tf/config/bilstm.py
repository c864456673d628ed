"""Config of the encoder that needs no pretraining."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from biaffine_tf.config.encoder import AnyEncoderConfig
from biaffine_tf.config.fields import setting

_GOLDEN_RATIO = (1 + math.sqrt(5)) / 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class BilstmConfig(AnyEncoderConfig):
    """Config of `encoders.bilstm.BilstmEncoder`.

    Attributes:
        embedding_size: Width of the embeddings of tokens.
        bigram_size: Width of the embeddings of pairs of neighbouring tokens.
        num_bigram_rows: Number of these embeddings, which pairs share by hash.
        hidden_size: Width of the vectors, half of it for each direction.
        token_dropout: Fraction of the tokens, and of the pairs, whose
            embedding is zeroed.
        input_dropout: Dropout of the embeddings.
        hidden_dropout: Dropout behind each layer.
    """

    KIND: ClassVar[str] = "bilstm"
    kind: str = setting(KIND, choices=(KIND,))
    hidden_size: int = setting(256, minimum=2)
    num_hidden_layers: int = setting(1, minimum=1)
    embedding_size: int = setting(64, minimum=1)
    bigram_size: int = setting(64, minimum=1)
    num_bigram_rows: int = setting(32_749, minimum=1)
    token_dropout: float = setting(0.0, minimum=0, below=1)
    input_dropout: float = setting(0.5, minimum=0, below=1)
    hidden_dropout: float = setting(0.3, minimum=0, below=1)
    layer_norm_eps: float = setting(1e-6, above=0, below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            self.hidden_size % 2 == 0,
            "hidden_size",
            "even, for two directions",
        )

    @property
    def pair_factor(self) -> int:
        """Factor of the first id in the hash of a pair.

        The golden section of the rows: the rows of frequent tokens, whose ids
        are low, lie far apart.
        """
        return round(self.num_bigram_rows / _GOLDEN_RATIO)
