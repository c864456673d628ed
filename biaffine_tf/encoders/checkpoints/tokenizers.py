"""Choice of an encoder's tokenizer."""

from __future__ import annotations

from collections.abc import Iterable

from biaffine_tf.choices import Choice
from biaffine_tf.config import TokenizerKind
from biaffine_tf.encoders.checkpoints.vocabularies import (
    TokenizerSettings,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization import (
    Tokenizer,
    Vocabulary,
    choose_case,
    choose_kind,
    make_tokenizer,
)


def choose_tokenizer(
    vocabulary: Vocabulary,
    stated: TokenizerSettings,
    *,
    stated_by: str,
    tokenizer: TokenizerKind | None = None,
    do_lower_case: bool | None = None,
    normalise: str | None = None,
    texts: Iterable[str] = (),
) -> tuple[Tokenizer, tuple[Choice, ...]]:
    """Builds the tokenizer of an encoder.

    Arguments take precedence over what is stored with the encoder: lower case,
    accents and Chinese characters in `tokenizer_config.json` or
    `tokenizer.json`, and the kind of tokenizer in files that biaffine_tf wrote
    (other encoders use WordPiece, also for Chinese, without stating it). The
    rest follows from the vocabulary and the texts; see `choose_kind` and
    `choose_case`.

    Args:
        vocabulary: Vocabulary of the encoder.
        stated: Settings from the encoder's files.
        stated_by: Name of the encoder, for the reasons of choices.
        tokenizer: Kind of tokenizer; None to choose.
        do_lower_case: Whether to lowercase; None to choose.
        normalise: Characters to look up as others; None for what is stated, or
            none.
        texts: Texts of the training data, read only if they are needed.

    Returns:
        The tokenizer, and the choices of settings that were not given.

    Raises:
        ConfigError: If a setting is given that the tokenizer lacks.
    """
    choices = []
    if tokenizer is None:
        kind = (
            choose_kind(vocabulary, texts)
            if stated.kind is None
            else Choice("tokenizer", stated.kind, f"as stated by {stated_by}")
        )
        choices.append(kind)
        tokenizer = kind.value
    if tokenizer == TokenizerKind.SUBWORD:
        if do_lower_case:
            raise ConfigError(
                "--do_lower_case is given, but the tokenizer.json of "
                f"{stated_by} says what becomes of case",
                remedy="leave it out",
            )
        made = make_tokenizer(tokenizer, vocabulary, normalise=normalise or "")
        return made, tuple(choices)
    if do_lower_case is None:
        case = (
            choose_case(vocabulary)
            if stated.do_lower_case is None
            else Choice(
                "do_lower_case",
                stated.do_lower_case,
                f"as stated by {stated_by}",
            )
        )
        choices.append(case)
        do_lower_case = case.value
    made = make_tokenizer(
        tokenizer,
        vocabulary,
        do_lower_case=do_lower_case,
        strip_accents=stated.strip_accents,
        tokenize_chinese_chars=stated.tokenize_chinese_chars is not False,
        normalise=stated.normalise or "" if normalise is None else normalise,
    )
    return made, tuple(choices)
