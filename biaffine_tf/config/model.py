"""Settings of the model: encoder, tokenizer, head and input lengths."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.encoder import AnyEncoderConfig, EncoderConfig
from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.tokenizer import TokenizerConfig
from biaffine_tf.errors import ConfigError

# Heads that give each token a tag.
TAGGERS = ("softmax", "crf")


class Position(enum.StrEnum):
    """Position information of the head beside the encoder's vectors.

    - `none`: none.
    - `joined`: the encoder's position embedding, joined to its vectors.
    - `rotary`: rotation of the start and end projections by their positions.
    - `width`: a learned score of every bucket of span widths and class.
    """

    NONE = "none"
    JOINED = "joined"
    ROTARY = "rotary"
    WIDTH = "width"


class Activation(enum.StrEnum):
    """Activation of the start and end projections."""

    NONE = "none"
    RELU = "relu"
    GELU = "gelu"
    LEAKY_RELU = "leaky_relu"


# Heads of pairs with products of pointers, rotated by themselves.
POINTER_HEADS = ("global_pointer", "efficient_global_pointer")
# Heads with start and end projections.
_PROJECTING = ("biaffine", "cnn")
# Heads that take the values of `position` beside `none` and `joined`.
_HEADS_OF_POSITION = {
    Position.ROTARY: ("biaffine",),
    Position.WIDTH: ("biaffine", *POINTER_HEADS),
}


class Tags(enum.StrEnum):
    """Tag scheme of a tagger.

    - `bio`: the first token of an entity is B, the others are I.
    - `bioes`: the last one is E, and an entity of one token S.
    """

    BIO = "bio"
    BIOES = "bioes"


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


class LayerMix(enum.StrEnum):
    """Layers of the encoder whose vectors are used.

    - `last`: those of the last layer.
    - `first_last`: the mean of the first and the last layer's.
    - `learned`: a learned weighted mean of the embeddings and all layers, with
      a learned factor, as in ELMo.
    """

    LAST = "last"
    FIRST_LAST = "first_last"
    LEARNED = "learned"


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadConfig(Settings):
    """Settings of the head; by default as in the original implementation.

    Attributes:
        multi_label: Whether a span may have several labels, as the loss wants;
            has no flag.
    """

    name: str = setting(
        "biaffine",
        flag="head",
        label="head",
        help="Head, from token vectors to spans: biaffine, global_pointer, "
        "efficient_global_pointer or cnn, or a tagger, softmax or crf.",
    )
    projection_size: int = setting(
        150,
        minimum=1,
        help="Width of the start and end projections.",
        applies=lambda head: head.name not in (*POINTER_HEADS, *TAGGERS),
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
        help="Position information of the head: the position embedding joined "
        "to its input, rotation of its projections by their positions, or a "
        "learned score of the width of a span.",
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
    projection_activation: Activation = setting(
        Activation.NONE,
        help="Activation of the start and end projections; leaky_relu if not "
        "given with --head=cnn.",
        label="activation of the projections",
        applies=lambda head: head.name in _PROJECTING,
    )
    pointer_size: int = setting(
        64,
        minimum=2,
        valid=lambda size: size % 2 == 0,
        want="an even number, at least 2",
        help="Size of the queries and keys of --head=global_pointer and "
        "efficient_global_pointer.",
        applies=lambda head: head.name in POINTER_HEADS,
    )
    cnn_channels: int = setting(
        120,
        minimum=1,
        help="Number of features of a pair in --head=cnn.",
        applies=lambda head: head.name == "cnn",
    )
    cnn_depth: int = setting(
        3,
        minimum=1,
        help="Number of convolutions of --head=cnn.",
        applies=lambda head: head.name == "cnn",
    )
    tags: Tags = setting(
        Tags.BIOES,
        help="Tags that --head=softmax and --head=crf give to tokens.",
        applies=lambda head: head.name in TAGGERS,
    )
    multi_label: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        allowed = [
            one
            for one in Position
            if self.name in _HEADS_OF_POSITION.get(one, (self.name,))
        ]
        self.require(
            self.position in allowed,
            "position",
            f"one of {', '.join(allowed)} with --head={self.name}",
        )
        self.require(
            self.position is not Position.ROTARY
            or not self.projection_size % 2,
            "projection_size",
            "even with --position=rotary",
        )
        self.require(
            self.projection_activation is Activation.NONE
            or self.name in _PROJECTING,
            "projection_activation",
            f"none with --head={self.name}, which has no such projections",
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
    layer_mix: LayerMix = setting(
        LayerMix.LAST,
        help="Vectors of the encoder to use: those of the last layer, the mean "
        "of the first and last layer's, or a learned mean of all.",
        applies=lambda model: model.layer_mix is not LayerMix.LAST,
    )
    lstm_size: int = setting(
        0,
        minimum=0,
        help="Units per direction of a BiLSTM between encoder and head; 0 for "
        "none.",
        label="units of the BiLSTM",
        applies=lambda model: model.lstm_size > 0,
    )
    embedding_dropout: float = setting(
        0.0,
        minimum=0,
        below=1,
        help="Fraction of the words of a sentence whose embeddings are zeroed "
        "in training, at all their occurrences.",
        applies=lambda model: model.embedding_dropout > 0,
    )
    spatial_dropout: float = setting(
        0.0,
        minimum=0,
        below=1,
        help="Fraction of the encoder's output features zeroed in training, "
        "each in the whole sentence.",
        applies=lambda model: model.spatial_dropout > 0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        positions = self.encoder.positions
        if positions is None and self.head.position is Position.JOINED:
            raise ConfigError(
                f"--position is {self.head.position}, but this encoder has no "
                "position embeddings",
                remedy="leave it out, or give an encoder as --encoder_dir",
            )
        if not isinstance(self.encoder, EncoderConfig):
            for name, none in (
                ("layer_mix", LayerMix.LAST),
                ("embedding_dropout", 0),
            ):
                self.require(
                    getattr(self, name) == none,
                    name,
                    f"{none} without an encoder of BERT's kind",
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
    def has_neck(self) -> bool:
        """Whether there are layers between encoder and head."""
        return bool(
            self.lstm_size
            or self.spatial_dropout
            or self.layer_mix is not LayerMix.LAST
        )

    @property
    def max_tokens(self) -> int:
        """Maximum number of tokens of a sentence between [CLS] and [SEP]."""
        return self.max_seq_length - 2
