"""Encoders whose word embeddings are made for another text."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders import word_vectors
from biaffine_tf.encoders.checkpoints import Source, encoder_shapes
from biaffine_tf.encoders.checkpoints.names import (
    MLM_BIAS,
    WORD_EMBEDDINGS,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.text_records import Records
from biaffine_tf.records.text_token_ids import (
    log_frequencies,
    num_parts,
    token_counts,
    token_ids,
)

_DETECTOR = "rtd/"


class EmbeddingTransfer(NamedTuple):
    """An encoder with new word embeddings.

    Attributes:
        config: With the size of the new vocabulary.
        tensors: By canonical name.
        tokens: Tokens in the text.
        counted: Rows of the embeddings that were counted from the text.
        copied: Rows of tokens that the other vocabulary has, too.
        drawn: Rows that are random.
    """

    config: EncoderConfig
    tensors: dict[str, np.ndarray]
    tokens: int
    counted: int
    copied: int
    drawn: int


def transfer_embeddings(
    config: EncoderConfig,
    records: Records,
    *,
    source: Source | None,
    min_count: int,
    window: int,
    seed: int,
    progress: bool = True,
) -> EmbeddingTransfer:
    """Puts vectors that are counted from a text under the layers of an encoder.

    Args:
        config: Of the layers.
        records: The text, and the vocabulary wanted.
        source: Where the layers are from; None for random ones.
        min_count: Rarer tokens are not counted: they keep the vector that
            their spelling has in the source, or get a random one.
        window: Neighbours that count, on either side.
        seed: Of everything random.
        progress: Whether to show a bar.

    Raises:
        ConfigError: If the text has too few tokens for vectors so wide.
    """
    rng = np.random.default_rng(seed)
    vocabulary = records.tokenizer.vocabulary
    tensors = _random_tensors(config, rng) if source is None else source.read()
    counts = token_counts(records)
    counted = np.flatnonzero(counts >= min_count)
    if len(counted) <= config.embedding_width:
        raise ConfigError(
            f"{records.directory}: {len(counted)} tokens occur {min_count} "
            f"times, too few for vectors of {config.embedding_width} numbers",
            remedy="give more text, or a smaller --min_count",
        )
    row_of = np.full(len(vocabulary), -1)
    row_of[counted] = np.arange(len(counted))
    texts = tqdm(
        token_ids(records),
        desc="neighbours",
        total=num_parts(records),
        unit=" parts",
        disable=not progress,
    )
    neighbours = word_vectors.count_neighbours(
        texts,
        row_of,
        cls_id=vocabulary.cls_id,
        window=window,
    )
    vectors = word_vectors.vectors(
        neighbours, size=config.embedding_width, seed=seed
    )
    old = tensors[WORD_EMBEDDINGS]
    shared = _shared_tokens(records, source)
    # What is behind an encoder's embeddings knows how they are distributed.
    table = old[rng.integers(len(old), size=len(vocabulary))]
    for token, old_token in shared.items():
        table[token] = old[old_token]
    if source is None:
        table[counted] = vectors * (config.initializer_range / vectors.std())
    else:
        table[counted] = word_vectors.recoloured(vectors, old)
    tensors[WORD_EMBEDDINGS] = table
    if MLM_BIAS in tensors:
        tensors[MLM_BIAS] = log_frequencies(counts)
    copied = len(shared.keys() - set(counted.tolist()))
    return EmbeddingTransfer(
        config=dataclasses.replace(config, vocab_size=len(vocabulary)),
        tensors={
            name: value
            for name, value in tensors.items()
            if not name.startswith(_DETECTOR)  # of tokens that are gone
        },
        tokens=int(counts.sum()),
        counted=len(counted),
        copied=copied,
        drawn=len(vocabulary) - len(counted) - copied,
    )


def _shared_tokens(records: Records, source: Source | None) -> dict[int, int]:
    """Ids of the tokens that the source has, too, and theirs there."""
    if source is None or source.vocabulary is None:
        return {}
    theirs = {token: i for i, token in enumerate(source.vocabulary.tokens)}
    return {
        i: theirs[token]
        for i, token in enumerate(records.tokenizer.vocabulary.tokens)
        if token in theirs
    }


def _random_tensors(
    config: EncoderConfig, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """An encoder as BERT's are initialised, but for the cut of the normal."""
    tensors = {}
    for name, shape in encoder_shapes(config).items():
        if name.endswith(("bias", "beta")):
            value = np.zeros(shape)
        elif name.endswith("gamma"):
            value = np.ones(shape)
        else:
            value = rng.normal(0, config.initializer_range, shape)
        tensors[name] = value.astype(np.float32)
    return tensors
