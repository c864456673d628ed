"""SentencePiece unigram and byte-level BPE, on Hugging Face `tokenizers`."""

from __future__ import annotations

import functools
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import tokenizers
from tokenizers import processors

from biaffine_tf.config import TokenizerKind
from biaffine_tf.errors import DataError
from biaffine_tf.tokenization.base import Tokenizer, Tokens
from biaffine_tf.tokenization.vocabulary import (
    CLS,
    PAD,
    SEP,
    UNK,
    Vocabulary,
)
from biaffine_tf.tokenization.wordpiece import without_surrogates

MODELS = ("Unigram", "BPE")
BRACKETED = (CLS, PAD, SEP, UNK, "[MASK]")
_KEPT = ("version", "normalizer", "pre_tokenizer", "model")
# Put before what no text may match; Unicode has no such character.
_NONCHARACTER = "\ufdd1"


class SubwordTokenizer(Tokenizer):
    """Splits text as the `tokenizer.json` of an encoder says.

    Token ids are those of `transformers`, but for special tokens, which are
    only text here: "<s>" in a text never is one. Tokens cover characters of
    the text as given. White space, and what the tokenizer takes for it, is
    left out at both ends of a token that holds anything else, so that entities
    begin where words begin. Combining marks belong to the token before them.

    Lone surrogates, which JSON escapes can smuggle into a string, are treated
    as U+FFFD, and so is U+FDD1, which marks special tokens inside.
    """

    kind = TokenizerKind.SUBWORD

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Creates the tokenizer.

        Args:
            vocabulary: Tokens, with `subwords`.

        Raises:
            DataError: If the library cannot read `subwords`.
        """
        super().__init__(vocabulary, do_lower_case=False, strip_accents=False)
        assert vocabulary.subwords is not None
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(vocabulary.subwords)
        except Exception as error:  # the library has no type of its own
            raise DataError(
                f"not a tokenizer ({error})",
                remedy="give the tokenizer.json of the encoder, unedited",
            ) from error

    def encode(self, text: str) -> Tokens:
        """Tokenizes a text."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenizes texts in parallel."""
        encodings = self._tokenizer.encode_batch(
            [_clean(text) for text in texts],
            add_special_tokens=False,
        )
        return [
            Tokens(
                ids=tuple(encoding.ids),
                offsets=self._trim(encoding.offsets, text),
            )
            for encoding, text in zip(encodings, texts, strict=True)
        ]

    def knows(self, character: str) -> bool:
        """Whether a character does not become [UNK]."""
        text = _clean(character)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return self.unk_id not in encoding.ids

    def to_config(self) -> dict[str, Any]:
        """Returns the arguments of `make_tokenizer` but for the vocabulary."""
        return {"kind": str(self.kind)}

    def __getstate__(self) -> dict[str, Any]:
        return {"vocabulary": self.vocabulary}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["vocabulary"])  # type: ignore[misc]

    def _trim(
        self, ranges: Sequence[tuple[int, int]], text: str
    ) -> tuple[tuple[int, int], ...]:
        """Cuts white space off both ends of ranges."""
        trimmed = []
        last_start = last_end = 0
        limits = [*(start for start, _ in ranges), len(text)][1:]
        for (start, end), limit in zip(ranges, limits, strict=True):
            first, last = start, end
            while first < last and self._is_space(text[first]):
                first += 1
            while first < last and self._is_space(text[last - 1]):
                last -= 1
            if first == last:  # white space alone
                first, last = start, max(end, start + 1)
            while last < limit and unicodedata.category(text[last]) == "Mn":
                last += 1
            last_start = max(first, last_start)
            last_end = max(last, last_end, last_start + 1)
            trimmed.append((last_start, last_end))
        return tuple(trimmed)

    def _is_space(self, character: str) -> bool:
        return character.isspace() or self._is_nothing(character)

    @functools.cached_property
    def _is_nothing(self) -> Any:
        """Whether a character is normalized to white space or to nothing."""
        normalizer = self._tokenizer.normalizer

        @functools.cache
        def is_nothing(character: str) -> bool:
            if normalizer is None or character.isalnum():
                return False
            normal = normalizer.normalize_str(without_surrogates(character))
            return not normal.replace("▁", " ").strip()

        return is_nothing


def _clean(text: str) -> str:
    """Replaces characters by U+FFFD that would be errors or special tokens."""
    return without_surrogates(text).replace(_NONCHARACTER, "\ufffd")


def restore(vocabulary: Vocabulary) -> dict[str, Any]:
    """Builds a `tokenizer.json` that others read, the inverse of `prepare`.

    Args:
        vocabulary: Tokens, with `subwords`. Special tokens have BERT's names.
    """
    assert vocabulary.subwords is not None
    made = json.loads(vocabulary.subwords)
    model, tokens = made["model"], vocabulary.tokens
    special = [t for t in BRACKETED if t in vocabulary]
    if model["type"] == "Unigram":
        scores = [score for _, score in model["vocab"]]
        model["vocab"] = [
            [tokens[index], score] for index, score in enumerate(scores)
        ]
    else:
        count = len(model["vocab"])
        model["vocab"] = {tokens[index]: index for index in range(count)}
    made["added_tokens"] = [
        {
            "id": vocabulary.id(token),
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token in special
    ] + made["added_tokens"]
    made["added_tokens"].sort(key=lambda one: one["id"])
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(made))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}",
        pair=f"{CLS} $A {SEP} $B {SEP}",
        special_tokens=[(CLS, vocabulary.cls_id), (SEP, vocabulary.sep_id)],
    )
    return json.loads(tokenizer.to_str())


def prepare(
    tokenizer: Mapping[str, Any], special: Mapping[str, str]
) -> tuple[list[str], str]:
    """Prepares a `tokenizer.json` for text in which no token is special.

    Args:
        tokenizer: Its content; the model is one of `MODELS`.
        special: Names that special tokens get in the vocabulary, by their own:
            {"<s>": "[CLS]", ...}.

    Returns:
        Tokens in the order of their ids, and `subwords` of a `Vocabulary`.

    Raises:
        ValueError: If its ids are not 0, 1, ..., or the library cannot read
            it.
    """
    kept = {key: tokenizer.get(key) for key in _KEPT}
    model = dict(tokenizer["model"])
    added = tokenizer.get("added_tokens") or []
    ids = dict(model["vocab"]) if model["type"] == "BPE" else {}
    if model["type"] == "Unigram":
        tokens = [token for token, _ in model["vocab"]]
    else:
        tokens = sorted(ids, key=ids.__getitem__)
        if [ids[token] for token in tokens] != list(range(len(tokens))):
            raise ValueError("the ids of its tokens are not 0, 1, ...")
    for one in sorted(added, key=lambda one: one["id"]):
        if one["id"] == len(tokens):
            tokens.append(one["content"])
        elif one["id"] > len(tokens):
            raise ValueError("the ids of its added tokens leave a gap")
    if model["type"] == "Unigram":
        # They may be found in a text, since they have scores.
        model["vocab"] = [
            [_NONCHARACTER + special[t] if t in special else t, score]
            for t, score in model["vocab"]
        ]
    else:
        model["vocab"] = {special.get(t, t): i for t, i in ids.items()}
        if model.get("unk_token") is not None:
            model["unk_token"] = UNK
    kept["model"] = model
    kept["added_tokens"] = [
        one for one in added if not one.get("special") and one["content"]
    ]
    names = [special.get(token, token) for token in tokens]
    text = json.dumps(kept, ensure_ascii=False)
    # As the library writes it, so that equal ones have equal fingerprints.
    try:
        return names, tokenizers.Tokenizer.from_str(text).to_str()
    except Exception as error:  # the library has no type of its own
        raise ValueError(str(error)) from error
