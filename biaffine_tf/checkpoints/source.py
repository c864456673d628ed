"""Encoders that somebody trained, in whatever format they come."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable

import numpy as np

from biaffine_tf import model_directory
from biaffine_tf.checkpoints import names
from biaffine_tf.checkpoints.configs import read_config
from biaffine_tf.checkpoints.layout import Component, Format, Layout
from biaffine_tf.checkpoints.locate import (
    find_config,
    find_weights,
    is_model_directory,
)
from biaffine_tf.checkpoints.storage import Storage
from biaffine_tf.checkpoints.vocabularies import (
    TokenizerFiles,
    TokenizerSettings,
    read_tokenizer_files,
    read_vocabulary_file,
)
from biaffine_tf.config import EncoderConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import fingerprint
from biaffine_tf.tokenization import Vocabulary


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """An encoder and what is known of it; weights are read on demand.

    Attributes:
        path: As given.
        files: That hold the weights.
        config: Shape of the encoder; None if no file says.
        vocabulary: Its pieces; None if there is no file of them.
        vocab_file: Where they are from.
        tokenizer: How its text became pieces, as far as a file says.
        needs_tensorflow: Whether reading the weights loads TensorFlow.
    """

    path: str
    files: tuple[str, ...]
    config: EncoderConfig | None
    vocabulary: Vocabulary | None
    vocab_file: str | None
    tokenizer: TokenizerSettings
    needs_tensorflow: bool
    _open: Callable[[], tuple[Storage, Layout]] = dataclasses.field(repr=False)

    @property
    def format(self) -> Format:
        """Who wrote it."""
        return self._layout.format

    @functools.cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors, by canonical name; no data is read.

        Raises:
            ConfigError: If the weights are damaged or not those of an encoder
                like ours.
        """
        shapes = {}
        for name in sorted(self._layout.tensors, key=names.order):
            stored = self._layout.tensors[name]
            shape = self._storage.shapes[stored.name]
            shape = shape[::-1] if stored.transposed else shape
            shapes[name] = names.flat_shape(name, shape)
        return shapes

    @property
    def unused(self) -> tuple[str, ...]:
        """Stored names of the tensors that have no canonical name."""
        return self._layout.unused

    @property
    def tied(self) -> dict[str, str]:
        """Stored names of copies, and the canonical tensors they copy."""
        return self._layout.tied

    def stored_name(self, name: str) -> str:
        """What a canonical tensor is called in the checkpoint."""
        return self._layout.tensors[name].name

    def tensor(self, name: str) -> np.ndarray:
        """Reads one tensor by its canonical name, as float32.

        Raises:
            ConfigError: If it holds NaN or infinity.
        """
        stored = self._layout.tensors[name]
        value = self.stored_tensor(stored.name)
        if not np.isfinite(value).all():
            raise ConfigError(
                f"{self.path}: {stored.name} holds numbers that are not finite",
                remedy="the training that wrote it has diverged; give another "
                "encoder",
            )
        value = value.T if stored.transposed else value
        return np.ascontiguousarray(value.reshape(self.shapes[name]))

    def stored_tensor(self, name: str) -> np.ndarray:
        """Reads one tensor by its stored name, as float32."""
        return self._storage.read(name).astype(np.float32, copy=False)

    def read(self) -> dict[str, np.ndarray]:
        """All tensors by canonical name, as float32."""
        return {name: self.tensor(name) for name in self.shapes}

    def require_config(self) -> EncoderConfig:
        """The config; ConfigError if there is none."""
        if self.config is None:
            raise ConfigError(
                f"{self.path}: no config.json or bert_config.json with it",
                remedy="give the shape of the encoder as --bert_config_file",
            )
        return self.config

    def require_vocabulary(self) -> Vocabulary:
        """The vocabulary; ConfigError if there is none."""
        if self.vocabulary is None:
            raise ConfigError(
                f"{self.path}: no vocab.txt or WordPiece tokenizer.json with "
                "it",
                remedy="give the vocabulary as --vocab_file",
            )
        return self.vocabulary

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex that depends on the content of the weights' files."""
        digests = [fingerprint(path) for path in self.files]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @functools.cached_property
    def _opened(self) -> tuple[Storage, Layout]:
        return self._open()

    @property
    def _storage(self) -> Storage:
        return self._opened[0]

    @property
    def _layout(self) -> Layout:
        return self._opened[1]


def open_source(
    path: str,
    *,
    vocab_file: str | None = None,
    bert_config_file: str | None = None,
    component: Component = Component.DISCRIMINATOR,
) -> Source:
    """Finds out what there is; the weights are opened when asked for.

    Args:
        path: A directory, a TensorFlow checkpoint without `.index`, or one of
            the files of either.
        vocab_file: Instead of the vocabulary that is found there.
        bert_config_file: Instead of the config that is found there.
        component: Which encoder of an ELECTRA TF1 checkpoint of both. One
            that holds a generator alone gives that.

    Raises:
        ConfigError: If there are no weights, or the config is not that of an
            encoder like ours.
        DataError: If the vocabulary is damaged.
    """
    directory, weights = find_weights(path, component)
    if is_model_directory(directory):
        config, files = _read_ours(directory)
    else:
        config = None
        files = read_tokenizer_files(directory)
        found = None if bert_config_file else find_config(directory, component)
        if found is not None:
            config = read_config(found)
    if bert_config_file:
        config = read_config(bert_config_file)
    if vocab_file:
        vocabulary, settings = read_vocabulary_file(vocab_file)
        settings = settings.or_else(files.settings)
        files = TokenizerFiles(vocabulary, vocab_file, settings)
    return Source(
        path=path,
        files=tuple(weights.files),
        config=config,
        vocabulary=files.vocabulary,
        vocab_file=files.file,
        tokenizer=files.settings,
        needs_tensorflow=weights.needs_tensorflow,
        _open=weights.open,
    )


def _read_ours(directory: str) -> tuple[EncoderConfig, TokenizerFiles]:
    model_directory.check_digests(directory)
    description = model_directory.read_description(directory)
    tokenizer = description.tokenizer
    return description.config.model.encoder, TokenizerFiles(
        vocabulary=tokenizer.vocabulary,
        file=os.path.join(directory, model_directory.VOCABULARY),
        settings=TokenizerSettings.of(tokenizer),
    )
