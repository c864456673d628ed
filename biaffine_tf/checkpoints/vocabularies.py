"""Vocabulary and casing of an encoder directory, whoever wrote it."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from biaffine_tf.config import TokenizerKind
from biaffine_tf.errors import DataError
from biaffine_tf.tokenization import Vocabulary

KIND = "biaffine_tf_tokenizer"  # key of ours in tokenizer_config.json
SETTINGS = "tokenizer_config.json"
_VOCABULARY, _TOKENIZER = "vocab.txt", "tokenizer.json"


class TokenizerFiles(NamedTuple):
    """What a directory says of its tokenizer; None where it says nothing.

    Attributes:
        vocabulary: The pieces.
        file: Where they are from.
        do_lower_case: Whether to fold case.
        kind: How to cut texts.
    """

    vocabulary: Vocabulary | None
    file: str | None
    do_lower_case: bool | None
    kind: TokenizerKind | None


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
    if os.path.exists(plain):
        vocabulary, file = Vocabulary.from_file(plain), plain
    elif _is_wordpiece(tokenizer):
        vocabulary, file = _vocabulary(tokenizer, whole), whole
    do_lower_case = values.get("do_lower_case")
    if do_lower_case is None:
        do_lower_case = _lowercase(tokenizer.get("normalizer"))
    kind = values.get(KIND)
    return TokenizerFiles(
        vocabulary,
        file,
        do_lower_case if isinstance(do_lower_case, bool) else None,
        TokenizerKind(kind) if kind in list(TokenizerKind) else None,
    )


def read_vocabulary(path: str) -> Vocabulary:
    """Reads a `vocab.txt`, or the vocabulary in a `tokenizer.json`.

    Args:
        path: The file.

    Raises:
        DataError: If it cannot be read or is not a BERT vocabulary.
    """
    if not path.endswith(".json"):
        return Vocabulary.from_file(path)
    tokenizer = _read_json(path)
    if not _is_wordpiece(tokenizer):
        raise DataError(
            "its model is not WordPiece",
            file=path,
            remedy="give the vocab.txt or tokenizer.json of a BERT tokenizer",
        )
    return _vocabulary(tokenizer, path)


def _read_json(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be read as JSON ({error})",
            file=path,
            remedy="the file is damaged; get it again",
        ) from error
    return values if isinstance(values, dict) else {}


def _is_wordpiece(tokenizer: dict[str, Any]) -> bool:
    model = tokenizer.get("model") or {}
    # Files of early versions do not name the type of the model.
    kind = model.get("type") or (
        "WordPiece" if "continuing_subword_prefix" in model else None
    )
    return kind == "WordPiece" and isinstance(model.get("vocab"), dict)


def _vocabulary(tokenizer: dict[str, Any], file: str) -> Vocabulary:
    ids = dict(tokenizer["model"]["vocab"])
    for token in tokenizer.get("added_tokens") or []:
        ids[token["content"]] = token["id"]
    pieces = sorted(ids, key=ids.__getitem__)
    if [ids[piece] for piece in pieces] != list(range(len(pieces))):
        raise DataError(
            f"the ids of its {len(pieces)} pieces are not 0 to "
            f"{len(pieces) - 1}",
            file=file,
            remedy="give the vocab.txt of the encoder",
        )
    return Vocabulary(pieces, file=file)


def _lowercase(normalizer: Any) -> bool | None:
    """Whether a normalizer of `tokenizer.json` folds case, if it is BERT's."""
    if not isinstance(normalizer, dict):
        return None
    if normalizer.get("type") == "BertNormalizer":
        return normalizer.get("lowercase")
    for part in normalizer.get("normalizers") or []:
        found = _lowercase(part)
        if found is not None:
            return found
    return None
