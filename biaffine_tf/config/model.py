"""Settings of the model: encoder, tokenizer, head and input lengths."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.encoder import AnyEncoderConfig
from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.tokenizer import TokenizerConfig
from biaffine_tf.errors import ConfigError


class Position(enum.StrEnum):
    """Use of the encoder's position embedding in the head's input."""

    NONE = "none"
    JOINED = "joined"


class LongText(enum.StrEnum):
    """Treatment of texts longer than `ModelConfig.max_tokens`.

    - `window`: overlapping windows.
    - `line`: line by line, with windows for lines that are too long. For
      models that were trained on single sentences.
    - `truncate`: the rest is cut off.
    - `error`: stop at the first such text.
    """

    WINDOW = "window"
    LINE = "line"
    TRUNCATE = "truncate"
    ERROR = "error"


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadConfig(Settings):
    """Settings of the head; by default as in the original implementation."""

    name: str = setting(
        "biaffine",
        flag="head",
        label="head",
        help="Head, from token vectors to spans: biaffine.",
    )
    projection_size: int = setting(
        150, minimum=1, help="Width of the start and end projections."
    )
    dropout: float = setting(
        0.1,
        minimum=0,
        below=1,
        flag="head_dropout",
        help="Dropout of the head.",
        label="dropout of the head",
    )
    position: Position = setting(
        Position.NONE,
        help="Whether the head's input includes the position embedding.",
    )
    max_span_width: int | None = setting(
        None,
        minimum=1,
        zero_is_none=True,
        help="Maximum span width in tokens; wider gold spans count as missed; "
        "0 for no limit.",
        unset="twice the maximum training span width, if that excludes a fifth "
        "of all pairs",
        label="widest span",
        unit="token",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Settings):
    """Settings needed to build the model and feed it text."""

    encoder: AnyEncoderConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    head: HeadConfig = HeadConfig()
    max_seq_length: int = setting(
        128,
        minimum=3,
        want="at least 3 ([CLS], one token and [SEP])",
        help="Maximum number of tokens per window, [CLS] and [SEP] included.",
        unset="what 99.5 % of the training sentences need, from 128 to 512",
        label="read at once",
        unit="token",
    )
    long_text: LongText = setting(
        LongText.WINDOW,
        help="How to read texts longer than --max_seq_length, also in "
        "prediction: in overlapping windows; line by line, with windows for "
        "lines that are too long; truncated, with the loss counted; or stop "
        "with an error that names the first one.",
        unset="line if no training text has several lines, else window",
    )
    window_overlap: int | None = setting(
        None,
        minimum=0,
        help="Minimum overlap of neighbouring windows in tokens; no entity up "
        "to this width is lost.",
        unset="a quarter of a window",
        unit="token",
    )
    context_tokens: int = setting(
        0,
        minimum=0,
        former="context_pieces",
        help="Maximum number of context tokens on each side of a sentence, "
        "from neighbouring sentences of its document.",
        label="context on each side",
        unit="token",
        applies=lambda model: model.context_tokens > 0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        positions = self.encoder.positions
        if positions is None and self.head.position is not Position.NONE:
            raise ConfigError(
                f"--position is {self.head.position}, but this encoder has no "
                "position embeddings",
                remedy="leave it out, or give an encoder as --encoder_dir",
            )
        if positions is not None and self.max_seq_length > positions:
            raise ConfigError(
                f"--max_seq_length is {self.max_seq_length} but the encoder "
                f"has only {positions} positions",
                remedy=f"give --max_seq_length={positions} or less",
            )
        self.require(
            (self.window_overlap or 0) < self.max_tokens,
            "window_overlap",
            f"at least 0 and below {self.max_tokens}, the tokens of a window",
        )

    @property
    def max_tokens(self) -> int:
        """Maximum number of tokens of a sentence between [CLS] and [SEP]."""
        return self.max_seq_length - 2
