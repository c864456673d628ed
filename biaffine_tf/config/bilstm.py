"""Config of the encoder that needs no pretraining."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

from biaffine_tf.config.encoder import AnyEncoderConfig
from biaffine_tf.config.fields import setting

# N-grams around a token that are read: their sizes, and how far they reach.
NGRAM_SIZES = (1, 2, 3)
NGRAM_REACH = 2
_GOLDEN_RATIO = (1 + math.sqrt(5)) / 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class BilstmConfig(AnyEncoderConfig):
    """Config of `encoders.bilstm.BilstmEncoder`.

    Attributes:
        embedding_size: Width of the embeddings of tokens.
        bigram_size: Width of the embeddings of pairs of neighbouring tokens.
        num_bigram_rows: Number of these embeddings, which pairs share by hash.
        ngram_size: Width of the embeddings of n-grams; 0 for none.
        num_ngram_rows: Number of these embeddings, which n-grams share by hash.
        ngram_dropout: Fraction of the n-grams whose embedding is zeroed.
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
    ngram_size: int = setting(0, minimum=0)
    num_ngram_rows: int = setting(524_287, minimum=1)
    ngram_dropout: float = setting(0.6, minimum=0, below=1)
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
        return _golden_section(self.num_bigram_rows)

    @property
    def ngram_factor(self) -> int:
        """Factor of each id in the hash of an n-gram; see `pair_factor`."""
        return _golden_section(self.num_ngram_rows)


def _golden_section(rows: int) -> int:
    return round(rows / _GOLDEN_RATIO)


def ngram_sites() -> list[tuple[int, int]]:
    """Lists the n-grams around a token.

    Returns:
        Size and begin of each, from `NGRAM_REACH` tokens before the token on.
    """
    return [
        (size, begin)
        for size in NGRAM_SIZES
        for begin in range(2 * NGRAM_REACH + 2 - size)
    ]


def ngram_shifts(rows: int) -> list[int]:
    """Returns what is added to the hash of an n-gram, for each of its sites.

    The same n-gram has another embedding at each site.

    Args:
        rows: Number of embeddings.
    """
    sites = len(ngram_sites())
    return [site * rows // sites for site in range(sites)]
