"""Settings of the augmentation of training sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biaffine_tf.config import (
    ExperimentConfig,
    ModelConfig,
    TokenizerKind,
    TrainingConfig,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.augmentation import Augmentation, Mentions
from biaffine_tf.seeds import order_seed
from biaffine_tf.tokenization import Tokenizer

if TYPE_CHECKING:
    from biaffine_tf.records.span_records import Records

_MASK = "[MASK]"
_CONTINUATION = "##"


def check_augmentation(
    training: TrainingConfig,
    model: ModelConfig,
    tokenizer: Tokenizer,
    *,
    has_teachers: bool,
) -> None:
    """Checks the augmentation against the other settings.

    Args:
        training: Settings of the augmentation.
        model: Settings of tokenizer and context.
        tokenizer: Tokenizer of the encoder.
        has_teachers: Whether the run learns from teachers.

    Raises:
        ConfigError: If they contradict each other.
    """
    if training.mention_dropping and _MASK not in tokenizer.vocabulary:
        raise ConfigError(
            f"--mention_dropping needs {_MASK}, which the vocabulary lacks",
            remedy="leave it out, or give an encoder whose vocabulary has it",
        )
    if training.augments and model.context_tokens:
        raise ConfigError(
            f"--context_tokens={model.context_tokens} and the augmentation of "
            "sentences are both given",
            remedy="leave out --context_tokens, or --mention_replacement, "
            "--mention_dropping and --sentence_gluing",
        )
    for name in ("mention_replacement", "sentence_gluing"):
        if getattr(training, name) and has_teachers:
            raise ConfigError(
                f"--{name} and --teacher_dir are both given, but the teachers "
                "score the sentences as they are",
                remedy=f"leave out --{name}",
            )
    kind = model.tokenizer.kind
    if training.mention_replacement and kind is TokenizerKind.SUBWORD:
        raise ConfigError(
            "--mention_replacement needs tokens of characters or WordPiece, "
            f"got --tokenizer={kind}",
            remedy="leave it out, or give another encoder",
        )


def make_augmentation(
    config: ExperimentConfig, records: Records, tokenizer: Tokenizer
) -> Augmentation | None:
    """Prepares the augmentation of the settings; None if there is none.

    Args:
        config: Settings of the run.
        records: Training data, whose mentions are read.
        tokenizer: Tokenizer of the records.
    """
    training, model = config.training, config.model
    if not training.augments:
        return None
    vocabulary = tokenizer.vocabulary
    continuations: list[int] = []
    if model.tokenizer.kind is TokenizerKind.WORDPIECE:
        continuations = [
            number
            for number, token in enumerate(vocabulary)
            if token.startswith(_CONTINUATION)
        ]
    mentions = Mentions(
        max_width=model.head.max_span_width, continuations=continuations
    )
    if training.mention_replacement:
        from biaffine_tf.records.span_augmentation import read_mentions

        read_mentions(records, mentions)
        print(f"mention replacement: from {len(mentions)} distinct mentions")
    return Augmentation(
        replacement=training.mention_replacement,
        dropping=training.mention_dropping,
        gluing=training.sentence_gluing,
        mentions=mentions,
        mask_id=vocabulary.get(_MASK, -1),
        max_tokens=model.max_tokens,
        keeps_lengths=training.token_budget is not None,
        seed=order_seed(training.seed),
    )
