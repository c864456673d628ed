"""Vocabulary and casing of an encoder directory, whoever wrote it."""

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
_KIND = "biaffine_tf_tokenizer"  # key of ours in it
_VOCABULARY, _TOKENIZER = "vocab.txt", "tokenizer.json"
_ADDED = "added_tokens.json"  # to a vocab.txt
_SPECIAL_TOKENS = "special_tokens_map.json"
_SPECIAL_TOKEN_KEYS = {
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "mask_token": "[MASK]",
}
# Of XLM-R and RoBERTa.
_USUAL_SPECIAL_TOKENS = {
    "<s>": "[CLS]",
    "</s>": "[SEP]",
    "<pad>": "[PAD]",
    "<unk>": "[UNK]",
    "<mask>": "[MASK]",
}


# Where the normalizer of a tokenizer.json has the settings of SETTINGS.
_NORMALIZER_KEYS = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """How an encoder's text became tokens; None where no file says.

    Attributes:
        kind: How it was cut.
        do_lower_case: Whether its case was folded.
        strip_accents: Whether its accents were stripped.
        tokenize_chinese_chars: Whether each Chinese character was a word.
    """

    kind: TokenizerKind | None = None
    do_lower_case: bool | None = None
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool | None = None

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Self:
        """The settings of a tokenizer that differ from those of its kind."""
        return cls(**tokenizer.to_config() | {"kind": tokenizer.kind})

    def or_else(self, other: TokenizerSettings) -> TokenizerSettings:
        """These settings, with those of another where they say nothing."""
        return dataclasses.replace(other, **self._said())

    def to_json(self) -> dict[str, Any]:
        """Settings in the form of `tokenizer_config.json`."""
        return {_KIND if k == "kind" else k: v for k, v in self._said().items()}

    def _said(self) -> dict[str, Any]:
        values = dataclasses.asdict(self).items()
        return {k: v for k, v in values if v is not None}


SUBWORD_SETTINGS = TokenizerSettings(
    kind=TokenizerKind.SUBWORD, do_lower_case=False
)


class TokenizerFiles(NamedTuple):
    """The vocabulary of a directory, and what is said of its use.

    Attributes:
        vocabulary: The tokens; None if there is no file of them.
        file: Where they are from.
        settings: How texts become tokens.
        added: Ids of tokens that were added to those of a `vocab.txt`.
    """

    vocabulary: Vocabulary | None
    file: str | None
    settings: TokenizerSettings
    added: Mapping[str, int] = MappingProxyType({})

    def for_rows(self, rows: int) -> TokenizerFiles:
        """With the tokens that were added, if a table has rows for them.

        Args:
            rows: Of the table of word embeddings.

        Raises:
            DataError: If their ids leave a gap.
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
        directory: Of an encoder.

    Raises:
        DataError: If one of them is damaged.
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
        path: The file.

    Raises:
        DataError: If it cannot be read or is not a BERT vocabulary.
    """
    return read_vocabulary_file(path)[0]


def read_vocabulary_file(path: str) -> tuple[Vocabulary, TokenizerSettings]:
    """`read_vocabulary`, and what a `tokenizer.json` says of its use."""
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
    # Files of early versions do not name the type of the model.
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
    """The vocabulary of a tokenizer that is unigram or BPE.

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
    """What `tokenizer_config.json` says, or else `tokenizer.json`.

    As `transformers` has it, the former overrules the latter as a whole: where
    it says something, accents and Chinese characters that it does not mention
    are as usual.
    """
    normalizer = _bert_normalizer(tokenizer.get("normalizer")) or {}
    overrules = not values.keys().isdisjoint(_NORMALIZER_KEYS)
    found = {}
    for name, key in _NORMALIZER_KEYS.items():
        value = values.get(name)
        if value is None and (name == "do_lower_case" or not overrules):
            value = normalizer.get(key)
        found[name] = value if isinstance(value, bool) else None
    kind = values.get(_KIND)
    return TokenizerSettings(
        kind=TokenizerKind(kind) if kind in list(TokenizerKind) else None,
        **found,
    )


def _bert_normalizer(normalizer: Any) -> dict[str, Any] | None:
    """BERT's normalizer of a `tokenizer.json`, alone or in a sequence."""
    if not isinstance(normalizer, dict):
        return None
    if normalizer.get("type") == "BertNormalizer":
        return normalizer
    parts = map(_bert_normalizer, normalizer.get("normalizers") or [])
    return next(filter(None, parts), None)
