"""Postprocessing of the candidates of a text to its entities."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import DecodingConfig
from biaffine_tf.decoding import Candidate, Constraints, decode
from biaffine_tf.decoding.greedy import greedy_order
from biaffine_tf.spans import Span


class Postprocessor:
    """Applies calibration, thresholds and the decoder to candidates.

    Args:
        decoding: Settings of decoding.
        confidence: Calibration and thresholds.
    """

    def __init__(
        self, decoding: DecodingConfig, confidence: Confidence
    ) -> None:
        self._confidence = confidence
        self._constraints = constraints_of(decoding)
        self._decode = decoder_of(decoding, self._constraints)
        self._always = decoding.force_one_entity

    def __call__(
        self,
        candidates: list[Candidate],
        best_other: Candidate | None,
        text: str,
    ) -> list[Span]:
        """Returns the entities of a text, by position, with calibrated scores.

        Args:
            candidates: Candidates in characters, with the model's log-odds.
            best_other: Best span that is no candidate, for `force_one_entity`;
                None if there is none.
            text: The text.
        """
        entities = self._decode(self._confidence.apply(candidates), text)
        if not entities and self._always:
            others = [] if best_other is None else [best_other]
            allowed = self._constraints.apply([*candidates, *others], text)
            calibration = dataclasses.replace(self._confidence, thresholds=None)
            entities = calibration.apply(sorted(allowed, key=greedy_order)[:1])
        return [Span(e.start, e.end, e.label, e.score) for e in entities]


def constraints_of(decoding: DecodingConfig) -> Constraints:
    """Returns the constraints on entities of some settings."""
    return Constraints(
        min_width=decoding.min_width,
        max_width=decoding.max_width,
        forbidden_edges=decoding.forbidden_edges,
        forbidden_inside=decoding.forbidden_inside,
    )


def decoder_of(
    decoding: DecodingConfig, constraints: Constraints | None = None
) -> Callable[[list[Candidate], str], list[Candidate]]:
    """Returns the decoder of some settings.

    It does not apply `force_one_entity`.

    Args:
        decoding: Settings of decoding.
        constraints: What `constraints_of` returned for them, if at hand.
    """
    constraints = constraints or constraints_of(decoding)

    def decode_text(candidates: list[Candidate], text: str) -> list[Candidate]:
        return decode(
            candidates,
            decoder=decoding.decoder,
            nested=decoding.nested,
            one_label_per_span=decoding.one_label_per_span,
            constraints=constraints,
            text=text,
        )

    return decode_text
