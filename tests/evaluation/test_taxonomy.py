"""Every wrong and every unfound span is in one error, of the right class."""

import collections
import itertools
import random
import re

import pytest

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.taxonomy import ErrorClass, classify, errors
from biaffine_tf.spans import Sentence, Span

K = ErrorClass
TEXT = "甲乙丙丁戊己庚辛壬癸子丑"
MIRROR = {
    K.TOO_LONG: K.TOO_SHORT,
    K.SPLIT: K.MERGED,
    K.SPURIOUS: K.MISSED,
}
MIRROR |= {value: key for key, value in MIRROR.items()}


def sentence(*spans):
    return Sentence(TEXT, tuple(Span(*span) for span in spans))


def spans_of(draw, kind):
    """Random spans: "flat" ones, "nested" ones, or "crossing" ones."""
    spans = []
    for _ in range(draw.randint(0, 6)):
        start = draw.randrange(len(TEXT))
        end = draw.randint(start + 1, min(start + 6, len(TEXT)))
        spans.append((start, end, draw.choice("AB")))
    kept = []
    for span in spans:
        others = [other for other in kept if share(span, other)]
        if kind == "flat" and others:
            continue
        if kind == "nested" and any(crosses(span, o) for o in others):
            continue
        kept.append(span)
    return kept


def share(a, b):
    return set(range(*a[:2])) & set(range(*b[:2]))


def holds(outer, inner):
    return set(range(*outer[:2])) > set(range(*inner[:2]))


def crosses(a, b):
    return share(a, b) and not (holds(a, b) or holds(b, a) or a[:2] == b[:2])


def random_pairs(count, kinds=("flat", "nested", "crossing")):
    draw = random.Random(7)
    for _ in range(count):
        kind = draw.choice(kinds)
        gold = spans_of(draw, kind)
        predicted = spans_of(draw, kind)
        # Some agreement, and some near misses.
        predicted += draw.sample(gold, draw.randint(0, len(gold)) // 2)
        yield gold, predicted


def found(gold, predicted):
    """(class, gold keys, predicted keys) of every error."""
    return [
        (e.kind, [s.key for s in e.gold], [s.key for s in e.predicted])
        for e in classify(sentence(*gold), sentence(*predicted))
    ]


A, B = "A", "B"
# Gold > predicted spans | errors: classes, each with its spans of both sides.
CASES = """
nothing: > |
correct: 0-2A > 0-2A |
correct twice: 0-2A > 0-2A 0-2A |
wrong label: 0-2A > 0-2B | wrong_label 0-2A > 0-2B
too long: 1-3A > 1-4A | too_long 1-3A > 1-4A
too long on both sides: 1-3A > 0-4B | too_long 1-3A > 0-4B
too short: 1-4A > 2-4A | too_short 1-4A > 2-4A
shifted: 1-4A > 2-5A | shifted 1-4A > 2-5A
split: 0-6A > 0-2A 3-6A | split 0-6A > 0-2A 3-6A
split in three, labels changed: 0-6A > 0-2A 2-4B 4-6B
    | split 0-6A > 0-2A 2-4B 4-6B
merged: 0-2A 2-6A > 0-6A | merged 0-2A 2-6A > 0-6A
spurious: > 0-2A | spurious > 0-2A
missed: 0-2A > | missed 0-2A >
neighbours do not overlap: 0-2A > 2-4A | missed 0-2A > ; spurious > 2-4A
crossing the inner of two: 0-6A 1-3B > 0-6A 2-5B | crossing 1-3B > 2-5B
crossing found ones: 0-6A 1-3B > 0-6A 1-3B 2-5B | crossing > 2-5B
crossing a found flat one is spurious: 0-3A > 0-3A 2-5A | spurious > 2-5A
a found part is no part of a split: 0-6A 0-2A > 0-2A 3-6A
    | too_short 0-6A > 3-6A
overlapping parts are no split: 0-6A > 0-4A 2-6A
    | too_short 0-6A > 0-4A; spurious > 2-6A
the widest parts make a split: 0-8A > 0-2A 1-6A 6-8A
    | spurious > 0-2A; split 0-8A > 1-6A 6-8A
the inner of two is split: 0-8A 1-7A > 1-3A 3-6A
    | missed 0-8A > ; split 1-7A > 1-3A 3-6A
the narrower of two is merged: 2-4A 4-6A > 0-8A 1-8A
    | spurious > 0-8A; merged 2-4A 4-6A > 1-8A
equal label before larger overlap: 0-6A > 0-5B 0-2A
    | spurious > 0-5B; too_short 0-6A > 0-2A
equal range before equal label: 0-4A > 0-4B 0-3A
    | spurious > 0-3A; wrong_label 0-4A > 0-4B
the greater share is paired: 2-6A > 1-4A 3-7A
    | spurious > 1-4A; shifted 2-6A > 3-7A
several labels of one range: 0-2A 0-2B > 0-2A 0-2C | wrong_label 0-2B > 0-2C
"""


def spans_in(text):
    """(start, end, label) of spans as in the table."""
    found = re.findall(r"(\d+)-(\d+)(\w)", text)
    return [(int(start), int(end), label) for start, end, label in found]


def errors_in(text):
    """(class, gold, predicted) of errors as in the table."""
    for error in filter(None, text.split("; ")):
        kind, _, spans = error.partition(" ")
        yield K[kind.upper()], *map(spans_in, spans.split(">"))


@pytest.mark.parametrize("case", re.split(r"\n(?! )", CASES.strip()))
def test_each_class_by_example(case):
    _, given, named = re.split(r": |\s*\|\s*", case)
    gold, predicted = map(spans_in, given.split(">"))
    want = sorted(errors_in(named), key=str)
    assert sorted(found(gold, predicted), key=str) == want


def test_every_class_has_an_example():
    assert all(f"{kind.name.lower()} " in CASES for kind in ErrorClass)


def test_the_order_of_spans_does_not_matter():
    draw = random.Random(1)
    for gold, predicted in random_pairs(700):
        expected = found(gold, predicted)
        draw.shuffle(gold)
        draw.shuffle(predicted)
        assert found(gold, predicted) == expected


def test_exchanged_sides_exchange_the_classes():
    """Only where nothing overlaps: a nested gold span makes a difference."""
    seen = set()
    for gold, predicted in random_pairs(1500, ["flat"]):
        gold, predicted = set(gold), set(predicted)
        if any(share(*p) for p in itertools.combinations(predicted, 2)):
            continue
        forth = found(gold, predicted)
        back = [(MIRROR.get(k, k), p, g) for k, g, p in found(predicted, gold)]
        assert sorted(forth, key=str) == sorted(back, key=str)
        seen |= {kind for kind, _, _ in forth}
    assert seen == set(ErrorClass) - {K.CROSSING}


def is_nested(span, gold):
    return any(holds(o, span) or holds(span, o) for o in gold)


def keeps_its_definition(kind, g, p, gold):
    """Whether an error lies as its class says, from sets of characters."""
    one = len(g) == 1 and len(p) == 1
    if kind is K.WRONG_LABEL:
        return one and g[0][:2] == p[0][:2] and g[0][2] != p[0][2]
    if kind is K.TOO_LONG:
        return one and holds(p[0], g[0])
    if kind is K.TOO_SHORT:
        return one and holds(g[0], p[0])
    if kind is K.SHIFTED:
        return one and crosses(g[0], p[0]) and not is_nested(g[0], gold)
    if kind is K.MISSED:
        return len(g) == 1 and not p
    if kind is K.SPURIOUS:
        return not g and not any(
            crosses(p[0], o) and is_nested(o, gold) for o in gold
        )
    if kind is K.CROSSING:
        crossed = g or [o for o in gold if is_nested(o, gold)]
        return any(crosses(p[0], o) and is_nested(o, gold) for o in crossed)
    whole, parts = (g, p) if kind is K.SPLIT else (p, g)
    return (
        len(whole) == 1
        and len(parts) > 1
        and all(holds(whole[0], part) for part in parts)
        and not any(share(*pair) for pair in itertools.combinations(parts, 2))
    )


def test_what_holds_of_the_errors_of_every_pair():
    seen = collections.Counter()
    for gold, predicted in random_pairs(4000):
        result = found(gold, predicted)
        unfound, wrong = {*gold} - {*predicted}, {*predicted} - {*gold}
        # Every wrong and every unfound span is in one error.
        assert sorted(s for _, g, _ in result for s in g) == sorted(unfound)
        assert sorted(s for _, _, p in result for s in p) == sorted(wrong)
        for kind, g, p in result:
            assert keeps_its_definition(kind, g, p, gold), (kind, g, p, gold)
            seen[kind] += 1
        # Nothing is left alone that could be paired.
        missed = [g[0] for kind, g, _ in result if kind is K.MISSED]
        alone = [p[0] for _, g, p in result if not g]
        assert not any(
            share(*pair) for pair in itertools.product(missed, alone)
        )
        # Equal ranges are paired first.
        ranges = [
            collections.Counter(span[:2] for span in spans)
            for spans in (unfound, wrong)
        ]
        relabelled = [g[0] for kind, g, _ in result if kind is K.WRONG_LABEL]
        assert ranges[0] & ranges[1] == collections.Counter(
            span[:2] for span in relabelled
        )
    assert min(seen[kind] for kind in ErrorClass) >= 30


def test_flat_data_is_split_wherever_it_can_be():
    for gold, predicted in random_pairs(1500, ["flat"]):
        wrong, unfound = {*predicted} - {*gold}, {*gold} - {*predicted}
        expected = {
            span
            for span in unfound
            if sum(holds(span, part) for part in wrong) > 1
            and not any(crosses(*p) for p in itertools.combinations(wrong, 2))
            and any(holds(span, part) and part[2] == span[2] for part in wrong)
        }
        split = {
            g[0] for kind, g, _ in found(gold, predicted) if kind is K.SPLIT
        }
        assert split >= expected


def test_changed_labels_are_told():
    whole = sentence((0, 6, A))
    for last, changed in ((B, True), (A, False)):
        (split,) = classify(whole, sentence((0, 2, A), (3, 6, last)))
        assert split.label_changed == changed
    assert (split.start, split.end) == (0, 6)
    (missed,) = classify(whole, sentence())
    assert not missed.label_changed


def test_errors_know_their_sentence_and_keep_the_best_score():
    gold = sentence()
    spans = [Span(0, 2, A, score) for score in (None, 0.25, 0.75, 0.5)]
    for order in itertools.permutations(spans):
        (error,) = errors([(gold, Sentence(TEXT, order))])
        assert error.sentence is gold
        assert error.predicted == (Span(0, 2, A, 0.75),)


@pytest.mark.parametrize("side", [0, 1])
def test_unlabelled_sentences_are_refused(side):
    pair = [sentence(), sentence()]
    pair[side] = Sentence(TEXT, None)
    with pytest.raises(DataError, match="is not labelled"):
        classify(*pair)


def test_long_texts_are_cheap():
    """Thousands of errors in one text: no step may look at all pairs."""
    text = "字" * 60_000
    gold = tuple(Span(i, i + 4, A) for i in range(0, 60_000, 12))
    wrong = tuple(Span(i + 2, i + 6, B) for i in range(0, 60_000, 12))
    result = classify(Sentence(text, gold), Sentence(text, wrong))
    assert [e.kind for e in result] == [K.SHIFTED] * 5000
