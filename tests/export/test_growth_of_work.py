"""Twice the text is twice the work, counted operation by operation.

In eager mode loops are Python's, and every operation is seen: what it writes
is its work. A graph does the same, and less where it joins operations.
"""

import contextlib
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from export.candidate_batches import (
    HALVES,
    LABELS,
    Kind,
    as_rows,
    as_tensors,
    decoded_rows,
    of_sentence,
    random_rows,
)
from tensorflow.python.framework import op_callbacks
from tokenization.tokenization_texts import VOCABULARY

from biaffine_tf.config import LongText
from biaffine_tf.decoding import Decoder, decode
from biaffine_tf.export.code_points import decode_utf8
from biaffine_tf.export.decoders import GraphDecoder
from biaffine_tf.export.tokenizers import graph_tokenizer
from biaffine_tf.export.windows import GraphWindowing
from biaffine_tf.tokenization import (
    TokenizerKind,
    Windowing,
    make_tokenizer,
)

pytestmark = pytest.mark.slow  # a second for some thousand operations

# From a length to twice it; sorting and doubling take n log n.
MAX_GROWTH = 2.4
WIDTH = 12
SETTINGS = [
    {"decoder": decoder, "nested": nested}
    for decoder, nested in itertools.product(Decoder, [False, True])
]


@contextlib.contextmanager
def work():
    """Counts operations, and the numbers that they write."""
    counted = {"operations": 0, "numbers": 0}

    def look(op_type, inputs, attrs, outputs, op_name=None, graph=None):
        # In place: see `StepOrder`, which is about what is not.
        in_place = tf.compat.as_text(op_type) == "TensorStridedSliceUpdate"
        written = inputs[-1:] if in_place else outputs
        counted["operations"] += 1
        counted["numbers"] += sum(math.prod(one.shape) for one in written)

    op_callbacks.add_op_callback(look)
    try:
        yield counted
    finally:
        op_callbacks.remove_op_callback(look)


def text_without_gaps(length):
    """Candidates that overlap from end to end, some for each position."""
    rows = random_rows(np.random.default_rng(0), length, Kind(4, WIDTH, HALVES))
    bridges = [
        (0, place, place + 2, 1, 0.5, 0.5, 0.5) for place in range(length)
    ]
    return bridges + [
        (0, place + start, place + end, *rest)
        for place, start, end, *rest in rows
    ]


def chain(length):
    """Each overlaps the next one, and comes before it."""
    return [
        (0, 2 * place, 2 * place + 3, 1, 1.0, 5.0 - place / 1024, 0.5)
        for place in range(length)
    ]


def wanted(rows, settings):
    return decoded_rows(
        1, lambda one: decode(of_sentence(rows, one), **settings)
    )


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_decoding_a_text_of_twice_the_length(settings):
    decoder = GraphDecoder(LABELS, **settings)
    found = []
    for length in (150, 300):
        rows = text_without_gaps(length)
        tensors = as_tensors(rows)
        with work() as counted:
            decoded = decoder(tensors)
        found.append(counted)
        assert as_rows(decoded) == wanted(rows, settings)
    for what, before in found[0].items():
        assert found[1][what] < MAX_GROWTH * before, what


@pytest.mark.parametrize("nested", [False, True])
def test_greedy_decoding_of_a_chain_of_twice_the_length(nested):
    """The worst order there is: what one round keeps is next to nothing."""
    settings = {"decoder": Decoder.GREEDY, "nested": nested}
    decoder = GraphDecoder(LABELS, **settings)
    found = []
    for length in (256, 512):
        rows = chain(length)
        tensors = as_tensors(rows)
        with work() as counted:
            decoded = decoder(tensors)
        found.append(counted["numbers"])
        assert as_rows(decoded) == wanted(rows, settings)
        assert len(decoded.starts) == length / 2
    assert found[1] < MAX_GROWTH * found[0]


def test_dividing_one_long_line_among_short_ones():
    tokenizer = make_tokenizer(TokenizerKind.CHAR, VOCABULARY)
    windowing = Windowing(
        max_tokens=20, long_text=LongText.LINE, window_overlap=None
    )
    tokenize, divide = graph_tokenizer(tokenizer), GraphWindowing(windowing)
    found = []
    for length in (1000, 2000):
        texts = tf.constant([("a" * length + "\nab" * length).encode()])
        points = decode_utf8(texts)
        tokens = tokenize(points)
        with work() as counted:
            windows = divide(points, tokens)
        found.append(counted["numbers"])
        assert len(windows.starts) > length
    assert found[1] < MAX_GROWTH * found[0]
