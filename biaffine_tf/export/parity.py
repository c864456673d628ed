"""The gate: what is exported must answer as the predictor does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from biaffine_tf.config import ExportPrecision
from biaffine_tf.errors import BiaffineError
from biaffine_tf.spans import Entity

# Real sentences that are asked, besides the hostile ones.
MAX_SENTENCES = 300
_SHOWN = 5
_SHOWN_CHARACTERS = 60

_HOSTILE_TEXTS = [
    *["", " ", "\n", "\x00", "a\x00b", "\ufeff", "\u200b\u200d"],
    *["e\u0301", "\u0301", "İstanbul", "Straße ﬁn", "Ａ１！", "한국 각"],
    *["😀", "👩‍👩‍👧👍🏽", "𠮷野家", "\U0010ffff", "ابت", "\u202eabc\u202c"],
    *["[CLS] [SEP] [MASK]", "a" * 300, "。" * 50, "\t\r\n \u3000" * 20],
    *["小明在北京上学。\n" * 60, "The cat sat on 3.5 mats. " * 60],
]
_NO_TEXTS = [b"\xff", b"ab\xe5\xa4", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80"]
# What servers are asked by mistake or in bad faith.
HOSTILE = [*(text.encode() for text in _HOSTILE_TEXTS), *_NO_TEXTS]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tolerance:
    """What may differ.

    Attributes:
        score: How far the scores of equal entities may lie apart.
        share: Share of the entities that may be others.
    """

    score: float
    share: float


TOLERANCES = {
    ExportPrecision.FLOAT32: Tolerance(score=1e-4, share=0.0),
    ExportPrecision.BFLOAT16: Tolerance(score=0.1, share=0.05),
    ExportPrecision.INT8: Tolerance(score=0.15, share=0.05),
}


class ParityError(BiaffineError):
    """An export that answers other than it should."""


@dataclasses.dataclass(kw_only=True)
class Parity:
    """How answers compare.

    Attributes:
        sentences: Texts that were asked.
        entities: Entities that both found, and those that one alone did.
        differing: Entities that one alone found.
        score_difference: The greatest one of equal entities.
        examples: What differs, in words, of the first few texts.
    """

    sentences: int = 0
    entities: int = 0
    differing: int = 0
    score_difference: float = 0.0
    examples: list[str] = dataclasses.field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """All but the examples."""
        return {
            "sentences": self.sentences,
            "entities": self.entities,
            "differing": self.differing,
            "score_difference": self.score_difference,
        }

    def check(self, tolerance: Tolerance) -> None:
        """Lets pass what differs by no more than it may.

        Raises:
            ParityError: If it differs by more; it names texts.
        """
        share = self.differing / max(1, self.entities)
        if (
            share <= tolerance.share
            and self.score_difference <= tolerance.score
        ):
            return
        examples = "; ".join(self.examples)
        raise ParityError(
            f"the export does not answer as the model does: {self.differing} "
            f"of {self.entities} entities differ, scores by up to "
            f"{self.score_difference:.2g} (allowed: {tolerance.share:.0%} and "
            f"{tolerance.score:g}): {examples}",
            remedy="nothing was written; export with another precision, or "
            "report this",
        )


def compare(
    texts: Sequence[str],
    wanted: Sequence[Sequence[Entity]],
    found: Sequence[Sequence[tuple[int, int, str, float]]],
    tolerance: Tolerance,
) -> Parity:
    """Compares answers entity for entity.

    Args:
        texts: What was asked.
        wanted: Entities of each text, from the predictor.
        found: (start, end, label, score) of the entities of each text.
        tolerance: Differences of scores beyond it are among the examples.
    """
    parity = Parity(sentences=len(texts))
    for text, want, have in zip(texts, wanted, found, strict=True):
        known = {(one.start, one.end, one.label): one.score for one in want}
        others = {(start, end, label): s for start, end, label, s in have}
        parity.entities += len(known.keys() | others.keys())
        parity.differing += len(known.keys() ^ others.keys())
        gaps = [abs(known[one] - others[one]) for one in known.keys() & others]
        parity.score_difference = max([parity.score_difference, *gaps])
        is_other = known.keys() != others.keys()
        is_other |= max(gaps, default=0) > tolerance.score
        if is_other and len(parity.examples) < _SHOWN:
            parity.examples.append(_example(text, known, others))
    return parity


def _example(text: str, wanted: dict, found: dict) -> str:
    lacking = sorted(wanted.keys() - found.keys())
    more = sorted(found.keys() - wanted.keys())
    notes = [
        f"{what} {some[:_SHOWN]}"
        for what, some in (("lacks", lacking), ("has besides", more))
        if some
    ]
    return f"{_shown(text)} {' and '.join(notes) or 'has other scores'}"


def _shown(text: str) -> str:
    """A text on one line, and not too much of it."""
    more = "…" if len(text) > _SHOWN_CHARACTERS else ""
    return repr(text[:_SHOWN_CHARACTERS] + more)


def some_of(texts: Sequence[bytes]) -> list[bytes]:
    """Up to `MAX_SENTENCES` of the texts, from all over them."""
    if len(texts) <= MAX_SENTENCES:
        return list(texts)
    step = len(texts) / MAX_SENTENCES
    return [texts[int(step * number)] for number in range(MAX_SENTENCES)]
