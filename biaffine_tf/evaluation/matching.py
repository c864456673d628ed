"""Matches predicted sentences to gold sentences.

Never by position alone: a missing line would shift all that follow and silently
score near zero.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Hashable, Iterable, Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.metrics import require_spans
from biaffine_tf.spans import Sentence

Pair = tuple[Sentence, Sentence]
_SHOWN_CHARACTERS = 30


def match(
    gold: Iterable[Sentence],
    predicted: Iterable[Sentence],
    report: Callable[[str], None] = lambda note: None,
) -> list[Pair]:
    """Pairs every gold sentence with its prediction.

    Matches by id if every sentence of both sides has one; ids must be unique
    and the texts of a pair equal. Otherwise matches by text; repeated texts are
    paired in order of occurrence, and that is reported.

    Args:
        gold: Labelled sentences.
        predicted: Sentences with predicted spans, in any order.
        report: Called with a line about sentences that were paired by order
            alone, if there are any.

    Returns:
        (gold, predicted) pairs in the order of gold.

    Raises:
        DataError: If a sentence of either side has no partner, an id repeats,
            two texts of one id differ, or a sentence is unlabelled (spans is
            None; an empty tuple is a prediction of nothing).
    """
    gold, predicted = list(gold), list(predicted)
    for sentence in gold:
        require_spans(sentence, "gold")
    for sentence in predicted:
        require_spans(sentence, "predicted")
    if all(sentence.id is not None for sentence in [*gold, *predicted]):
        return _match_by_id(gold, predicted)
    pairs = _pair(gold, predicted, key=lambda sentence: sentence.text)
    _report_repeated(gold, report)
    return pairs


def _report_repeated(
    gold: Sequence[Sentence], report: Callable[[str], None]
) -> None:
    times = collections.Counter(sentence.text for sentence in gold)
    repeated = [sentence for sentence in gold if times[sentence.text] > 1]
    if repeated:
        report(
            f"{len(repeated)} sentences without ids repeat the text of "
            "another; gold and predictions of them are paired in the order of "
            f"the files, beginning with {repeated[0].file}:{repeated[0].line}"
        )


def _match_by_id(
    gold: Sequence[Sentence], predicted: Sequence[Sentence]
) -> list[Pair]:
    _require_unique_ids(gold, "gold")
    _require_unique_ids(predicted, "predicted")
    pairs = _pair(gold, predicted, key=lambda sentence: sentence.id)
    for pair in pairs:
        _require_same_text(*pair)
    return pairs


def _pair(
    gold: Sequence[Sentence],
    predicted: Sequence[Sentence],
    *,
    key: Callable[[Sentence], Hashable],
) -> list[Pair]:
    """Pairs sentences with equal keys, in order of occurrence."""
    waiting: dict[Hashable, collections.deque[Sentence]] = {}
    for sentence in predicted:
        waiting.setdefault(key(sentence), collections.deque()).append(sentence)
    pairs, missing = [], []
    for sentence in gold:
        partners = waiting.get(key(sentence))
        if partners:
            pairs.append((sentence, partners.popleft()))
        else:
            missing.append(sentence)
    # In the order of the file: the first one is named in the message.
    left = {id(sentence) for queue in waiting.values() for sentence in queue}
    extra = [sentence for sentence in predicted if id(sentence) in left]
    if missing or extra:
        raise _unpaired(missing, extra)
    return pairs


def _unpaired(
    missing: Sequence[Sentence], extra: Sequence[Sentence]
) -> DataError:
    named = (missing or extra)[0]
    parts = []
    if missing:
        parts.append(
            f"gold sentence {_name(missing[0])} has no prediction"
            + _others(missing)
        )
    if extra:
        place = f" ({extra[0].file}:{extra[0].line})" if missing else ""
        parts.append(
            f"predicted sentence {_name(extra[0])}{place} is not in gold"
            + _others(extra)
        )
    return DataError(
        "; ".join(parts),
        file=named.file,
        line=named.line,
        remedy="gold and predictions must contain the same sentences, with "
        "equal ids or else equal texts; predict from the gold file itself",
    )


def _require_unique_ids(sentences: Sequence[Sentence], side: str) -> None:
    seen: dict[str | None, Sentence] = {}
    for sentence in sentences:
        first = seen.setdefault(sentence.id, sentence)
        if first is not sentence:
            raise DataError(
                f"{side} sentence {_name(sentence)} has the id of "
                f"{_name(first)} ({first.file}:{first.line})",
                file=sentence.file,
                line=sentence.line,
                remedy="give every sentence an id of its own, or no ids at "
                "all to match by text",
            )


def _require_same_text(gold: Sentence, predicted: Sentence) -> None:
    if gold.text == predicted.text:
        return
    lengths = sorted((len(gold.text), len(predicted.text)))
    position = next(
        (i for i in range(lengths[0]) if gold.text[i] != predicted.text[i]),
        lengths[0],
    )
    shown = slice(position, position + _SHOWN_CHARACTERS)
    raise DataError(
        f"the text of predicted sentence {_name(predicted)} is not gold's "
        f"({gold.file}:{gold.line}): from character {position} on it reads "
        f"{predicted.text[shown]!r}, gold {gold.text[shown]!r}",
        file=predicted.file,
        line=predicted.line,
        remedy="predict from the gold file itself; texts must not be "
        "stripped or normalised",
    )


def _name(sentence: Sentence) -> str:
    name = repr(sentence.text[:_SHOWN_CHARACTERS])
    if sentence.id is not None:
        name += f" of id {sentence.id!r}"
    return name


def _others(sentences: Sequence[Sentence]) -> str:
    others = len(sentences) - 1
    return f" (and {others} more like it)" if others else ""
