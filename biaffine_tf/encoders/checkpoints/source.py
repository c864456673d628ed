"""Trained encoders, in any supported format."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable

import numpy as np

from biaffine_tf import model_directory
from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.checkpoints.configs import read_config
from biaffine_tf.encoders.checkpoints.layout import (
    Component,
    Format,
    Layout,
)
from biaffine_tf.encoders.checkpoints.locate import (
    find_config,
    find_directory,
    find_weights,
    is_model_directory,
)
from biaffine_tf.encoders.checkpoints.storage import Storage
from biaffine_tf.encoders.checkpoints.vocabularies import (
    TokenizerFiles,
    TokenizerSettings,
    read_tokenizer_files,
    read_vocabulary_file,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import fingerprint
from biaffine_tf.model_directory.weights import require_finite
from biaffine_tf.tokenization import Vocabulary

_MAX_PADDING = 1024  # rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A trained encoder; weights are read on demand.

    Attributes:
        path: Path as given.
        files: Files of the weights.
        config: Config of the encoder; None if there is no file of it.
        vocabulary: Its vocabulary; None if there is no file of it.
        vocab_file: File of the vocabulary.
        tokenizer: Settings of its tokenizer that a file states.
        needs_tensorflow: Whether reading the weights loads TensorFlow.
        gelu_is_tanh: See `configs.read_config`.
        config_file: File of the config; None without one, and for model
            directories, whose activation is unambiguous.
        rows: Number of embedding rows with a token; None for all. Rows behind
            them, which pad the table, are left out.
    """

    path: str
    files: tuple[str, ...]
    config: EncoderConfig | None
    vocabulary: Vocabulary | None
    vocab_file: str | None
    tokenizer: TokenizerSettings
    needs_tensorflow: bool
    gelu_is_tanh: bool
    config_file: str | None
    rows: int | None
    _open: Callable[[], tuple[Storage, Layout]] = dataclasses.field(repr=False)

    @property
    def format(self) -> Format:
        """Format of the checkpoint."""
        return self._layout.format

    @functools.cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the tensors by canonical name; reads no data.

        Raises:
            ConfigError: If the weights are damaged, or the architecture is not
                supported.
        """
        shapes = {}
        for name in sorted(self._layout.tensors, key=names.order):
            stored = self._layout.tensors[name]
            shape = self._storage.shapes[stored.name]
            shape = shape[::-1] if stored.transposed else shape
            shape = names.flat_shape(name, shape)
            if self.rows is not None and name in names.BY_TOKEN:
                shape = (min(shape[0], self.rows), *shape[1:])
            shapes[name] = shape
        return shapes

    @property
    def unused(self) -> tuple[str, ...]:
        """Stored names of tensors without a canonical name."""
        return self._layout.unused

    @property
    def padding(self) -> int:
        """Number of embedding rows left out because they have no token."""
        if self.rows is None or names.WORD_EMBEDDINGS not in self.shapes:
            return 0
        stored = self.stored_name(names.WORD_EMBEDDINGS)
        return max(0, self._storage.shapes[stored][0] - self.rows)

    def describe_padding(self) -> str:
        """Describes the rows that are left out, in one line."""
        return (
            f"the last {self.padding} rows of the word embeddings have no "
            f"token in {self.vocab_file} and are left out"
        )

    @property
    def tied(self) -> dict[str, str]:
        """Canonical names by stored name of copies."""
        return self._layout.tied

    def stored_name(self, name: str) -> str:
        """Returns the name of a canonical tensor in the checkpoint."""
        return self._layout.tensors[name].name

    def tensor(self, name: str) -> np.ndarray:
        """Reads a tensor by its canonical name, as float32.

        Raises:
            ConfigError: If the tensor holds NaN or infinity.
        """
        stored = self._layout.tensors[name]
        value = self.stored_tensor(stored.name)
        require_finite(f"{self.path}: {stored.name}", value)
        value = value.T if stored.transposed else value
        if name in names.BY_TOKEN:
            value = value[: self.shapes[name][0]]
        return np.ascontiguousarray(value.reshape(self.shapes[name]))

    def stored_tensor(self, name: str) -> np.ndarray:
        """Reads a tensor by its stored name, as float32."""
        return self._storage.read(name).astype(np.float32, copy=False)

    def read(self) -> dict[str, np.ndarray]:
        """Reads all tensors by canonical name, as float32."""
        return {name: self.tensor(name) for name in self.shapes}

    def require_config(self) -> EncoderConfig:
        """Returns the config; raises ConfigError if there is none."""
        if self.config is None:
            raise ConfigError(
                f"{self.path}: no config.json or bert_config.json with it",
                remedy="give its config as --bert_config_file",
            )
        return self.config

    def require_vocabulary(self) -> Vocabulary:
        """Returns the vocabulary; raises ConfigError if there is none."""
        if self.vocabulary is None:
            raise ConfigError(
                f"{self.path}: no vocab.txt or WordPiece tokenizer.json with "
                "it",
                remedy="give the vocabulary as --vocab_file",
            )
        return self.vocabulary

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the contents of the weights' files, in hex."""
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
    weights: Source | None = None,
) -> Source:
    """Opens an encoder; the weights are read on demand.

    Args:
        path: Path of a directory, of a TensorFlow checkpoint without `.index`,
            or of one of their files.
        vocab_file: Replaces the vocabulary at the path.
        bert_config_file: Replaces the config at the path.
        component: Encoder to take from an ELECTRA TF1 checkpoint of two; one
            with only a generator gives the generator.
        weights: Source of the weights, if they are elsewhere.

    Raises:
        ConfigError: If there are no weights, or the config is of an
            unsupported architecture.
        DataError: If the vocabulary is damaged.
    """
    if weights is None:
        directory, located = find_weights(path, component)
        weights_files = tuple(located.files)
        is_tanh, loads = located.gelu_is_tanh, located.needs_tensorflow
        open_ = located.open
    else:
        directory = find_directory(path)
        weights_files = weights.files
        is_tanh, loads = weights.gelu_is_tanh, weights.needs_tensorflow
        open_ = weights._open
    config_file = bert_config_file
    if is_model_directory(directory):
        config, files = _read_ours(directory)
    else:
        config = None
        files = read_tokenizer_files(directory)
        config_file = bert_config_file or find_config(directory, component)
    if config_file:
        config = read_config(config_file, gelu_is_tanh=is_tanh)
    rows = None
    if vocab_file:
        vocabulary, settings = read_vocabulary_file(vocab_file)
        settings = settings.or_else(files.settings)
        files = TokenizerFiles(vocabulary, vocab_file, settings)
    elif config is not None and files.vocabulary is not None:
        files = files.for_rows(config.vocab_size)
        rows = _rows(files.vocabulary, config)
        if rows is not None:
            config = dataclasses.replace(config, vocab_size=rows)
    return Source(
        path=path,
        files=weights_files,
        config=config,
        vocabulary=files.vocabulary,
        vocab_file=files.file,
        tokenizer=files.settings,
        needs_tensorflow=loads,
        gelu_is_tanh=is_tanh,
        config_file=config_file,
        rows=rows,
        _open=open_,
    )


def _rows(vocabulary: Vocabulary | None, config: EncoderConfig) -> int | None:
    """Counts the rows that have a token; None if all may have one.

    Tables are padded to a multiple of some power of 2. A larger difference
    means that the vocabulary is another encoder's.
    """
    if vocabulary is None:
        return None
    padding = config.vocab_size - len(vocabulary)
    return len(vocabulary) if 0 < padding < _MAX_PADDING else None


def _read_ours(directory: str) -> tuple[EncoderConfig, TokenizerFiles]:
    model_directory.check_digests(directory)
    description = model_directory.read_description(directory)
    tokenizer = description.tokenizer
    return description.config.model.encoder, TokenizerFiles(
        vocabulary=tokenizer.vocabulary,
        file=os.path.join(directory, model_directory.VOCABULARY),
        settings=TokenizerSettings.of(tokenizer),
    )
