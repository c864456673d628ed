"""Settings of masking in pretraining."""

from __future__ import annotations

import dataclasses
import enum
import math

from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings


class MaskingKind(enum.StrEnum):
    """Unit of masking: masked as a whole or not at all."""

    TOKEN = "token"
    WORD = "word"
    SPAN = "span"


class Replacement(enum.StrEnum):
    """Replacement of masked tokens.

    - `bert`: 80 % [MASK], 10 % random tokens, the rest unchanged.
    - `electra`: 85 % [MASK], the rest unchanged (Clark et al. 2020,
      https://arxiv.org/abs/2003.10555, and their code).
    """

    BERT = "bert"
    ELECTRA = "electra"

    @property
    def shares(self) -> tuple[float, float]:
        """Fractions of [MASK] and of random tokens."""
        return (0.8, 0.1) if self is Replacement.BERT else (0.85, 0.0)


def _sum_to_1(shares: tuple[float, ...]) -> bool:
    return (
        all(isinstance(one, int | float) and one >= 0 for one in shares)
        and abs(math.fsum(shares) - 1) <= 1e-6
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Masking(Settings):
    """Selection and replacement of masked tokens; BERT's values by default.

    Attributes:
        mask_share: Fraction of the chosen tokens that becomes [MASK].
        random_share: Fraction of them that becomes a random token; the rest
            stays unchanged.
        span_shares: Fractions of the spans of 1, 2, ... words.
    """

    kind: MaskingKind = setting(
        MaskingKind.TOKEN,
        flag="masking",
        help="Unit of masking: a token, a whole word, or a span of words.",
    )
    rate: float = setting(
        0.15,
        above=0,
        below=1,
        flag="masked_lm_prob",
        help="Fraction of tokens to mask.",
    )
    mask_share: float = setting(0.8, minimum=0, maximum=1)
    random_share: float = setting(0.1, minimum=0, maximum=1)
    span_shares: tuple[float, ...] = setting(
        (0.4, 0.3, 0.2, 0.1), valid=_sum_to_1, want="shares that sum to 1"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            self.mask_share + self.random_share <= 1 + 1e-9,
            "mask_share",
            f"at most 1 with random_share={self.random_share}",
        )

    def __str__(self) -> str:
        """Describes the settings."""
        rest = 1 - self.mask_share - self.random_share
        parts = [f"{self.mask_share:.0%} [MASK]"]
        parts += [f"{self.random_share:.0%} random"] * (self.random_share > 0)
        parts += [f"{rest:.0%} unchanged"] * (rest > 1e-9)
        return (
            f"masking={self.kind}, masked_lm_prob={self.rate} "
            f"({', '.join(parts)})"
        )
