"""The finder against looking for every string at every place."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.reports.audit.search import StringFinder

# Han, Latin, a digit, a hyphen, a space, a combining mark, beyond the BMP.
ALPHABET = "北京abé1- \u0301𠀀"
STRINGS = st.lists(st.text(ALPHABET, max_size=7), max_size=10)
# What does not end at a border between two of the same kind of characters.
WORD = "[abé1\u0301]"


def looked_for(strings, text):
    """Every range, from regular expressions with borders of words."""
    found = set()
    for string in filter(None, strings):
        head = f"(?<!{WORD})" if re.match(WORD, string) else ""
        tail = f"(?!{WORD})" if re.match(WORD, string[-1]) else ""
        pattern = re.compile(f"{head}{re.escape(string)}{tail}")
        for start in range(len(text)):
            match = pattern.match(text, start)
            if match:
                found.add(match.span())
    return found


@given(STRINGS, st.text(ALPHABET, max_size=30))
def test_finds_what_a_search_for_each_string_finds(strings, text):
    found = list(StringFinder(strings).find(text))
    assert found == sorted(found)
    assert len(found) == len(set(found))
    assert set(found) == looked_for(strings, text)


@given(st.lists(st.text(ALPHABET, min_size=1, max_size=9), max_size=6))
def test_finds_strings_that_fill_the_text(strings):
    text = "，".join(strings)
    found = set(StringFinder(strings).find(text))
    position = 0
    for string in strings:
        assert (position, position + len(string)) in found
        position += len(string) + 1


def test_a_text_that_ends_within_a_longer_string():
    finder = StringFinder(["北京大学", "北京大学城"])
    assert list(finder.find("北京大学")) == [(0, 4)]


@pytest.mark.parametrize(
    ("string", "text", "count"),
    [
        ("cat", "a cat, concatenated cats", 1),
        ("cat", "中cat文", 1),
        ("T", "T-cell", 1),
        ("2", "2011年2月", 1),
        ("b", "e\u0301b b\u0301", 0),
        ("中国", "中国中国人", 2),
        ("ａ", "ａｂ", 1),
    ],
)
def test_borders_of_words(string, text, count):
    assert len(list(StringFinder([string]).find(text))) == count


def test_many_strings_in_a_long_text():
    draw = random.Random(0)
    text = "".join(chr(0x4E00 + draw.randrange(3000)) for _ in range(200_000))
    ranges = set()
    for _ in range(20_000):
        start = draw.randrange(len(text) - 20)
        ranges.add((start, start + draw.randint(1, 20)))
    found = StringFinder(text[a:b] for a, b in ranges).find(text)
    assert ranges <= set(found)
