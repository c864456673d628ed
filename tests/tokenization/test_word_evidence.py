"""Rules for words that training data bears out, and those that it does not."""

import dataclasses

import pytest

from biaffine_tf import formats
from biaffine_tf.formats.joining import join_words
from biaffine_tf.spans import Sentence, Span
from biaffine_tf.tokenization import WordRule, cut_spans, learn_word_rule

ENGLISH = (
    "the WNUT17 4th cat 2008 sat on Paris #tags @me don't . Paris , ( ok )"
)


def sentence(tokens, separator=" ", spans=()):
    text, ranges = join_words(tokens, separator)
    made = tuple(
        Span(ranges[first][0], ranges[last][1], "x") for first, last in spans
    )
    return Sentence(text, made, words=ranges)


def plain(sentences):
    return [dataclasses.replace(one, words=None) for one in sentences]


def test_words_of_a_language_with_spaces():
    choice = learn_word_rule([sentence(ENGLISH.split())] * 200)
    # "Paris ." and "( ok" may be written without a space, "at #tags" may not.
    assert choice.value == "aa a0 0a 00 #a 'a @a a'"
    assert choice.flag == "word_rule"
    assert "keeps 100.00% of 6800 edges of words" in choice.reason
    text = "In Paris, (WNUT17) isn't #ok."
    inside = WordRule(choice.value).inside(text)
    for name in ("Paris", "WNUT17", "isn't", "#ok"):
        start = text.index(name)
        assert not inside[start] and not inside[start + len(name)]
        assert inside[start + 1 : start + len(name)].all()


def test_a_mark_that_tokens_split_off_joins_nothing():
    joined = sentence(["e-mail", "ok", "ok"])
    apart = sentence(["e", "-", "mail"])
    known = learn_word_rule([joined] * 995 + [apart] * 5)
    assert known.value == "aa -a a-" and "keeps 99.67% of" in known.reason
    known = learn_word_rule([joined] * 994 + [apart] * 6)
    assert known.value == "aa" and "keeps 100.00% of" in known.reason
    # Both pairs are right in 99.6 % of their places, of all edges in 99.2 %.
    short = sentence(["e-mail"])
    known = learn_word_rule([short] * 996 + [apart] * 4).value
    assert known in ("aa -a", "aa a-")


def test_too_few_places_tell_nothing():
    assert learn_word_rule([sentence(["ab", "1st"])] * 199).value == "aa"
    known = learn_word_rule([sentence(["ab", "1st"])] * 200).value
    assert known == "aa 0a"


@pytest.mark.parametrize(
    ("tokens", "separator"),
    [
        ([*"北京iPhone6"], ""),  # a character each
        (["北京", "大学"], ""),
        ([*"abc"], ""),
    ],
)
def test_words_without_a_rule(tokens, separator):
    choice = learn_word_rule([sentence(tokens, separator)] * 999)
    assert choice.value is None
    assert "places between letters" in choice.reason
    assert str(choice).endswith("plain text stays free)")


def test_one_in_two_hundred_edges_may_differ():
    """Tokens that touch show where words end between letters."""
    long, short = sentence(["a" * 9] * 2, ""), sentence(["a" * 9])
    most = learn_word_rule([short] * 998 + [long])
    assert most.value == "aa" and "keeps 99.90%" in most.reason
    # 6 of 952 words, but of 7 622 places: pairs alone would not tell.
    many = learn_word_rule([short] * 940 + [long] * 6)
    assert many.value is None
    assert "end at 6 of 7622 places between letters" in many.reason


def test_spans_tell_where_there_are_no_words():
    whole = sentence(["Ann", "of", "B2B", "sat"], spans=[(0, 0), (2, 2)])
    data = plain([whole] * 100)
    choice = learn_word_rule(data)
    assert choice.value == "aa a0 0a 00"
    assert "no words; 400 of 400 edges of its spans" in choice.reason
    assert learn_word_rule(data[:49]).value is None  # 196 edges

    cut = dataclasses.replace(data[0], spans=(Span(1, 3, "x"),))
    one = learn_word_rule([*data, cut, cut])
    assert one.value == "aa a0 0a 00"
    assert one.reason.endswith(
        "2 edges are inside words, not found in plain text"
    )
    rule = WordRule(one.value)
    assert sum(len(cut_spans(s, rule)) for s in [*data, cut, cut]) == 2
    many = learn_word_rule([*data, cut, cut, cut])
    assert many.value is None
    assert "3 of 406 edges of spans at letters" in many.reason


def test_spans_in_chinese_tell_nothing():
    text = "北京的AB大学"
    spans = (Span(0, 2, "x"), Span(3, 5, "x"), Span(5, 7, "x"))
    choice = learn_word_rule([Sentence(text, spans)] * 999)
    assert choice.value is None
    assert "1998 of 5994 edges of its spans are at letters" in choice.reason


def test_unlabelled_and_empty_data():
    for data in ([], [Sentence("")], [Sentence("ab", None)] * 999):
        choice = learn_word_rule(data)
        assert choice.value is None and "plain text stays free" in choice.reason
    assert learn_word_rule([Sentence("", words=())]).value is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("wnut17/wnut17train.conll", "aa a0 0a 00 #a &a a_"),
        ("genia/train_partial.jsonlines", "aa a0 0a 00"),
        ("weibo/weiboNER_2nd_conll.train", None),
        ("cluener/train.json", None),
    ],
)
def test_real_data(data_folder, path, rule):
    sentences = list(formats.read(data_folder / "ner" / path))
    assert learn_word_rule(sentences).value == rule
    # Without its words, a file says the same of letters and digits.
    known = None if rule is None else "aa a0 0a 00"
    assert learn_word_rule(plain(sentences)).value == known
    assert not any(cut_spans(one, WordRule("")) for one in sentences)
