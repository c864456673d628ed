"""The tokenizer of an encoder: as given, as stated with it, or as chosen."""

from __future__ import annotations

from collections.abc import Iterable

from biaffine_tf.choices import Choice
from biaffine_tf.config import TokenizerKind
from biaffine_tf.encoders.checkpoints.vocabularies import (
    TokenizerSettings,
)
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
    texts: Iterable[str] = (),
) -> tuple[Tokenizer, tuple[Choice, ...]]:
    """Makes the tokenizer of an encoder.

    Flags come first, then what is stated with the encoder: case,
    accents and Chinese characters in any `tokenizer_config.json` or
    `tokenizer.json`, the kind of tokenizer in what we wrote. (Others need not
    state the kind: all they have is WordPiece, also for Chinese.) The rest
    follows from the vocabulary and the text; see `choose_kind` and
    `choose_case`.

    Args:
        vocabulary: Of the encoder.
        stated: What its files say.
        stated_by: Who says so, for the reasons.
        tokenizer: How to cut text; None to choose.
        do_lower_case: Whether to fold case; None to choose.
        texts: Of the training data, read only where they matter.

    Returns:
        The tokenizer, and what was not given of it.
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
    )
    return made, tuple(choices)
