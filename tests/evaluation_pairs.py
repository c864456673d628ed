"""Random sentences with gold and predicted spans, for all tests of scores."""

from __future__ import annotations

import functools
import itertools

from hypothesis import strategies as st

from biaffine_tf.spans import Sentence, Span

LABELS = ["book", "game", "name"]
labels = st.sampled_from(LABELS)


@st.composite
def flat_sentences(draw, length):
    """Disjoint spans, and the IOB2 tags that say the same."""
    spans, tags, position = [], [], 0
    while position < length:
        width = draw(st.integers(1, min(3, length - position)))
        label = draw(st.one_of(st.none(), labels))
        if label is None:
            tags += ["O"] * width
        else:
            spans.append(Span(position, position + width, label))
            tags += [f"B-{label}"] + [f"I-{label}"] * (width - 1)
        position += width
    return spans, tags


@st.composite
def flat_pairs(draw):
    length = draw(st.integers(1, 12))
    gold = draw(flat_sentences(length))
    # Half of the predictions are right, or nothing would ever match.
    predicted = draw(st.one_of(st.just(gold), flat_sentences(length)))
    return gold, predicted


@functools.cache
def any_span(length):
    """Any span of a text of this length, with and without a confidence."""
    ranges = itertools.combinations(range(length + 1), 2)
    return st.sampled_from(
        [
            Span(start, end, label, score)
            for start, end in ranges
            for label in LABELS
            for score in (None, 0.5)
        ]
    )


@st.composite
def nested_pairs(draw):
    """Any spans at all over a text in which strings repeat."""
    text = draw(st.text("ab中", min_size=1, max_size=6))
    span = any_span(len(text))
    gold = draw(st.lists(span, max_size=6))
    kept = draw(st.lists(st.sampled_from(gold), max_size=6)) if gold else []
    others = draw(st.lists(span, max_size=3))
    return Sentence(text, tuple(gold)), Sentence(text, tuple(kept + others))


def random_gold(count, random):
    """Sentences with up to four spans of labels of unequal frequency."""
    sentences = []
    for number in range(count):
        starts = random.sample(range(0, 20, 2), random.choice([0, 1, 2, 4]))
        spans = [
            Span(start, start + 2, random.choices(LABELS, [6, 3, 1])[0])
            for start in starts
        ]
        text = "".join(random.choices("天地玄黄宇宙", k=20))
        sentences.append(Sentence(text, tuple(spans), id=str(number)))
    return sentences


def predict(gold, random, right=0.8, false=0.3):
    """Pairs of a system that finds this share, as easy as sentences are.

    Args:
        gold: Gold sentences.
        random: A `random.Random`.
        right: Mean probability that a gold span is found.
        false: Probability of a false span in a sentence.
    """
    pairs = []
    for sentence in gold:
        # Spans of one sentence are found or missed together.
        ease = random.choice([right, right, 2 * right - 1])
        spans = [span for span in sentence.spans if random.random() < ease]
        if random.random() < false:
            spans.append(Span(1, 4, random.choice(LABELS)))
        pairs.append((sentence, sentence.replace_spans(spans)))
    return pairs
