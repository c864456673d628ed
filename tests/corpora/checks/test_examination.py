"""The checks against slow truth, on data of every kind."""

from __future__ import annotations

import collections
import io
import itertools
import tracemalloc

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    ExperimentConfig,
    LongText,
)
from biaffine_tf.corpora.checks import (
    Check,
    Row,
    Settings,
    Side,
    examine,
)
from biaffine_tf.errors import DataError
from biaffine_tf.formats import Problems
from biaffine_tf.records.features import Counts, featurize
from biaffine_tf.records.widths import count_wider
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import (
    Vocabulary,
    Windowing,
    make_tokenizer,
)

LABELS = ["letter", "sky", "both"]


@st.composite
def corpora(draw, labels=LABELS, min_size=1):
    """A few sentences with any spans, also repeated and crossing ones."""
    texts = st.text("ab天 \n", min_size=1, max_size=12)
    made = []
    for number in range(draw(st.integers(min_size, 5))):
        text = draw(texts)
        bounds = st.integers(0, len(text))
        spans = [
            Span(min(a, b), max(a, b), label)
            for a, b, label in draw(
                st.lists(
                    st.tuples(bounds, bounds, st.sampled_from(labels)),
                    max_size=4,
                )
            )
            if a != b
        ]
        made.append(Sentence(text, tuple(spans), file="f", line=number + 1))
    return made


def _cell(found, name, side):
    (row,) = (row for row in found.rows if row.name.strip() == name)
    return row.values[side]


def _within(sentence):
    """Distinct spans that lie within a longer one."""
    spans = set(sentence.spans)
    return sum(
        any(
            other.start <= span.start
            and span.end <= other.end
            and other[:2] != span[:2]
            for other in spans
        )
        for span in spans
    )


@given(corpora(), corpora([*LABELS, "ship"]))
def test_figures_are_those_of_a_slow_count(train, dev):
    found = examine(iter(train), iter(dev))
    for side, sentences in ((Side.TRAIN, train), (Side.DEV, dev)):
        spans = [span for one in sentences for span in one.spans]
        assert _cell(found, "sentences", side) == str(len(sentences))
        assert _cell(found, "spans", side) == str(len(spans))
        within = sum(map(_within, sentences))
        assert _cell(found, "nested, within others", side) == (
            f"{within} of {len(spans)} spans"
        )
        texts = [one.text for one in sentences]
        assert _cell(found, "repeated texts", side) == str(
            len(texts) - len(set(texts))
        )
        counts = collections.Counter(span.label for span in spans)
        for label, count in counts.items():
            assert _cell(found, label, side) == str(count)
    leaked = sum(one.text in {t.text for t in train} for one in dev)
    assert _cell(found, f"texts of the {Side.TRAIN}", Side.DEV) == str(leaked)
    warning = f"{leaked} of {len(dev)} texts are in the training data, too"
    assert any(warning in one for one in found.warnings) == (leaked > 0)
    unknown = sum(span.label == "ship" for one in dev for span in one.spans)
    said = [one for one in found.warnings if "ship" in one]
    assert len(said) == (unknown > 0)
    if unknown:
        assert f"ship ({unknown})" in said[0] and "missed" in said[0]


@given(corpora(), st.sampled_from([None, True, False]))
def test_nested_is_chosen_and_said_whatever_is_chosen(train, nested):
    found = examine(train, settings=Settings(nested=nested))
    within = sum(map(_within, train))
    spans = sum(len(one.spans) for one in train)
    expected = nested
    if nested is None:
        expected = within > 0.005 * spans
        (choice,) = (one for one in found.choices if one.flag == "nested")
        assert choice.value == expected
        assert f"{within} of {spans} spans" in choice.reason
    else:
        assert not [one for one in found.choices if one.flag == "nested"]
    said = f"{within} of {spans} spans lie within others and cannot be found"
    assert any(said in one for one in found.warnings) == (
        within > 0 and not expected
    )
    config = ExperimentConfig(
        model=tiny.model_config(),
        decoding=DecodingConfig(nested=bool(nested), min_width=2),
    )
    decided = found.decide(config)
    assert decided.decoding == DecodingConfig(nested=expected, min_width=2)


def _some(nested, flat):
    """Sentences of which so many spans lie within others, and others not."""
    pair = (Span(0, 4, "both"), Span(0, 2, "letter"))
    return [
        *[Sentence("abcd", pair)] * nested,
        *[Sentence("abcd", (Span(1, 3, "sky"),))] * (flat - nested),
    ]


@pytest.mark.parametrize(
    ("nested", "flat", "expected"), [(1, 199, False), (1, 198, True)]
)
def test_the_bound_is_half_a_per_cent(nested, flat, expected):
    """1 of 200 spans is no more than 0.5 %, 1 of 199 is."""
    found = examine(_some(nested, flat))
    (choice,) = (one for one in found.choices if one.flag == "nested")
    assert choice.value is expected
    assert str(choice).startswith("--nested" if expected else "--nonested")


def test_crossing_spans_and_ranges_of_two_labels_are_said():
    spans = (Span(0, 3, "x"), Span(2, 4, "x"), Span(0, 3, "y"))
    sentences = [Sentence("abcd", spans)]

    def warnings(**values):
        found = examine(sentences, sentences, settings=Settings(**values))
        return [one for one in found.warnings if "fewer" not in one]

    flat = warnings(nested=False)
    for side in Side:
        assert any(one.startswith(f"{side}: 2 pairs cross") for one in flat), (
            flat
        )
    assert any(
        one.startswith(f"{Side.TRAIN}: 1 range has several labels; the first")
        for one in flat
    )
    at_most_one = f"{Side.DEV}: 1 range has several labels; one of a range"
    assert any(one.startswith(at_most_one) for one in flat)
    nested = warnings(nested=True)
    assert any("cross" in one for one in nested)
    assert not any(one.startswith(at_most_one) for one in nested)
    one_label = warnings(nested=True, one_label_per_span=True)
    assert any(one.startswith(at_most_one) for one in one_label)
    free = warnings(nested=False, decoder=Decoder.FREE)
    assert not any("cross" in one or "within" in one for one in free)


def test_rare_and_similar_labels_are_named():
    train = [Sentence("ab", (Span(0, 1, "PER"),))] * 12
    train += [Sentence("ab", (Span(0, 1, label),)) for label in ("per", "x")]
    dev = [Sentence("abc", (Span(0, 1, "P E R"),))]
    found = examine(train, dev)
    rare = f"{Side.TRAIN}: labels with fewer than 10 spans: per (1), x (1)"
    assert rare in found.warnings
    assert (
        "labels that differ in case or white space only: 'P E R' (1), "
        "'PER' (12), 'per' (1)"
    ) in found.warnings
    assert not found.errors


def test_dev_without_entities_is_said():
    found = examine(tiny.sentences(20), [Sentence("ab", ())] * 3)
    assert any(
        one.startswith(f"{Side.DEV}: no entity in 3 sentences")
        for one in found.warnings
    )
    assert not found.errors
    with_one = [Sentence("ab", ()), Sentence("ab", (Span(0, 1, "sky"),))]
    found = examine(tiny.sentences(20), with_one)
    assert not any("no entity" in one for one in found.warnings)


@pytest.mark.parametrize("side", Side)
def test_unlabelled_sentences_are_an_error_with_number_and_place(side):
    good = [Sentence("ab", (Span(0, 1, "x"),), file="f", line=1)]
    bad = [
        *good,
        Sentence("ab", file="f", line=2),
        Sentence("ab", (), file="f", line=3),
        Sentence("ab", file="f", line=4),
    ]
    train, dev = (bad, good) if side is Side.TRAIN else (good, bad)
    (error,) = examine(train, dev).errors
    assert str(error).startswith(
        f"f:2: 2 of the 4 sentences of the {side} are not labelled"
    )
    assert "--unlabelled=skip" in str(error)
    with pytest.raises(DataError, match="not labelled"):
        examine(train, dev).refuse_errors()


def test_training_data_without_entities_are_an_error():
    (error,) = examine([Sentence("ab", (), file="f", line=1)] * 2).errors
    assert "2 sentences" in str(error) and "no entity" in str(error)


@pytest.fixture(scope="module")
def wordpiece(tmp_path_factory):
    path = tiny.write_vocabulary(tmp_path_factory.mktemp("v") / "vocab.txt")
    return make_tokenizer("wordpiece", Vocabulary.from_file(path))


@pytest.mark.slow
@given(
    corpora(),
    st.sampled_from([LongText.WINDOW, LongText.LINE, LongText.TRUNCATE]),
    st.integers(2, 6),
    st.sampled_from([None, 1, 2]),
)
@settings(max_examples=300)
def test_errors_are_those_of_features(wordpiece, train, long_text, most, width):
    """Nothing to learn: none of the cells that records would hold."""
    windowing = Windowing(
        max_tokens=most, window_overlap=1, long_text=long_text
    )
    counts, widths = Counts(), collections.Counter()
    for sentence in train:
        features = featurize(
            sentence,
            wordpiece,
            tiny.LABELS,
            windowing=windowing,
            counts=counts,
        )
        widths.update(features.widths)
    learnt = counts.cells - (count_wider(widths, width) if width else 0)
    found = examine(
        train,
        settings=Settings(
            tokenizer=wordpiece, windowing=windowing, max_span_width=width
        ),
    )
    messages = [str(error) for error in found.errors]
    if not counts.sentences:
        assert any("has a token" in one for one in messages)
    elif not counts.spans:
        assert any("no entity" in one for one in messages)
    elif not learnt:
        (message,) = messages
        assert f"none of the {counts.spans} spans" in message
        lines = [one.line for one in train if one.spans]
        assert message.startswith(f"f:{lines[0]}: ")
    else:
        assert not messages


def test_spans_that_cut_words_are_named_with_their_places():
    cutting = Sentence("Steinen", (Span(2, 5, "x"),), file="f", line=8)
    whole = Sentence("ein Stein", (Span(0, 3, "x"),), file="f", line=9)
    given_words = Sentence("ab", (Span(0, 1, "x"),), words=((0, 1), (1, 2)))
    found = examine([whole, cutting, given_words])
    (said,) = (one for one in found.warnings if "inside a word" in one)
    assert said == (
        f"{Side.TRAIN}: 1 of 2 spans begin or end inside a word "
        "(f:8: 'ein' in 'Steinen')"
    )


def test_what_readers_count_is_passed_on():
    problems = {Side.DEV: Problems()}

    def dev():
        for number in range(2):
            problems[Side.DEV].count("odd", f"f:{number}")
            yield Sentence("ab", ())

    found = examine(tiny.sentences(3), dev(), problems=problems)
    assert f"{Side.DEV}: odd: 2 (f:0; f:1)" in found.warnings


@pytest.mark.parametrize(
    ("text", "expected"), [("a\nb", LongText.WINDOW), ("a\n", LongText.LINE)]
)
def test_long_text_follows_the_lines_of_the_training_texts(text, expected):
    train = [*tiny.sentences(5), Sentence(text, ())]
    found = examine(train, [Sentence("a\nb", ())])
    (choice,) = (one for one in found.choices if one.flag == "long_text")
    assert choice.value is expected
    config = ExperimentConfig(model=tiny.model_config())
    assert found.decide(config).model.long_text is expected
    given_one = examine(train, settings=Settings(long_text=LongText.ERROR))
    assert not [one for one in given_one.choices if one.flag == "long_text"]


def test_a_table_of_one_side_or_two():
    shown = io.StringIO()
    examine(tiny.sentences(5)).show(shown)
    assert Side.TRAIN in shown.getvalue() and Side.DEV not in shown.getvalue()
    assert "[red]" not in shown.getvalue()
    shown = io.StringIO()
    odd = [Sentence("ab", (Span(0, 1, "[red]"),))]
    examine(odd, tiny.sentences(5)).show(shown)
    assert Side.DEV in shown.getvalue()
    assert "[red]" in shown.getvalue()  # a label, no markup


class _Longest(Check):
    """A check that somebody adds."""

    def __init__(self):
        self.longest = collections.Counter()

    def add(self, sentence, side):
        self.longest[side] = max(self.longest[side], len(sentence.text))

    def rows(self):
        yield Row("longest", {s: str(n) for s, n in self.longest.items()})

    def warnings(self):
        yield "a warning of its own"


def test_more_checks_see_the_same_sentences():
    train, dev = tiny.sentences(9), tiny.sentences(9, seed=1)
    found = examine(iter(train), iter(dev), more=[_Longest()])
    for side, sentences in ((Side.TRAIN, train), (Side.DEV, dev)):
        longest = max(len(one.text) for one in sentences)
        assert _cell(found, "longest", side) == str(longest)
    assert "a warning of its own" in found.warnings


def test_memory_does_not_grow_with_the_texts():
    def sentences(count):
        for number in range(count):
            text = f"{number} " + "a" * 5000
            yield Sentence(text, (Span(0, 1, "x"), Span(3, 5, "y")))

    examine(sentences(2))  # what is loaded and cached once
    tracemalloc.start()
    examine(sentences(2000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000  # of texts of 10 MB


def test_each_sentence_is_read_once():
    sentences = iter(tiny.sentences(9))
    examine(sentences, itertools.chain())
    assert next(sentences, None) is None


def test_labels_of_the_model_that_training_continues_are_known():
    train = [Sentence("ab", (Span(0, 1, "new"),))]
    dev = [Sentence("ab", (Span(0, 1, "old"),))]
    for known, is_missed in ((), True), (("old",), False):
        found = examine(train, dev, settings=Settings(known_labels=known))
        assert any("old (1)" in one for one in found.warnings) == is_missed
