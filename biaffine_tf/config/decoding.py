"""Settings of decoding: from candidates to entities."""

from __future__ import annotations

import dataclasses
import enum
import re

from biaffine_tf.config.fields import setting
from biaffine_tf.config.sections import Settings

# Decoding is nested by default if more of the training spans are nested.
NESTED_SHARE = 0.005

# Two of letter (a), digit (0) and ASCII punctuation, at most one punctuation.
_CHARACTER_PAIR = re.compile(r"[a0][!-/:-@[-`{-~a0]|[!-/:-@[-`{-~][a0]")


class Decoder(enum.StrEnum):
    """Algorithm that selects entities; see `decoding.decode`."""

    GREEDY = "greedy"
    EXACT = "exact"
    FREE = "free"


class WordBoundaries(enum.StrEnum):
    """Positions where entities may begin and end.

    - `free`: at any token of the encoder.
    - `words`: at word boundaries: those of the sentence if it came in words,
      else those of `DecodingConfig.word_rule`.
    """

    FREE = "free"
    WORDS = "words"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodingConfig(Settings):
    """Settings of decoding: from candidates to entities.

    Attributes:
        force_one_entity: Whether each text gets at least one entity: the best
            candidate that the settings below allow.
        one_label_per_span: Whether a range is at most one entity. If not,
            nested and free decoding may keep several labels of candidates that
            `forbidden_edges` or word boundaries cut to the same range.
        word_rule: Pairs of neighbouring characters inside words, separated by
            spaces; see `tokenization.words.WordRule`. Empty if the words of
            plain text are unknown: entities may then begin and end anywhere.
    """

    decoder: Decoder = setting(
        Decoder.EXACT,
        help="How to resolve overlapping candidates: greedily by score, "
        "exactly by total margin, or keep them all.",
    )
    nested: bool = setting(
        False,
        help="Allow nested entities.",
        unset=f"true if more than {100 * NESTED_SHARE} % of the training spans "
        "lie within others",
    )
    force_one_entity: bool = setting(
        False,
        help="Predict at least one entity in every sentence, as the original "
        "implementation does.",
    )
    one_label_per_span: bool = setting(
        False,
        help="Keep only the best label of nested entities cut to the same "
        "range.",
    )
    min_width: int = setting(
        1,
        minimum=1,
        help="Minimum width of an entity in characters.",
        unit="character",
    )
    max_width: int | None = setting(
        None,
        minimum=1,
        help="Maximum width of an entity in characters.",
        unset="no limit",
        unit="character",
    )
    forbidden_edges: str = setting(
        "", help="Characters to cut off the ends of entities."
    )
    forbidden_inside: str = setting(
        "", help="Reject entities that contain any of these characters."
    )
    word_boundaries: WordBoundaries = setting(
        WordBoundaries.FREE,
        help="Let entities begin and end at word boundaries (of columns and "
        "token lists; else by --word_rule) or at any token.",
        unset="words",
    )
    word_rule: str = setting(
        "",
        valid=lambda rule: all(map(_CHARACTER_PAIR.fullmatch, rule.split())),
        want="pairs such as 'aa a0 0a 00 #a': a for any letter, 0 for any "
        "digit, or one of them and an ASCII punctuation mark",
        help="Pairs of neighbouring characters that belong to one word in "
        "plain text; '' for none.",
        unset="learned from the words of the training data",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            self.max_width is None or self.max_width >= self.min_width,
            "max_width",
            f"an integer of at least --min_width={self.min_width}",
        )
