"""Augmented sentences against the featurized text that they stand for."""

import collections
import itertools
import random

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.records import span_batches
from biaffine_tf.records.augmentation import (
    Augmentation,
    Example,
    Mentions,
    drop_mentions,
    glue,
    outermost,
    replace_mentions,
)
from biaffine_tf.records.features import Counts, featurize
from biaffine_tf.records.span_augmentation import read_mentions
from biaffine_tf.records.span_batches import make_buckets, training_batches
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import Windowing

LONGEST = 38


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny.tokenizer(tmp_path_factory.mktemp("tokenizer"))


def _sentences(count, seed=3):
    """Spans that are disjoint, nested, crossing, or have several labels."""
    rng = random.Random(seed)
    for _ in range(count):
        length = rng.randint(1, 14)
        text = "".join(rng.choices(tiny.CHARACTERS, k=length))
        spans = set()
        for _ in range(rng.randint(0, 4)):
            start = rng.randrange(length)
            end = rng.randint(start + 1, min(length, start + 5))
            spans.add(Span(start, end, rng.choice(list(tiny.LABELS))))
        yield Sentence(text, tuple(sorted(spans)))


def _example(sentence, tokenizer):
    windows = featurize(
        sentence,
        tokenizer,
        tiny.LABELS,
        windowing=Windowing(max_tokens=LONGEST),
        counts=Counts(),
        several_labels=True,
    ).windows
    (features,) = windows
    return Example(
        tuple(features.input_ids[1:-1]), tuple(sorted(features.cells))
    )


def _sentence(example, tokenizer):
    """The text and spans of an example; tokens are characters."""
    characters = list(tokenizer.vocabulary)
    return Sentence(
        "".join(characters[token] for token in example.tokens),
        tuple(
            sorted(
                Span(a, b + 1, tiny.LABELS.name(c)) for a, b, c in example.cells
            )
        ),
    )


def _ranges(sentence):
    """Outermost ranges, by comparing the sets of characters of all spans."""
    sets = {frozenset(range(s.start, s.end)) for s in sentence.spans}
    return sorted(
        (min(one), max(one) + 1)
        for one in sets
        if all(other <= one or not other & one for other in sets)
    )


def _mention(sentence, start, end):
    return sentence.text[start:end], tuple(
        sorted(
            (span.start - start, span.end - start, span.label)
            for span in sentence.spans
            if start <= span.start and span.end <= end
        )
    )


def _labels(mention):
    text, spans = mention
    return tuple(c for a, b, c in spans if b - a == len(text))


def _divide(sentence):
    """Text between outermost ranges with its spans, and their mentions."""
    ranges = _ranges(sentence)
    edges = [0, *itertools.chain.from_iterable(ranges), len(sentence.text)]
    pairs = list(itertools.pairwise(edges))
    between = [_mention(sentence, *pair) for pair in pairs[::2]]
    return between, [_mention(sentence, *pair) for pair in ranges]


def test_replaced_mentions_give_the_features_of_the_changed_text(tokenizer):
    sentences = list(_sentences(150))
    examples = [_example(one, tokenizer) for one in sentences]
    mentions, known = Mentions(), collections.defaultdict(set)
    for sentence, example in zip(sentences, examples, strict=True):
        mentions.add(example)
        for mention in _divide(sentence)[1]:
            known[_labels(mention)].add(mention)
    rng = np.random.default_rng(0)
    changed = 0
    for sentence, example in zip(sentences, examples, strict=True):
        result = replace_mentions(
            example, mentions, probability=0.7, max_tokens=16, rng=rng
        )
        assert len(result.tokens) <= 16
        text = _sentence(result, tokenizer)
        assert _example(text, tokenizer) == result._replace(
            cells=tuple(sorted(result.cells))
        )
        between, old = _divide(sentence)
        same_between, new = _divide(text)
        assert same_between == between
        for left, right in zip(old, new, strict=True):
            assert right in known[_labels(left)]
        changed += old != new
    assert changed > 50


def test_another_mention_is_drawn_uniformly():
    mentions = Mentions(max_width=2)
    texts = [(5,), (6,), (7, 8), (9, 10, 11), (5,)]
    for tokens in texts:
        mentions.add(Example(tokens, ((0, len(tokens) - 1, 1),)))
    mentions.add(Example((12,), ((0, 0, 2),)))
    assert len(mentions) == 4  # distinct, and not too wide
    rng = np.random.default_rng(0)
    example = Example((4, 6, 3), ((1, 1, 1),))

    def draw():
        return replace_mentions(
            example, mentions, probability=0.5, max_tokens=9, rng=rng
        )

    counts = collections.Counter(draw() for _ in range(4000))
    assert counts.keys() == {
        example,
        Example((4, 5, 3), ((1, 1, 1),)),
        Example((4, 7, 8, 3), ((1, 2, 1),)),
    }
    assert abs(counts.pop(example) - 2000) < 150
    for count in counts.values():
        assert abs(count - 1000) < 130
    alone = Example((12,), ((0, 0, 2),))
    assert alone == replace_mentions(
        alone, mentions, probability=1, max_tokens=9, rng=rng
    )


def test_mentions_within_words_and_of_other_sources_stay():
    mentions = Mentions(continuations=[90, 91])
    mentions.add(Example((5, 90, 6), ((0, 0, 1), (2, 2, 1))))
    assert len(mentions) == 1  # 5 goes on with 90
    rng = np.random.default_rng(0)
    for example in (
        Example((7, 90), ((0, 0, 1),)),
        Example((7, 90), ((1, 1, 1),)),
        Example((7,), ((0, 0, 1),), "source"),
    ):
        assert example == replace_mentions(
            example, mentions, probability=1, max_tokens=9, rng=rng
        )


def test_outermost_ranges_by_sets():
    for sentence in _sentences(200, seed=5):
        cells = [(s.start, s.end - 1, 1) for s in sentence.spans]
        assert outermost(cells) == [
            (start, end - 1) for start, end in _ranges(sentence)
        ]


def test_glued_sentences_give_the_features_of_the_joined_text(tokenizer):
    for left, right in itertools.pairwise(_sentences(30)):
        shift = len(left.text)
        joined = Sentence(
            left.text + right.text,
            (
                *left.spans,
                *(Span(a + shift, b + shift, c) for a, b, c, _ in right.spans),
            ),
        )
        glued = glue(_example(left, tokenizer), _example(right, tokenizer))
        assert glued == _example(joined, tokenizer)


def test_dropped_mentions_keep_their_spans():
    example = Example((5, 6, 7, 8), ((0, 1, 1), (1, 1, 2), (3, 3, 1)))
    dropped = drop_mentions(
        example, 4, probability=1, rng=np.random.default_rng(0)
    )
    assert dropped == Example((4, 4, 7, 4), example.cells)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("augmented")
    return tiny.records(folder, tiny.sentences(40), sentences_per_shard=20)


@pytest.fixture
def buckets(records, monkeypatch):
    monkeypatch.setattr(span_batches, "_BATCHES_OF_BUCKET", 1)
    return make_buckets(records.lengths, num_buckets=3, batch_size=6)


def _augmentation(records, **changes):
    mentions = Mentions()
    read_mentions(records, mentions)
    settings = {
        "replacement": 0.5,
        "dropping": 0.2,
        "gluing": 0.5,
        "mentions": mentions,
        "mask_id": 4,
        "max_tokens": LONGEST,
        "seed": 7,
    }
    return Augmentation(**settings | changes)


def _batches(records, buckets, augmentation, *, epochs=None, skip=0):
    return [
        {name: value.numpy() for name, value in batch.items()}
        for batch in training_batches(
            records,
            buckets,
            seed=1,
            epochs=epochs or range(1),
            skip=skip,
            augmentation=augmentation,
        )
    ]


def _same(left, right):
    return len(left) == len(right) and all(
        a[name].shape == b[name].shape and (a[name] == b[name]).all()
        for a, b in zip(left, right, strict=True)
        for name in a
    )


@pytest.mark.slow
def test_batches_depend_on_seed_and_epoch_alone(records, buckets):
    augmentation = _augmentation(records)
    both = _batches(records, buckets, augmentation, epochs=range(2))
    steps = buckets.steps_per_epoch
    assert len(both) == 2 * steps
    assert _same(
        both, _batches(records, buckets, augmentation, epochs=range(2))
    )
    continued = _batches(
        records, buckets, augmentation, epochs=range(1, 2), skip=2
    )
    assert _same(both[steps + 2 :], continued)
    other = _augmentation(records, seed=8)
    assert not _same(both[:steps], _batches(records, buckets, other))
    assert not _same(both[:steps], both[steps:])


@pytest.mark.slow
def test_batches_hold_the_augmented_sentences(records, buckets):
    augmentation = _augmentation(records)
    lengths = {*buckets.lengths, LONGEST}
    sizes = collections.Counter()
    for batch in _batches(records, buckets, augmentation):
        assert batch["input_ids"].shape[1] - 2 in lengths
        assert not batch["context"].any()
        sizes.update([len(batch["input_ids"])])
        ends = (batch["input_ids"] > 0).sum(axis=1) - 2
        first, last, label = np.moveaxis(batch["cells"], -1, 0)
        assert (first <= last).all() and (label < 4).all()
        assert (last < np.maximum(ends, 1)[:, None])[label > 0].all()
    assert sizes == collections.Counter(
        len(one["input_ids"]) for one in _batches(records, buckets, None)
    )


def test_nothing_changes_at_probability_zero(records, buckets):
    augmentation = _augmentation(
        records, replacement=0.0, dropping=0.0, gluing=0.0
    )

    def contents(batches):
        return [
            sorted(
                (
                    ids[ids > 0].tolist(),
                    cells[cells[:, 2] > 0].tolist(),
                )
                for ids, cells in zip(
                    batch["input_ids"], batch["cells"], strict=True
                )
            )
            for batch in batches
        ]

    assert contents(_batches(records, buckets, None)) == contents(
        _batches(records, buckets, augmentation)
    )


def test_within_a_token_budget_batches_keep_their_shapes(records, buckets):
    augmentation = _augmentation(records, gluing=0.0, keeps_lengths=True)
    plain, changed = (
        [b["input_ids"].shape for b in _batches(records, buckets, one)]
        for one in (None, augmentation)
    )
    for (size, width), (changed_size, changed_width) in zip(
        plain, changed, strict=True
    ):
        assert size == changed_size and changed_width <= width


def test_sentences_of_different_label_sets_are_not_mixed():
    left = Example((5,), ((0, 0, 1),), b"a")
    right = Example((6,), ((0, 0, 1),), b"b")
    augmentation = Augmentation(gluing=1.0, max_tokens=9)
    for following, tokens in ((right, (5,)), (left, (5, 5))):
        result = augmentation.apply(
            left, following, epoch=0, number=0, max_tokens=9
        )
        assert result.tokens == tokens


def test_gold_and_pseudo_labels_are_not_mixed():
    gold = Example((5,), ((0, 0, 1),))
    pseudo, other = (gold._replace(weight=weight) for weight in (0.5, 0.7))
    augmentation = Augmentation(gluing=1.0, max_tokens=9)
    for left, right in itertools.product((gold, pseudo, other), repeat=2):
        result = augmentation.apply(
            left, right, epoch=0, number=0, max_tokens=9
        )
        assert result.weight == left.weight
        assert len(result.tokens) == (2 if left is right else 1)
    mentions = Mentions()
    mentions.add(other._replace(tokens=(6,)))
    rng = np.random.default_rng(0)
    for example, tokens in ((gold, (5,)), (pseudo, (6,))):
        changed = replace_mentions(
            example, mentions, probability=1, max_tokens=9, rng=rng
        )
        assert changed.tokens == tokens


def test_labels_of_sources_come_with_the_batches(tmp_path):
    sentences = [
        Sentence("ab", (Span(0, 1, "letter"),), labelled=("letter",)),
        Sentence("天", (Span(0, 1, "sky"),)),
    ]
    from biaffine_tf.records.span_schema import parse, serialize

    counts, labels = Counts(), LabelMap(["letter", "sky"])
    found = []
    for sentence in sentences:
        (features,) = featurize(
            sentence,
            tiny.tokenizer(tmp_path),
            labels,
            windowing=Windowing(max_tokens=LONGEST),
            counts=counts,
        ).windows
        parsed = parse(tf.constant(serialize(features)), partial_classes=3)
        found.append(parsed["labelled"].numpy().tolist())
    assert found == [[True, True, False], [True, True, True]]
