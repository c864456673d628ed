"""Interface of tokenizers."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from biaffine_tf.config import TokenizerKind
from biaffine_tf.tokenization.normalising import (
    character_map,
    parse_normalise,
)
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
    """Splits texts into tokens; picklable, for use in several processes.

    Attributes:
        kind: Kind of the tokenizer, for `make_tokenizer`.
        vocabulary: Vocabulary of the encoder.
        do_lower_case: Whether tokens are looked up in lower case.
        strip_accents: Whether tokens are looked up without accents.
        normalise: Characters that are looked up as others, see `normalising`.
    """

    kind: ClassVar[TokenizerKind]

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        do_lower_case: bool,
        strip_accents: bool,
        normalise: str = "",
    ) -> None:
        self.vocabulary = vocabulary
        self.do_lower_case = do_lower_case
        self.strip_accents = strip_accents
        self.normalise = parse_normalise(normalise)

    def normalised(self, text: str) -> str:
        """Returns the characters to look up, one for each of the text."""
        if not self.normalise:
            return text
        return text.translate(character_map(self.normalise))

    @abc.abstractmethod
    def encode(self, text: str) -> Tokens:
        """Tokenizes a text; text such as "[SEP]" is not special."""

    @abc.abstractmethod
    def knows(self, character: str) -> bool:
        """Whether a token exists for a character, or none is needed.

        Other characters become [UNK] wherever they stand.
        """

    def encode_batch(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenizes texts as `encode` does, maybe faster."""
        return [self.encode(text) for text in texts]

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary."""
        return len(self.vocabulary)

    @property
    def cls_id(self) -> int:
        """Id of [CLS], which precedes the tokens of a sentence."""
        return self.vocabulary.cls_id

    @property
    def sep_id(self) -> int:
        """Id of [SEP], which follows the tokens of a sentence."""
        return self.vocabulary.sep_id

    @property
    def pad_id(self) -> int:
        """Id of [PAD]."""
        return self.vocabulary.pad_id

    @property
    def unk_id(self) -> int:
        """Id of [UNK], the token of text that the vocabulary lacks."""
        return self.vocabulary.unk_id

    def to_config(self) -> dict[str, Any]:
        """Returns the arguments of `make_tokenizer` except the vocabulary.

        Leaves out settings with the default of the kind, so that fingerprints
        of earlier versions stay valid.
        """
        unusual = {"normalise": self.normalise} if self.normalise else {}
        return {
            "kind": str(self.kind),
            "do_lower_case": self.do_lower_case,
            **unusual,
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of kind, settings and vocabulary."""
        digest = hashlib.sha256(
            json.dumps(self.to_config(), sort_keys=True).encode()
        )
        digest.update(b"\n" + self.vocabulary.to_bytes())
        digest.update((self.vocabulary.subwords or "").encode())
        return digest.hexdigest()
