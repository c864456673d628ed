"""Packing: nothing lost, nothing cut without need, as full as can be."""

import pytest
import slow_packing
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.records.packing import cut_text, pack, split_line
from biaffine_tf.tokenization import Tokens

lines_of_documents = st.lists(
    st.text("ab天。！”」…? ", min_size=1, max_size=30), min_size=1, max_size=12
)


def runs(line, most):
    """Runs of a line with a token for each character."""
    tokens = Tokens(
        ids=tuple(map(ord, line)),
        offsets=tuple((i, i + 1) for i in range(len(line))),
    )
    return split_line(line, tokens, b"\1" + b"\0" * (len(line) - 1), most)


@given(lines_of_documents, st.integers(1, 20))
def test_as_a_loop_packs(lines, most):
    packed = pack((run for line in lines for run in runs(line, most)), most)
    texts = ["".join(map(chr, sequence.ids)) for sequence in packed]
    assert texts == slow_packing.pack(lines, most)
    assert "".join(texts) == "".join(lines)
    assert max(map(len, texts)) <= most


def test_every_run_begins_a_word():
    (first, second, third) = runs("abcdefgh", 3)
    assert [list(r.word_starts) for r in (first, second, third)] == [
        [1, 0, 0],
        [1, 0, 0],
        [1, 0],
    ]
    (whole,) = pack([first], 3)
    assert whole.word_starts == first.word_starts


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("It is. Or 1.5 is.", ["It is.", " Or 1.5 is."]),
        ("天。”地！！（？）人", ["天。”", "地！！", "（？）", "人"]),
        ("no end of it at all", ["no end of i", "t at all"]),
        ("fits. fits.", ["fits. fits."]),
    ],
)
def test_where_lines_are_cut(line, expected):
    most = 11 if len(line) > 10 else 3
    parts = ["".join(map(chr, run.ids)) for run in runs(line, most)]
    assert parts == expected


def test_tokens_that_cover_more_than_a_character():
    tokens = Tokens(ids=(1, 2, 3, 4), offsets=((0, 3), (3, 4), (5, 7), (7, 8)))
    parts = list(split_line("abc. de.", tokens, b"\1\1\1\1", 3))
    assert [part.ids for part in parts] == [[1, 2], [3, 4]]


@given(st.text("ab天。！ ", max_size=60), st.integers(1, 20))
def test_long_texts_are_cut_and_stay_whole(text, longest):
    parts = list(cut_text(text, longest))
    assert "".join(parts) == text
    assert all(len(part) <= longest for part in parts)
    for part in parts[:-1]:
        assert part[-1] in slow_packing.ENDS or len(part) == longest
