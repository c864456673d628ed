"""Embedding transfer: new word embeddings for the layers of an encoder."""

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
        config: Config with the size of the new vocabulary.
        tensors: Tensors by canonical name.
        tokens: Number of tokens in the text.
        counted: Number of embeddings computed from counts of neighbours.
        copied: Number of embeddings copied from tokens of the source.
        drawn: Number of random embeddings.
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
    """Replaces the word embeddings of an encoder by vectors from a text.

    Args:
        config: Config of the encoder.
        records: Text and new vocabulary.
        source: Source of the layers; None for random ones.
        min_count: Minimum count of a token. Rarer tokens keep the embedding
            of the same token of the source, or get a random one.
        window: Maximum distance of neighbours, on either side.
        seed: Random seed.
        progress: Whether to show a progress bar.

    Raises:
        ConfigError: If the text has fewer frequent tokens than dimensions.
    """
    rng = np.random.default_rng(seed)
    vocabulary = records.tokenizer.vocabulary
    tensors = _random_tensors(config, rng) if source is None else source.read()
    counts = token_counts(records)
    counted = np.flatnonzero(counts >= min_count)
    if len(counted) <= config.embedding_width:
        raise ConfigError(
            f"{records.directory}: {len(counted)} tokens occur {min_count} "
            f"times, too few for vectors of size {config.embedding_width}",
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
    # Rows of the source have the distribution that the layers expect.
    table = old[rng.integers(len(old), size=len(vocabulary))]
    for token, old_token in shared.items():
        table[token] = old[old_token]
    if source is None:
        table[counted] = vectors * (config.initializer_range / vectors.std())
    else:
        table[counted] = word_vectors.match_covariance(vectors, old)
    tensors[WORD_EMBEDDINGS] = table
    if MLM_BIAS in tensors:
        tensors[MLM_BIAS] = log_frequencies(counts)
    copied = len(shared.keys() - set(counted.tolist()))
    return EmbeddingTransfer(
        config=dataclasses.replace(config, vocab_size=len(vocabulary)),
        tensors={
            name: value
            for name, value in tensors.items()
            if not name.startswith(_DETECTOR)  # trained on other tokens
        },
        tokens=int(counts.sum()),
        counted=len(counted),
        copied=copied,
        drawn=len(vocabulary) - len(counted) - copied,
    )


def _shared_tokens(records: Records, source: Source | None) -> dict[int, int]:
    """Returns the ids of tokens of the source, by their new ids."""
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
    """Draws an encoder as BERT does, except for the truncation."""
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
