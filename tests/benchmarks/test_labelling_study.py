"""Injected errors are what they claim; the table compares equal seeds."""

import collections
import itertools
import random

import pytest

from benchmarks import labelling, noise
from benchmarks.labelling_runs import PICKED, RANDOM, SIZES, Arm
from biaffine_tf.spans import Sentence, Span

LABELS = "a", "b", "c"


@pytest.fixture(scope="module")
def gold():
    rng = random.Random(0)
    sentences = []
    for _ in range(300):
        starts = rng.sample(range(0, 40, 4), 3)
        spans = [
            Span(start, start + rng.randint(1, 3), rng.choice(LABELS))
            for start in sorted(starts)
        ]
        sentences.append(Sentence("x" * 40, tuple(spans)))
    return sentences


def test_errors_are_those_that_are_listed(gold):
    noisy, errors = noise.inject(gold, share=0.1, seed=3)
    assert (noisy, errors) == noise.inject(gold, share=0.1, seed=3)
    assert len(errors) == pytest.approx(90, abs=3)
    counts = collections.Counter(one.kind for one in errors)
    assert max(counts.values()) - min(counts.values()) <= 3
    listed = collections.defaultdict(list)
    for one in errors:
        listed[one.sentence].append(one.kind)
    for number, (before, after) in enumerate(zip(gold, noisy, strict=True)):
        old, new = ({span.key for span in one.spans} for one in (before, after))
        kinds = collections.Counter(listed[number])
        assert before.text == after.text
        if not kinds:
            assert old == new
            continue
        spurious = kinds[noise.Kind.SPURIOUS]
        dropped = kinds[noise.Kind.DROPPED]
        moved = kinds[noise.Kind.LABEL] + kinds[noise.Kind.BORDER]
        assert len(old - new) == dropped + moved
        assert len(new - old) == spurious + moved
        spans = sorted(after.spans)
        for one, other in itertools.pairwise(spans):
            assert one.end <= other.start


def test_each_model_is_picked_with_the_one_before():
    arms = labelling.arms([1, 2])
    assert len({one.name for one in arms}) == len(arms) == 2 * 5
    seen = set()
    for one in arms:
        if one.size > SIZES[0]:
            assert one.before in seen
        seen.add(one)


def test_the_table_compares_the_same_seeds():
    def run(way, size, seed, f1):
        arm = Arm(way, size, seed)
        return arm.name, {
            **arm._asdict(), "f1": f1, "entities": 10, "characters": 100,
        }  # fmt: skip

    known = dict(
        [
            run(RANDOM, 500, 1, 0.3),
            run(RANDOM, 1000, 1, 0.4),
            run(PICKED, 1000, 1, 0.5),
            run(RANDOM, 1000, 2, 0.9),  # its partner has not ended
        ]
    )
    rows = labelling.tabulate(known)
    assert [row["sentences"] for row in rows] == [500, 1000]
    assert rows[1]["seeds"] == 1
    assert rows[1]["gain"] == pytest.approx(0.1)
    noisy = {labelling.WITH_MODEL: {"found": 0.15}}
    met = [goal["met"] for goal in labelling.goals(rows, noisy)]
    assert met == [True, False]
