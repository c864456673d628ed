"""Encoder of a training run that names none, from the training data alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from biaffine_tf.commands.make_vocabulary import make_vocabulary
from biaffine_tf.config import BilstmConfig, TokenizerKind
from biaffine_tf.config.bilstm import ngram_sites
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints.tokenizers import choose_tokenizer
from biaffine_tf.encoders.checkpoints.vocabularies import (
    TokenizerSettings,
    read_vocabulary_file,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization import Vocabulary

# A character that occurs once is [UNK], which is learnt from them.
_MIN_COUNT = 2
# Embeddings of n-grams raised F1 on 6 000 sentences of e-commerce, not on the
# 1 350 of Weibo.
_NGRAM_SENTENCES = 5_000
_NGRAM_SIZE = 32
# Primes, just below powers of two.
_NGRAM_ROWS = (65_521, 131_071, 262_139, 524_287)
_MAX_TOKENS = {TokenizerKind.CHAR: 30_000, TokenizerKind.WORDPIECE: 8_000}


def initialization_from_scratch(
    texts: Iterable[str],
    *,
    vocab_file: str | None = None,
    tokenizer: TokenizerKind | None = None,
    do_lower_case: bool | None = None,
) -> checkpoints.Initialization:
    """Makes an encoder that is good without pretraining.

    Args:
        texts: Texts of the training data, read once.
        vocab_file: Path of a vocabulary; None to make one from the texts.
        tokenizer: Kind of tokenizer; None to choose: characters, if there is
            no vocabulary.
        do_lower_case: Whether to lowercase; None to choose.

    Raises:
        ConfigError: If a setting is given that the tokenizer lacks, or there
            is no text.
        DataError: If the vocabulary cannot be read.
    """
    texts = list(texts)
    made_of = "the training data"
    if vocab_file:
        vocabulary, stated = read_vocabulary_file(vocab_file)
        made_of = vocab_file
    else:
        vocabulary, stated = _make_vocabulary(
            texts, tokenizer or TokenizerKind.CHAR, bool(do_lower_case)
        )
    made, choices = choose_tokenizer(
        vocabulary,
        stated,
        stated_by=f"the vocabulary of {made_of}",
        tokenizer=tokenizer,
        do_lower_case=do_lower_case,
        texts=texts,
    )
    config = BilstmConfig(vocab_size=len(vocabulary), **_ngrams(texts))
    return checkpoints.Initialization(
        source=None,
        config=config,
        tokenizer=made,
        origins=f"BiLSTM, {config.hidden_size} wide, from random weights, as "
        "neither --encoder_dir nor --bert_config_file is given; with"
        f"{'' if config.ngram_size else 'out'} n-grams, which pay from "
        f"{_NGRAM_SENTENCES} sentences on; vocabulary of {len(vocabulary)} "
        f"tokens from {made_of}",
        choices=choices,
    )


def _ngrams(texts: Sequence[str]) -> dict[str, Any]:
    """Chooses the settings of n-grams for a corpus, {} for none.

    There is one embedding for each n-gram that its characters can have, up to
    67 MB.
    """
    if len(texts) < _NGRAM_SENTENCES:
        return {}
    most = sum(map(len, texts)) * len(ngram_sites())
    rows = next((n for n in _NGRAM_ROWS if n >= most), _NGRAM_ROWS[-1])
    return {"ngram_size": _NGRAM_SIZE, "num_ngram_rows": rows}


def _make_vocabulary(
    texts: Iterable[str], kind: TokenizerKind, do_lower_case: bool
) -> tuple[Vocabulary, TokenizerSettings]:
    if kind not in _MAX_TOKENS:
        raise ConfigError(
            f"--tokenizer is {kind}, but there is no tokenizer.json",
            remedy="give the encoder that it belongs to as --encoder_dir, or "
            f"--tokenizer={TokenizerKind.CHAR}",
        )
    vocabulary = make_vocabulary(
        texts,
        size=_MAX_TOKENS[kind],
        kind=kind,
        do_lower_case=do_lower_case,
        min_count=_MIN_COUNT,
    )
    return vocabulary, TokenizerSettings(kind=kind, do_lower_case=do_lower_case)
