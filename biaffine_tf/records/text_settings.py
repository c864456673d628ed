"""What pretraining records depend on besides the text and the tokenizer."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any

from biaffine_tf.config import require_flag
from biaffine_tf.errors import ConfigError
from biaffine_tf.formats import OnBadData
from biaffine_tf.records.masking import Masking, MaskingKind
from biaffine_tf.seeds import MAX_SEED


class Document(enum.StrEnum):
    """What makes a document; no sequence holds parts of two of them."""

    BLANK_LINE = "blank_line"
    LINE = "line"
    FILE = "file"


class Words(enum.StrEnum):
    """Which pieces are said to be one word."""

    NONE = "none"
    PIECES = "pieces"
    JIEBA = "jieba"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Settings of `create_pretraining_data.py`; enums also as strings.

    Attributes:
        max_seq_length: Pieces of the longest sequence, [CLS] and [SEP]
            included.
        document: Where a document ends.
        words: Which pieces are one word.
        min_pieces: Shorter sequences are dropped, [CLS] and [SEP] apart.
        dupe_factor: Copies of each sequence with masks of their own; 0 for
            sequences that are masked anew in every epoch of the training.
        masking: Of the copies; None without.
        max_predictions_per_seq: Most pieces masked in a copy.
        held_out: Share of the documents that is kept from training.
        shard_megabytes: Size of a file of records.
        on_bad_data: Stop at a line that is not UTF-8, or skip and count it.
        seed: Of everything random.
    """

    max_seq_length: int = 128
    document: Document = Document.BLANK_LINE
    words: Words = Words.NONE
    min_pieces: int = 8
    dupe_factor: int = 0
    masking: Masking | None = None
    max_predictions_per_seq: int = 20
    held_out: float = 0.01
    shard_megabytes: int = 16
    on_bad_data: OnBadData = OnBadData.ERROR
    seed: int = 42

    def __post_init__(self) -> None:
        for name, choices in (
            ("document", Document),
            ("words", Words),
            ("on_bad_data", OnBadData),
        ):
            object.__setattr__(self, name, choices(getattr(self, name)))
        require_flag(
            self.max_seq_length > 2,
            "max_seq_length",
            self.max_seq_length,
            "at least 3 ([CLS], a piece, [SEP])",
        )
        require_flag(
            1 <= self.min_pieces <= self.max_pieces,
            "min_pieces",
            self.min_pieces,
            f"from 1 to {self.max_pieces}, --max_seq_length without [CLS] and "
            "[SEP]",
        )
        for name in ("max_predictions_per_seq", "shard_megabytes"):
            value = getattr(self, name)
            require_flag(value > 0, name, value, "positive")
        require_flag(
            0 <= self.held_out < 1,
            "held_out",
            self.held_out,
            "at least 0 and below 1",
        )
        require_flag(
            self.dupe_factor >= 0,
            "dupe_factor",
            self.dupe_factor,
            "at least 0",
        )
        require_flag(
            0 <= self.seed <= MAX_SEED, "seed", self.seed, "from 0 below 2^63"
        )
        require_flag(
            (self.masking is None) == (self.dupe_factor == 0),
            "masking",
            self.masking,
            "given if and only if --dupe_factor is not 0",
        )
        if self.masking is not None:
            check_words(self.masking, self.words)

    @property
    def max_pieces(self) -> int:
        """Pieces that fit between [CLS] and [SEP]."""
        return self.max_seq_length - 2

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DataConfig:
        """The inverse of `to_dict`."""
        masking = values["masking"]
        if masking is not None:
            masking = Masking(**masking)
        return cls(**values | {"masking": masking})


def check_words(masking: Masking, words: Words) -> None:
    """Whole words can be masked only where records say what a word is.

    Raises:
        ConfigError: If they do not.
    """
    if masking.kind is MaskingKind.WORD and words is Words.NONE:
        raise ConfigError(
            "--masking=word is asked for, but the records were made with "
            "--words=none",
            remedy="make them with --words=jieba or --words=pieces",
        )
