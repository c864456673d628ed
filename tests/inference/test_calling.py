"""How predictors are called, whatever the model; no TensorFlow."""

import concurrent.futures
import copy
import itertools
import pickle
import random
import threading

import numpy as np
import pytest

from biaffine_tf.decoding import Candidates
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference import read_ahead
from biaffine_tf.inference.windowed import WindowedPredictor
from biaffine_tf.spans import Entity, LabelMap, Sentence
from biaffine_tf.tokenization import CharTokenizer, Vocabulary, Windowing

LABELS = LabelMap(["digit", "run"])
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
TOKENIZER = CharTokenizer(Vocabulary([*SPECIAL, *"0123456789ab"]))
FIRST_DIGIT, BEHIND_DIGITS = 4, 14


class DigitPredictor(WindowedPredictor):
    """Holds digits for "digit", and each two neighbouring ones for a "run"."""

    def __init__(self, **options):
        windowing = Windowing(max_tokens=20, window_overlap=5)
        super().__init__(TOKENIZER, LABELS, windowing, **options)

    def _find_candidates(self, input_ids, context, min_margin):
        inner = input_ids[:, 1:]
        is_digit = (inner >= FIRST_DIGIT) & (inner < BEHIND_DIGITS)
        found = []
        for row, column in np.argwhere(is_digit).tolist():
            found.append((row, column, column, 1, 1.0))
            if is_digit[row, column + 1]:
                found.append((row, column, column + 1, 2, 3.0))
        columns = np.array(found, float).reshape(-1, 5)
        margins = columns[:, 4]
        sentences, first, last, labels = columns[:, :4].T.astype(int)
        return Candidates(
            sentences, first, last + 1, labels, margins, margins, margins
        )


def ranges(entities):
    return [(one.start, one.end, one.label) for one in entities]


def test_one_text_many_texts_and_an_iterator():
    ner = DigitPredictor()
    texts = ["a1b", "", "ab", "2a34"]
    alone = [ner(text) for text in texts]
    assert alone[0] == [
        Entity(1, 2, "digit", "1", pytest.approx(0.731, abs=1e-3))
    ]
    assert ranges(alone[3]) == [(0, 1, "digit"), (2, 4, "run")]
    assert ner(texts) == ner(tuple(texts)) == alone
    assert ner([]) == []
    stream = ner(iter(texts))
    assert next(stream) == alone[0]
    assert list(stream) == alone[1:]


def test_an_iterator_may_be_endless(monkeypatch):
    monkeypatch.setattr(read_ahead, "_SENTENCES_AHEAD", 8)
    read = 0

    def numbers():
        nonlocal read
        for read in itertools.count(1):
            yield f"a{read}"

    ner = DigitPredictor()
    some = list(itertools.islice(ner(numbers()), 20))
    assert ["".join(e.text for e in one) for one in some] == [
        str(number) for number in range(1, 21)
    ]
    assert read == 24


def test_nested_on_demand():
    ner = DigitPredictor()
    assert ranges(ner("12")) == [(0, 2, "run")]
    nested = [(0, 2, "run"), (0, 1, "digit"), (1, 2, "digit")]
    assert ranges(ner("12", nested=True)) == nested
    assert [ranges(one) for one in ner(["12", "a"], nested=True)] == [
        nested,
        [],
    ]
    (found,) = ner.predict([Sentence("12")], decoder="free")
    assert len(found.spans) == 3
    assert ranges(ner("12")) == [(0, 2, "run")]  # as before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nestd": True}, "there is no setting 'nestd'"),
        ({"min_width": 0}, "min_width"),
        ({"min_width": "2"}, "min_width must be an integer, got '2'"),
        ({"nested": "false"}, "nested must be true or false, got 'false'"),
        ({"nested": 1}, "nested must be true or false, got 1"),
        ({"decoder": "best"}, "decoder must be one of .*, got 'best'"),
        ({"force_one_entity": True}, "load it with this setting"),
    ],
)
def test_wrong_settings_are_said_at_once(options, message):
    ner = DigitPredictor()
    with pytest.raises(ConfigError, match=message):
        ner(iter(["12"]), **options)  # not only when it is read


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (b"bytes", "texts are bytes b'bytes'; give a string, or a list"),
        (None, "texts are NoneType None"),
        (7, "texts are int 7"),
        ({"a": 1}, r"texts are dict {'a': 1}"),
        (["a", 1.5], r"texts\[1\] is float 1.5, not a string"),
        ([["a"]], r"texts\[0\] is list \['a'\], not a string"),
    ],
)
def test_what_is_no_text_is_named(texts, message):
    with pytest.raises(TypeError, match=message):
        DigitPredictor()(texts)


@pytest.mark.slow
def test_threads_do_not_get_in_each_others_way():
    ner = DigitPredictor(batch_size=4)
    draw = random.Random(1)
    texts = [
        ["".join(draw.choices("01a", k=draw.randrange(60))) for _ in range(30)]
        for _ in range(24)
    ]
    want = [ner(some) for some in texts]
    long = sum(len(text) > 20 for some in texts for text in some)
    assert ner.windowed_sentences == long > 100
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ner, texts)) == want
    assert ner.windowed_sentences == 2 * long


def test_a_context_manager_ends():
    with DigitPredictor() as ner:
        assert ner("1")
        stream = ner(iter(["1"]))
    for misuse in (lambda: ner("1"), ner.__enter__, lambda: next(stream)):
        with pytest.raises(ValueError, match="closed; load the model again"):
            misuse()
    ner.close()


class SlowPredictor(DigitPredictor):
    """Waits in the midst of its first batch until it is told to go on."""

    def __init__(self):
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.is_released = False

    def _find_candidates(self, input_ids, context, min_margin):
        assert not self.is_released
        self.begun.set()
        assert self.may_go_on.wait(60)
        assert not self.is_released
        return super()._find_candidates(input_ids, context, min_margin)

    def _release(self):
        self.is_released = True


@pytest.mark.parametrize("many", [1, 50], ids=["one text", "many texts"])
def test_closing_waits_for_those_who_predict(monkeypatch, many):
    monkeypatch.setattr(read_ahead, "_SENTENCES_AHEAD", 8)  # several portions
    ner = SlowPredictor()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        found = pool.submit(ner, ["a1"] * many)
        assert ner.begun.wait(60)
        closings = [pool.submit(ner.close) for _ in range(2)]
        while not ner._is_closed:  # the thread may not have begun
            pass
        with pytest.raises(ValueError, match="closed"):
            ner("1")
        done = concurrent.futures.wait(closings, timeout=0.1).done
        assert not done and not ner.is_released
        ner.may_go_on.set()
        assert [ranges(one) for one in found.result()] == [
            [(1, 2, "digit")]
        ] * many
        for one in closings:
            one.result()
    assert ner.is_released


def test_an_iterator_ends_between_two_portions(monkeypatch):
    monkeypatch.setattr(read_ahead, "_SENTENCES_AHEAD", 2)
    ner = SlowPredictor()
    ner.may_go_on.set()
    stream = ner(iter(["1", "2", "3", "4"]))
    assert next(stream)
    ner.close()  # nobody predicts: it does not wait for the stream
    assert ner.is_released
    assert next(stream)  # it was found before
    with pytest.raises(ValueError, match="closed"):
        next(stream)


def test_closing_from_within_a_call_does_not_wait_for_it():
    """As a signal handler does, or the source of the texts."""
    ner = SlowPredictor()
    ner.may_go_on.set()

    class Texts:
        def __iter__(self):
            yield "1"
            ner.close()
            assert not ner.is_released
            yield "2"

    assert [ranges(one) for one in ner(Texts())] == [[(0, 1, "digit")]] * 2
    assert ner.is_released


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_predictor_made_by_hand_is_not_copied(duplicate):
    with pytest.raises(TypeError, match=r"not made by biaffine_tf.load.*load"):
        duplicate(DigitPredictor())
    with DigitPredictor() as ner:
        pass
    with pytest.raises(ValueError, match="closed"):
        duplicate(ner)
