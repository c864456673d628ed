"""Vocabulary and tokenizer settings of an encoder directory."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from biaffine_tf.config import TokenizerKind
from biaffine_tf.errors import DataError
from biaffine_tf.json_files import read_json
from biaffine_tf.tokenization import Tokenizer, Vocabulary, subword

SETTINGS = "tokenizer_config.json"
_KIND = "biaffine_tf_tokenizer"  # our own key in it
_VOCABULARY, _TOKENIZER = "vocab.txt", "tokenizer.json"
_ADDED = "added_tokens.json"  # tokens beyond vocab.txt
_SPECIAL_TOKENS = "special_tokens_map.json"
_SPECIAL_TOKEN_KEYS = {
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "mask_token": "[MASK]",
}
# Special tokens of XLM-R and RoBERTa.
_USUAL_SPECIAL_TOKENS = {
    "<s>": "[CLS]",
    "</s>": "[SEP]",
    "<pad>": "[PAD]",
    "<unk>": "[UNK]",
    "<mask>": "[MASK]",
}


# Keys of these settings in the normalizer of a tokenizer.json.
_NORMALIZER_KEYS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """Tokenizer settings of an encoder; None where no file states them.

    Attributes:
        kind: Kind of tokenizer.
        do_lower_case: Whether text is lowercased.
        strip_accents: Whether accents are stripped.
        tokenize_chinese_chars: Whether each Chinese character is a word.
        normalise: Characters that are looked up as others.
    """

    kind: TokenizerKind | None = None
    do_lower_case: bool | None = None
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool | None = None
    normalise: str | None = None

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Self:
        """Returns the settings of a tokenizer."""
        return cls(**tokenizer.to_config() | {"kind": tokenizer.kind})

    def or_else(self, other: TokenizerSettings) -> TokenizerSettings:
        """Returns these settings, completed by those of another."""
        return dataclasses.replace(other, **self._known())

    def to_json(self) -> dict[str, Any]:
        """Returns the settings in the form of `tokenizer_config.json`."""
        return {
            _KIND if k == "kind" else k: v for k, v in self._known().items()
        }

    def _known(self) -> dict[str, Any]:
        values = dataclasses.asdict(self).items()
        return {k: v for k, v in values if v is not None}


SUBWORD_SETTINGS = TokenizerSettings(
    kind=TokenizerKind.SUBWORD, do_lower_case=False
)


class TokenizerFiles(NamedTuple):
    """Vocabulary and tokenizer settings of a directory.

    Attributes:
        vocabulary: The vocabulary; None if there is no file of it.
        file: File of the vocabulary.
        settings: Tokenizer settings.
        added: Ids of tokens added to those of a `vocab.txt`.
    """

    vocabulary: Vocabulary | None
    file: str | None
    settings: TokenizerSettings
    added: Mapping[str, int] = MappingProxyType({})

    def for_rows(self, rows: int) -> TokenizerFiles:
        """Includes the added tokens if the embeddings have rows for them.

        Args:
            rows: Number of rows of the word embeddings.

        Raises:
            DataError: If the ids leave a gap.
        """
        known = self.vocabulary
        if known is None or len(known) >= rows or not self.added:
            return self
        ids = {**dict(self.added), **known.to_dict()}
        tokens = _in_order(ids, self.file or "")
        return self._replace(vocabulary=Vocabulary(tokens, file=self.file))


def read_tokenizer_files(directory: str) -> TokenizerFiles:
    """Reads `vocab.txt` or `tokenizer.json`, and `tokenizer_config.json`.

    Args:
        directory: Encoder directory.

    Raises:
        DataError: If a file is damaged.
    """
    plain, whole, settings = (
        os.path.join(directory, name)
        for name in (_VOCABULARY, _TOKENIZER, SETTINGS)
    )
    tokenizer = _read_json(whole) if os.path.exists(whole) else {}
    values = _read_json(settings) if os.path.exists(settings) else {}
    vocabulary, file = None, None
    added: dict[str, int] = {}
    if os.path.exists(plain):
        vocabulary, file = Vocabulary.from_file(plain), plain
        path = os.path.join(directory, _ADDED)
        if os.path.exists(path):
            added = _read_json(path, {str: int})
    elif _is_wordpiece(tokenizer):
        vocabulary, file = _vocabulary(tokenizer, whole), whole
    elif _is_subword(tokenizer):
        special = _special_tokens(directory, values)
        vocabulary, file = subword_vocabulary(tokenizer, special, whole), whole
        return TokenizerFiles(vocabulary, file, SUBWORD_SETTINGS)
    return TokenizerFiles(vocabulary, file, _settings(values, tokenizer), added)


def read_vocabulary(path: str) -> Vocabulary:
    """Reads a `vocab.txt`, or the vocabulary in a `tokenizer.json`.

    Args:
        path: Path of the file.

    Raises:
        DataError: If the file cannot be read or is not a BERT vocabulary.
    """
    return read_vocabulary_file(path)[0]


def read_vocabulary_file(path: str) -> tuple[Vocabulary, TokenizerSettings]:
    """Reads a vocabulary, and the settings of a `tokenizer.json`."""
    if not path.endswith(".json"):
        return Vocabulary.from_file(path), TokenizerSettings()
    tokenizer = _read_json(path)
    if not _is_wordpiece(tokenizer):
        raise DataError(
            "its model is not WordPiece",
            file=path,
            remedy="give the vocab.txt or tokenizer.json of a BERT tokenizer",
        )
    return _vocabulary(tokenizer, path), _settings({}, tokenizer)


def _read_json(
    path: str, shape: dict[Any, Any] | None = None
) -> dict[str, Any]:
    try:
        return read_json(
            path,
            shape or {},
            what="of a tokenizer",
            remedy="the file is damaged; get it again",
        )
    except FileNotFoundError as error:
        raise DataError(
            "there is no such file", file=path, remedy="check the path"
        ) from error


def _is_wordpiece(tokenizer: dict[str, Any]) -> bool:
    model = tokenizer.get("model") or {}
    # Early versions of the file do not name the type of the model.
    kind = model.get("type") or (
        "WordPiece" if "continuing_subword_prefix" in model else None
    )
    return kind == "WordPiece" and isinstance(model.get("vocab"), dict)


def _is_subword(tokenizer: dict[str, Any]) -> bool:
    return (tokenizer.get("model") or {}).get("type") in subword.MODELS


def _special_tokens(directory: str, values: dict[str, Any]) -> dict[str, str]:
    """BERT's names of special tokens, by an encoder's own."""
    path = os.path.join(directory, _SPECIAL_TOKENS)
    said = {**(_read_json(path) if os.path.exists(path) else {}), **values}
    names = dict(_USUAL_SPECIAL_TOKENS)
    for key, name in _SPECIAL_TOKEN_KEYS.items():
        token = said.get(key)
        token = token.get("content") if isinstance(token, dict) else token
        if isinstance(token, str):
            names = {t: n for t, n in names.items() if n != name}
            names[token] = name
    return names


def subword_vocabulary(
    tokenizer: Mapping[str, Any], special: Mapping[str, str], file: str
) -> Vocabulary:
    """Makes the vocabulary of a unigram or BPE tokenizer.

    Args:
        tokenizer: Content of its `tokenizer.json`.
        special: BERT's names of its special tokens.
        file: Where it is from, for messages.

    Raises:
        DataError: If it lacks special tokens, or its ids leave gaps.
    """
    try:
        tokens, subwords = subword.prepare(tokenizer, special)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"not of a unigram or BPE tokenizer ({error})",
            file=file,
            remedy="give the tokenizer.json of the encoder, unedited",
        ) from error
    return Vocabulary(tokens, subwords=subwords, file=file)


def _vocabulary(tokenizer: dict[str, Any], file: str) -> Vocabulary:
    ids = dict(tokenizer["model"]["vocab"])
    for token in tokenizer.get("added_tokens") or []:
        ids[token["content"]] = token["id"]
    return Vocabulary(_in_order(ids, file), file=file)


def _in_order(ids: Mapping[str, int], file: str) -> list[str]:
    tokens = sorted(ids, key=ids.__getitem__)
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise DataError(
            f"the ids of its {len(tokens)} tokens are not 0 to "
            f"{len(tokens) - 1}",
            file=file,
            remedy="give the vocab.txt of the encoder",
        )
    return tokens


def _settings(
    values: dict[str, Any], tokenizer: dict[str, Any]
) -> TokenizerSettings:
    """Returns the settings of `tokenizer_config.json`, or of `tokenizer.json`.

    As in `transformers`, the former overrules the latter as a whole: if it
    states any setting, accents and Chinese characters that it does not mention
    have their defaults.
    """
    normalizer = _bert_normalizer(tokenizer.get("normalizer")) or {}
    overrules = not values.keys().isdisjoint(_NORMALIZER_KEYS)
    settings: dict[str, Any] = {}
    for name, key in _NORMALIZER_KEYS.items():
        value = values.get(name)
        if value is None and (name == "do_lower_case" or not overrules):
            value = normalizer.get(key)
        settings[name] = value if isinstance(value, bool) else None
    if isinstance(normalise := values.get("normalise"), str):
        settings["normalise"] = normalise
    kind = values.get(_KIND)
    return TokenizerSettings(
        kind=TokenizerKind(kind) if kind in list(TokenizerKind) else None,
        **settings,
    )


def _bert_normalizer(normalizer: Any) -> dict[str, Any] | None:
    if not isinstance(normalizer, dict):
        return None
    if normalizer.get("type") == "BertNormalizer":
        return normalizer
    parts = map(_bert_normalizer, normalizer.get("normalizers") or [])
    return next(filter(None, parts), None)
