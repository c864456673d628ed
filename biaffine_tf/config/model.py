"""What the model reads, and the head on its encoder."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.encoder import EncoderConfig
from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.tokenizer import TokenizerConfig
from biaffine_tf.errors import ConfigError


class Position(enum.StrEnum):
    """Whether the projections see the encoder's position embedding."""

    NONE = "none"
    JOINED = "joined"


class LongText(enum.StrEnum):
    """What becomes of a text longer than the model reads at once.

    - `window`: overlapping windows.
    - `line`: its lines are read one by one, those that are too long in
      windows. For models that were trained on single sentences.
    - `truncate`: it is cut.
    - `error`: the first such text ends the program.
    """

    WINDOW = "window"
    LINE = "line"
    TRUNCATE = "truncate"
    ERROR = "error"


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadConfig(Settings):
    """The head; by default as in the original implementation.

    Attributes:
        name: Name of the head, see `heads.HEADS`; models of earlier versions
            have none.
    """

    name: str = "biaffine"
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
        help="Whether the encoder's position embedding joins the head's input.",
    )
    max_span_width: int | None = setting(
        None,
        minimum=1,
        zero_is_none=True,
        help="Maximum width of a span in tokens; wider gold counts as missed; "
        "0 for no limit.",
        unset="twice the width of the widest training span where that leaves "
        "out a fifth of all pairs",
        label="widest span",
        unit="token",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Settings):
    """Everything needed to build the model and feed it text."""

    encoder: EncoderConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    head: HeadConfig = HeadConfig()
    max_seq_length: int = setting(
        128,
        minimum=3,
        want="at least 3 ([CLS], one token and [SEP])",
        help="Maximum number of tokens read at once, [CLS] and [SEP] included.",
        unset="what 99.5 % of the training sentences need, from 128 to 512",
        label="read at once",
        unit="token",
    )
    long_text: LongText = setting(
        LongText.WINDOW,
        help="How to read texts longer than the model reads at once, also in "
        "prediction: in overlapping windows; line by line, and in windows "
        "what is still too long; cut (what is beyond is lost, and counted); "
        "or stop with an error that names the first one.",
        unset="line if no training text has several lines, else window",
    )
    window_overlap: int | None = setting(
        None,
        minimum=0,
        help="Minimum number of tokens that neighbouring windows share: no "
        "entity of so many is lost.",
        unset="a quarter of a window",
        unit="token",
    )
    context_tokens: int = setting(
        0,
        minimum=0,
        former="context_pieces",
        help="Tokens of neighbouring sentences of its document that the "
        "encoder reads on each side of a sentence, as far as they fit.",
        label="context on each side",
        unit="token",
        applies=lambda model: model.context_tokens > 0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        positions = self.encoder.max_position_embeddings
        if self.max_seq_length > positions:
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
        """Tokens of a sentence that fit between [CLS] and [SEP]."""
        return self.max_seq_length - 2
