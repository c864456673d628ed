"""Check for nested and crossing spans that the decoder cannot predict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from biaffine_tf.choices import Choice
from biaffine_tf.config import NESTED_SHARE, Decoder
from biaffine_tf.corpora.checks.check import Check, Row, Side, row_of
from biaffine_tf.corpora.summary import Statistics


class Overlaps(Check):
    """Chooses nested or flat decoding, and warns of spans it cannot predict.

    Args:
        statistics: Statistics of each side, counted elsewhere.
        nested: Whether entities may be nested; None to choose.
        tagger: Head of the model if it gives each token one tag, else None.
        decoder: Decoding algorithm.
        one_label_per_span: Whether a range is at most one entity.
        multi_label: Whether all labels of a range are learnt.
    """

    def __init__(
        self,
        statistics: Mapping[Side, Statistics],
        *,
        nested: bool | None,
        decoder: Decoder,
        one_label_per_span: bool,
        multi_label: bool = False,
        tagger: str | None = None,
    ) -> None:
        self._statistics = statistics
        self._nested = nested
        self._tagger = tagger
        self._decoder = decoder
        self._one_label_per_span = one_label_per_span
        self._multi_label = multi_label

    @property
    def nested(self) -> bool:
        """Whether entities may be nested, as given or chosen."""
        if self._nested is not None:
            return self._nested
        if self._tagger is not None:
            return False
        train = self._statistics[Side.TRAIN]
        return train.overlaps.nested > NESTED_SHARE * train.spans

    def choices(self) -> Iterator[Choice]:
        """Yields the choice of nested or flat decoding."""
        if self._nested is not None:
            return
        if self._tagger is not None:
            reason = f"--head={self._tagger} gives each token one tag"
            yield Choice("nested", False, reason)
            return
        train = self._statistics[Side.TRAIN]
        reason = f"{_within(train)} of the {Side.TRAIN} lie within others"
        if train.overlaps.nested and not self.nested:
            reason += f", no more than {100 * NESTED_SHARE} %"
        yield Choice("nested", self.nested, reason)

    def rows(self) -> Iterator[Row]:
        """Yields the numbers of overlaps."""
        yield row_of(self._statistics, "  nested, within others", _within)
        for name, field in (
            ("  pairs that cross", "crossing"),
            ("  ranges with several labels", "relabelled"),
            ("  given twice", "duplicates"),
        ):
            yield row_of(self._statistics, name, _counted(field))

    def warnings(self) -> Iterator[str]:
        """Yields spans that are not learnt or cannot be predicted."""
        for side, statistics in self._statistics.items():
            overlaps = statistics.overlaps
            if self._tagger is not None:
                yield from self._untagged(side, statistics)
                continue
            is_free = self._decoder is Decoder.FREE
            if overlaps.nested and not (self.nested or is_free):
                yield (
                    f"{side}: {_within(statistics)} lie within others and "
                    "cannot be found beside them without --nested"
                )
            if overlaps.crossing and not is_free:
                pairs = (
                    "pairs cross" if overlaps.crossing > 1 else "pair crosses"
                )
                yield (
                    f"{side}: {overlaps.crossing} {pairs}, neither span within "
                    "the other; only one of the two can be found, but for "
                    f"--decoder={Decoder.FREE}"
                )
            if overlaps.relabelled:
                yield from self._relabelled(side, overlaps.relabelled)

    def _untagged(self, side: Side, statistics: Statistics) -> Iterator[str]:
        """Yields spans for which a token would need several tags."""
        overlaps, learnt = statistics.overlaps, "found"
        if side is Side.TRAIN:
            learnt = "learnt"
        if overlaps.nested:
            yield (
                f"{side}: {_within(statistics)} lie within others and cannot "
                f"be {learnt} by --head={self._tagger}; of spans that overlap, "
                "the longest is"
            )
        if overlaps.crossing:
            pairs = "pairs cross" if overlaps.crossing > 1 else "pair crosses"
            yield (
                f"{side}: {overlaps.crossing} {pairs}, neither span within the "
                f"other; only one of the two can be {learnt} by "
                f"--head={self._tagger}"
            )
        if overlaps.relabelled:
            yield from self._relabelled(side, overlaps.relabelled)

    def _relabelled(self, side: Side, ranges: int) -> Iterator[str]:
        have = "ranges have" if ranges > 1 else "range has"
        if side is Side.TRAIN:
            if self._multi_label:
                return
            yield (
                f"{side}: {ranges} {have} several labels; the first one of a "
                "range is learnt, the others are not"
            )
        elif self._one_label_per_span or not (
            self.nested or self._decoder is Decoder.FREE
        ):
            yield (
                f"{side}: {ranges} {have} several labels; one of a range can "
                "be found, the others are scored as missed"
            )


def _within(statistics: Statistics) -> str:
    return f"{statistics.overlaps.nested:,} of {statistics.spans:,} spans"


def _counted(field: str) -> Callable[[Statistics], str]:
    return lambda one: f"{getattr(one.overlaps, field):,}"
