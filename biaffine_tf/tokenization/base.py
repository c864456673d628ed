"""What every tokenizer gives and can do."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from biaffine_tf.config import TokenizerKind
from biaffine_tf.tokenization.vocabulary import Vocabulary


@dataclasses.dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, without [CLS] and [SEP].

    Attributes:
        ids: Vocabulary id of each token.
        offsets: Character range [start, end) of each token in the text as
            given; never empty. Starts and ends never decrease. Ranges may
            leave characters uncovered, such as spaces between words, and
            tokens may share one character that was normalised into several.
    """

    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.ids)


class Tokenizer(abc.ABC):
    """Cuts texts into tokens; picklable, so that processes can share it.

    Attributes:
        kind: The kind that `make_tokenizer` makes it from.
        vocabulary: The tokens it knows.
        do_lower_case: Whether it folds case before looking tokens up.
        strip_accents: Whether it strips accents before looking tokens up.
    """

    kind: ClassVar[TokenizerKind]

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        do_lower_case: bool,
        strip_accents: bool,
    ) -> None:
        self.vocabulary = vocabulary
        self.do_lower_case = do_lower_case
        self.strip_accents = strip_accents

    @abc.abstractmethod
    def encode(self, text: str) -> Tokens:
        """Tokens of a text; text that looks like "[SEP]" is only text."""

    @abc.abstractmethod
    def knows(self, character: str) -> bool:
        """Whether the vocabulary has a token for a character, or needs none.

        A character of which this is false makes [UNK] wherever it stands.
        """

    def encode_batch(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokens of each text; equal to `encode` of each, maybe faster."""
        return [self.encode(text) for text in texts]

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary."""
        return len(self.vocabulary)

    @property
    def cls_id(self) -> int:
        """Id of [CLS], which goes before the tokens of a sentence."""
        return self.vocabulary.cls_id

    @property
    def sep_id(self) -> int:
        """Id of [SEP], which goes behind the tokens of a sentence."""
        return self.vocabulary.sep_id

    @property
    def pad_id(self) -> int:
        """Id of [PAD]."""
        return self.vocabulary.pad_id

    @property
    def unk_id(self) -> int:
        """Id of [UNK], the token of whatever the vocabulary lacks."""
        return self.vocabulary.unk_id

    def to_config(self) -> dict[str, Any]:
        """Arguments of `make_tokenizer` but for the vocabulary; JSON-able.

        Those that are as the kind usually has them are left out: fingerprints
        made before there was a choice stay valid.
        """
        return {"kind": str(self.kind), "do_lower_case": self.do_lower_case}

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hex of all that tokens depend on but the text.

        Equal for tokenizers of equal kind, settings and vocabulary.
        """
        digest = hashlib.sha256(
            json.dumps(self.to_config(), sort_keys=True).encode()
        )
        digest.update(b"\n" + self.vocabulary.to_bytes())
        digest.update((self.vocabulary.subwords or "").encode())
        return digest.hexdigest()
