"""Occurrences of strings, against loops over all ranges of all texts."""

import random

from biaffine_tf.reports.audit.mentions import collect
from biaffine_tf.reports.audit.occurrences import (
    bracketed,
    compare_occurrences,
)
from biaffine_tf.reports.audit.report import Place, likely_share
from biaffine_tf.spans import Sentence, Span


def sentence(text, *entities, tokens=None, line=1):
    """A sentence in which the first occurrences of strings are entities."""
    spans = []
    for entity in entities:
        string, _, label = entity.partition("|")
        start = text.index(string)
        spans.append(Span(start, start + len(string), label or "X"))
    return Sentence(text, tuple(spans), words=tokens, file="f", line=line)


def compare(*sentences):
    return compare_occurrences(sentences, collect(sentences))


def places(finding):
    return [(p.sentence.line, p.start, p.end) for p in finding.places]


def test_what_mostly_is_an_entity_and_is_none_somewhere():
    unlabelled, boundaries = compare(
        sentence("去北京", "北京", line=1),
        sentence("在北京", "北京|Y", line=2),
        sentence("北京和北京", "北京", line=3),
    )
    (found,) = unlabelled
    assert (found.text, found.labels) == ("北京", {"X": 2, "Y": 1})
    assert places(found) == [(3, 3, 5)] and found.unlabelled == 1
    assert found.score == likely_share(3, 4)
    assert [p.sentence.line for p in found.usual] == [1, 2, 3]
    assert not boundaries


def test_single_characters_and_numbers_are_passed_over():
    strings = ["长", "10", "-"]
    marked = [sentence(string, string) for string in strings * 3]
    plain = [sentence(f"，{string}，") for string in strings]
    assert compare(*marked, *plain) == ([], [])


def test_words_and_tokens_are_not_cut():
    marked = [sentence("CD28", "CD28")] * 3
    assert compare(*marked, sentence("CD281"), sentence("aCD28")) == ([], [])
    text = "anti CD28-x"
    whole = sentence(text, tokens=((0, 4), (5, 11)))
    parts = sentence(text, tokens=((0, 4), (5, 9), (9, 11)))
    assert compare(*marked, whole) == ([], [])
    assert len(compare(*marked, parts)[0]) == 1


def test_boundaries_in_two_ways():
    many = [sentence("中国银行", "中国银行", line=i) for i in range(3)]
    unlabelled, boundaries = compare(
        *many,
        sentence("去中国银行", "中国", line=8),
        sentence("中国银行", "中国", "银行|Y", line=9),
    )
    assert not unlabelled
    variants = {found.parts: found for found in boundaries}
    assert len(boundaries) == len(variants) == 2
    for parts, line in (("[中国]银行", 8), ("[中国][银行]", 9)):
        found = variants[parts]
        assert (found.text, found.labels) == ("中国银行", {"X": 3})
        assert (found.whole, found.cut) == (3, 1)
        assert [place[0] for place in places(found)] == [line]
        assert found.score == likely_share(3, 4)


def test_the_rarer_way_is_what_to_look_at():
    cut = [sentence("意甲联赛", "意甲", line=i) for i in range(5)]
    _, (found,) = compare(*cut, sentence("意甲联赛", "意甲联赛", line=7))
    assert places(found) == [(7, 0, 4)]
    assert found.places[0].label == "X"
    assert [p.label for p in found.usual] == [None] * 3
    assert (found.whole, found.cut, found.score) == (1, 5, likely_share(5, 6))


def test_brackets_show_the_outermost_entities():
    shown = sentence("在北京大学里的北京", "北京大学", "北京")
    assert bracketed(Place(shown, 0, 9)) == "在[北京大学]里的北京"
    assert bracketed(Place(shown, 1, 4)) == "[北京]大"


def looked_at(sentences):
    """Free and partly annotated ranges of known strings, range by range."""
    strings = {s.surface(span) for s in sentences for span in s.spans}
    free, cut = set(), set()
    for item in sentences:
        gold = {span[:2] for span in item.spans}
        found = {True: [], False: []}
        for start in range(len(item.text)):
            for end in range(start + 2, len(item.text) + 1):
                string = item.text[start:end]
                if string not in strings or not any(map(str.isalpha, string)):
                    continue
                inside = [
                    g for g in gold if set(range(*g)) & set(range(start, end))
                ]
                if all(set(range(*g)) < set(range(start, end)) for g in inside):
                    found[bool(inside)].append((start, end))
        for kind, ranges in found.items():
            for a, b in ranges:
                if not any(
                    c <= a and b <= d and (a, b) != (c, d) for c, d in ranges
                ):
                    (cut if kind else free).add((item.line, a, b))
    return free, cut


def test_random_data_equals_the_loops():
    draw = random.Random(5)
    unlabelled_seen = boundaries_seen = 0
    for _ in range(300):
        sentences = []
        for line in range(8):
            text = "".join(draw.choices("甲乙，", k=7))
            spans = set()
            for _ in range(draw.randint(0, 3)):
                start = draw.randrange(6)
                spans.add(
                    (start, draw.randint(start + 1, 7), draw.choice("XY"))
                )
            spans = tuple(Span(*span) for span in spans)
            sentences.append(Sentence(text, spans, line=line))
        mentions = collect(sentences)
        unlabelled, boundaries = compare_occurrences(sentences, mentions)
        free, cut = looked_at(sentences)
        counts = {text: len(found) for text, found in mentions.items()}
        missing = {}
        for line, start, end in free:
            text = sentences[line].text[start:end]
            missing.setdefault(text, set()).add((line, start, end))
        assert {f.text: set(places(f)) for f in unlabelled} == {
            text: ranges
            for text, ranges in missing.items()
            if counts[text] > len(ranges)
        }
        assert sum(f.cut for f in boundaries) == len(cut)
        shown = {p for f in boundaries if f.cut <= f.whole for p in places(f)}
        assert shown <= cut
        for found in [*unlabelled, *boundaries]:
            assert len(mentions[found.text]) == sum(found.labels.values())
        for ranked in (unlabelled, boundaries):
            scores = [f.score for f in ranked]
            assert scores == sorted(scores, reverse=True)
        unlabelled_seen += len(unlabelled)
        boundaries_seen += len(boundaries)
    assert unlabelled_seen > 40 and boundaries_seen > 200
