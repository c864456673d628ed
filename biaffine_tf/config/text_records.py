"""Settings of pretraining records."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.fields import same_setting, setting
from biaffine_tf.config.masking import Masking, MaskingKind
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.training import TrainingConfig
from biaffine_tf.errors import ConfigError, OnBadData


class Document(enum.StrEnum):
    """Delimiter of documents; a sequence never spans two documents."""

    BLANK_LINE = "blank_line"
    LINE = "line"
    FILE = "file"


class Words(enum.StrEnum):
    """Segmentation into words, for masking whole words and spans."""

    NONE = "none"
    ALPHANUMERIC = "alphanumeric"
    JIEBA = "jieba"

    @classmethod
    def _missing_(cls, value: object) -> Words | None:
        """Accepts the name of earlier versions."""
        return cls.ALPHANUMERIC if value == "pieces" else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(Settings):
    """Settings of `create_pretraining_data.py`.

    Attributes:
        masking: Masking of the copies; None if there are none.
    """

    max_seq_length: int = setting(
        128,
        minimum=3,
        want="at least 3 ([CLS], a token, [SEP])",
        help="Maximum number of tokens in a sequence, [CLS] and [SEP] "
        "included.",
    )
    document: Document = setting(
        Document.BLANK_LINE,
        help="Delimiter of documents, and so of sequences: a blank line, each "
        "line end, or the end of a file.",
    )
    words: Words = setting(
        Words.NONE,
        help="Words for --masking=word and span: each token, runs of letters "
        "and digits, or words of the segmenter jieba.",
    )
    min_tokens: int = setting(
        8,
        minimum=1,
        former="min_pieces",
        help="Minimum number of tokens in a sequence, without [CLS] and [SEP]; "
        "shorter ones are dropped and counted.",
    )
    dupe_factor: int = setting(
        0,
        minimum=0,
        help="Number of masked copies to store of each sequence; 0 draws new "
        "masks in every epoch of the training instead.",
    )
    masking: Masking | None = None
    max_predictions_per_seq: int = setting(
        20,
        minimum=1,
        help="Maximum number of masked tokens in a sequence.",
    )
    held_out: float = setting(
        0.01,
        minimum=0,
        below=1,
        help="Fraction of the documents to hold out for evaluation.",
    )
    shard_megabytes: int = setting(
        16, minimum=1, help="Size of a file of records in MB."
    )
    on_bad_data: OnBadData = setting(
        OnBadData.ERROR,
        help="Stop at a line that is not UTF-8, or skip and count it.",
    )
    seed: int = same_setting(TrainingConfig, "seed")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            self.min_tokens <= self.max_tokens,
            "min_tokens",
            f"from 1 to {self.max_tokens}, --max_seq_length without [CLS] and "
            "[SEP]",
        )
        self.require(
            (self.masking is None) == (self.dupe_factor == 0),
            "masking",
            "given if and only if --dupe_factor is not 0",
        )
        if self.masking is not None:
            check_words(self.masking, self.words)

    @property
    def max_tokens(self) -> int:
        """Maximum number of tokens between [CLS] and [SEP]."""
        return self.max_seq_length - 2


def check_words(masking: Masking, words: Words) -> None:
    """Checks that records know words if whole words are masked.

    Raises:
        ConfigError: If they do not.
    """
    if masking.kind is MaskingKind.WORD and words is Words.NONE:
        raise ConfigError(
            "--masking=word is asked for, but the records were made with "
            "--words=none",
            remedy="make them with --words=jieba or --words=alphanumeric",
        )
