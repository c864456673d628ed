"""Ends of entities, left in and left out, by hand and by loops."""

import random
import re

import pytest

from biaffine_tf.reports.audit.edges import (
    bracket_variants,
    edge_variants,
)
from biaffine_tf.reports.audit.report import Edge, likely_share
from biaffine_tf.spans import Sentence, Span


def marked(text, line=1, label="X"):
    """A sentence from a text with entities in curly brackets."""
    spans, plain = [], ""
    for index, piece in enumerate(re.split("[{}]", text)):
        if index % 2:
            span = Span(len(plain), len(plain) + len(piece), label)
            spans.append(span)
        plain += piece
    return Sentence(plain, tuple(spans), file="f", line=line)


def test_marked_text():
    made = marked("在{北京}和{上海}")
    assert [made.surface(span) for span in made.spans] == ["北京", "上海"]
    made = marked("{北京}")
    assert [made.surface(span) for span in made.spans] == ["北京"]


def lines(finding):
    return [place.sentence.line for place in finding.places]


def found(variants, text, edge=Edge.END):
    (variant,) = [v for v in variants if (v.text, v.edge) == (text, edge)]
    return variant


def test_a_word_that_belongs_to_most():
    sentences = [marked(f"去{{甲{i}公司}}，") for i in "乙丙丁戊己庚辛壬癸"]
    sentences.append(marked("去{子丑}公司了", line=7))
    variant = found(edge_variants(sentences), "公司")
    assert (variant.label, variant.inside, variant.outside) == ("X", 9, 1)
    assert lines(variant) == [7]
    assert variant.score == likely_share(9, 10)


def test_a_mark_that_belongs_to_hardly_any():
    sentences = [marked(f"去{{甲{i}}}，") for i in "乙丙丁戊己庚辛壬癸"]
    sentences.append(marked("去{子丑，}了", line=7))
    variant = found(edge_variants(sentences), "，")
    assert (variant.inside, variant.outside, lines(variant)) == (1, 9, [7])


def test_words_of_scripts_with_spaces_are_whole_words():
    sentences = [marked(f"a {{human cell{i}}} .") for i in "abcdefgh"]
    sentences.append(marked("a human {cell} .", line=7))
    variants = edge_variants(sentences)
    variant = found(variants, "human", Edge.START)
    assert (variant.inside, variant.outside, lines(variant)) == (8, 1, [7])


@pytest.mark.parametrize("text", ["行", "7", "“"])
def test_single_letters_numbers_and_brackets_do_not_count(text):
    sentences = [marked(f"去{{甲{i}{text}}}") for i in "乙丙丁戊己庚辛壬癸"]
    sentences.append(marked(f"去{{子丑}}{text}了", line=7))
    assert edge_variants(sentences) == []


def test_part_of_another_entity_is_not_outside():
    sentences = [marked(f"去{{甲{i}公司}}，") for i in "乙丙丁戊己庚辛壬癸"]
    sentences.append(marked("去{子丑}{公司}了", line=7))
    assert edge_variants(sentences) == []


def test_even_habits_are_passed_over():
    sentences = [marked("去{甲乙公司}"), marked("去{甲乙}公司")] * 20
    assert edge_variants(sentences) == []


def test_an_entity_is_shown_once_for_an_end():
    sentences = [marked(f"去{{甲{i}}}，，") for i in "乙丙丁戊己庚辛壬癸"]
    sentences.append(marked("去{子丑，，}", line=7))
    (variant,) = edge_variants(sentences)
    assert (variant.text, lines(variant)) == ("，", [7])


def test_counts_of_random_data_equal_the_loops():
    draw = random.Random(2)
    sentences = []
    for line in range(1500):
        text = "".join(draw.choices("甲乙丙，", k=9))
        spans, position = [], 0
        while position < 8 and draw.random() < 0.8:
            start = draw.randint(position, 8)
            end = draw.randint(start + 1, min(start + 4, 9))
            if text[end - 1] == "，" and draw.random() < 0.9:
                end -= 1
            if start < end:
                spans.append(Span(start, end, "X"))
            position = end + 1
        sentences.append(Sentence(text, tuple(spans), line=line))
    inside = outside = 0
    for item in sentences:
        covered = {i for s in item.spans for i in range(s.start, s.end)}
        for start, end, *_ in item.spans:
            inside += end - start > 1 and item.text[end - 1] == "，"
            outside += item.text[end : end + 1] == "，" and end not in covered
    variant = found(edge_variants(sentences), "，")
    assert (variant.inside, variant.outside) == (inside, outside)
    assert len(variant.places) == min(inside, outside) > 10


def test_brackets_in_three_ways():
    sentences = [
        *[marked("看{《甲乙》}了", line=i) for i in range(4)],
        marked("看《{甲乙}》了", line=7),
        marked("看{《甲乙}》了", line=8),
        marked("看《{甲乙》}了", line=9),
        marked("看{甲乙}了", line=10),
    ]
    (variant,) = bracket_variants(sentences)
    assert (variant.label, variant.brackets) == ("X", "《》")
    counts = variant.inside, variant.outside, variant.half
    assert counts == (4, 1, 2)
    assert sorted(lines(variant)) == [7, 8, 9]
    assert [p.sentence.line for p in variant.usual] == [0, 1, 2]
    assert variant.score == likely_share(4, 7)


def test_one_way_is_no_variant_and_labels_are_apart():
    one, other = marked("看“{甲}”"), marked("看{“甲”}", label="Y")
    assert bracket_variants([one, one, other]) == []


def test_spaces_within_brackets_are_passed_over():
    (variant,) = bracket_variants(
        [marked("a ( {b} ) c"), marked("a {( b )} c")]
    )
    assert (variant.inside, variant.outside) == (1, 1)


def test_straight_quotes_and_brackets_without_partners():
    alone = [marked("{“}甲"), marked("“{甲}"), marked('{"}'), marked('"{a}')]
    assert bracket_variants([*alone, marked('"{a}"')]) == []
    (variant,) = bracket_variants([marked('"{a}"'), marked('{"a"}')])
    assert (variant.inside, variant.outside) == (1, 1)


def test_an_entity_in_one_with_its_brackets_is_both_ways():
    text = "看《甲乙》了"
    nested = Sentence(text, (Span(1, 5, "X"), Span(2, 4, "X")))
    assert bracket_variants([nested]) == []
    # One that has its brackets has them in a longer entity, too.
    longer = Sentence(text, (Span(0, 6, "Y"), Span(1, 5, "X")))
    (variant,) = bracket_variants([longer, marked("看《{甲乙}》了")])
    assert (variant.inside, variant.outside) == (1, 1)
