"""Comparison of the answers of an export and of the predictor."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from biaffine_tf.config import ExportPrecision
from biaffine_tf.errors import BiaffineError
from biaffine_tf.spans import Entity

# Maximum number of real sentences, besides the hostile texts.
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
# Texts that servers get by mistake or in bad faith.
HOSTILE = [*(text.encode() for text in _HOSTILE_TEXTS), *_NO_TEXTS]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tolerance:
    """Allowed differences.

    Attributes:
        score: Maximum difference of the scores of equal entities.
        share: Maximum fraction of the entities that may differ.
    """

    score: float
    share: float


TOLERANCES = {
    ExportPrecision.FLOAT32: Tolerance(score=1e-4, share=0.0),
    ExportPrecision.BFLOAT16: Tolerance(score=0.1, share=0.05),
    ExportPrecision.INT8: Tolerance(score=0.15, share=0.05),
}


class ParityError(BiaffineError):
    """Error for an export that does not answer as its model."""


@dataclasses.dataclass(kw_only=True)
class Parity:
    """Result of a comparison.

    Attributes:
        sentences: Number of texts.
        entities: Number of entities, of the model or the export.
        differing: Number of entities that only one of them has.
        score_difference: Largest difference of scores of equal entities.
        examples: Descriptions of differences in the first few texts.
    """

    sentences: int = 0
    entities: int = 0
    differing: int = 0
    score_difference: float = 0.0
    examples: list[str] = dataclasses.field(default_factory=list)

    def metrics(self) -> dict[str, float]:
        """Returns all values except the examples."""
        return {
            "sentences": self.sentences,
            "entities": self.entities,
            "differing": self.differing,
            "score_difference": self.score_difference,
        }

    def check(self, tolerance: Tolerance) -> None:
        """Checks that differences are within the tolerance.

        Raises:
            ParityError: If they are not, with some texts.
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
    expected: Sequence[Sequence[Entity]],
    actual: Sequence[Sequence[tuple[int, int, str, float]]],
    tolerance: Tolerance,
) -> Parity:
    """Compares answers entity by entity.

    Args:
        texts: The texts.
        expected: Entities of each text from the predictor.
        actual: (start, end, label, score) of the entities of each text.
        tolerance: Larger differences of scores are among the examples.
    """
    parity = Parity(sentences=len(texts))
    for text, want, have in zip(texts, expected, actual, strict=True):
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


def _example(text: str, expected: dict, actual: dict) -> str:
    lacking = sorted(expected.keys() - actual.keys())
    more = sorted(actual.keys() - expected.keys())
    notes = [
        f"{what} {some[:_SHOWN]}"
        for what, some in (("lacks", lacking), ("has besides", more))
        if some
    ]
    return f"{_shown(text)} {' and '.join(notes) or 'has other scores'}"


def _shown(text: str) -> str:
    more = "…" if len(text) > _SHOWN_CHARACTERS else ""
    return repr(text[:_SHOWN_CHARACTERS] + more)


def some_of(texts: Sequence[bytes]) -> list[bytes]:
    """Samples up to `MAX_SENTENCES` of the texts at regular intervals."""
    if len(texts) <= MAX_SENTENCES:
        return list(texts)
    step = len(texts) / MAX_SENTENCES
    return [texts[int(step * number)] for number in range(MAX_SENTENCES)]
