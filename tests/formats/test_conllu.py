"""CoNLL-U and CoNLL-U Plus: white space, ids, and where the tags are."""

from __future__ import annotations

import random

import pytest

from biaffine_tf.formats import (
    Problems,
    ReadOptions,
    detect_format,
    read,
    write,
)
from biaffine_tf.formats.misc_spaces import divide_by_misc, join_by_misc
from biaffine_tf.formats.words import words_of
from biaffine_tf.spans import Sentence, Span

ROWS = """\
# newdoc id = d1
# sent_id = s1
# text = Ann Lee saw Ely.
1\tAnn\t_\tPROPN\tNNP\tNumber=Sing\t3\tnsubj\t_\t{0}
2\tLee\t_\tPROPN\tNNP\tNumber=Sing\t1\tflat\t_\t{1}
3\tsaw\t_\tVERB\tVBD\t_\t0\troot\t_\t_
4-5\tEly.\t_\t_\t_\t_\t_\t_\t_\t_
4\tEly\t_\tPROPN\tNNP\tNumber=Sing\t3\tobj\t_\t{2}SpaceAfter=No
5\t.\t_\tPUNCT\t.\t_\t3\tpunct\t_\t_

# newdoc
# text = No.
1\tNo\t_\tINTJ\tUH\t_\t0\troot\t_\tSpaceAfter=No
2\t.\t_\tPUNCT\t.\t_\t1\tpunct\t_\tSpacesAfter=\\n
"""


@pytest.mark.parametrize("key", ["NER", "NE", None])
def test_conllu_is_read_with_or_without_tags(tmp_path, key):
    tags = [f"{key}=B-PER", f"{key}=I-PER", f"Gloss=E|{key}=B-LOC|"]
    path = tmp_path / "f"
    path.write_text(ROWS.format(*(tags if key else ["_", "_", ""])))
    problems = Problems()
    first, second = read(path, problems=problems)
    assert detect_format(path) == "conllu"
    assert (first.text, second.text) == ("Ann Lee saw Ely.", "No.")
    assert (first.id, first.document) == ("s1", "d1")
    assert (second.id, second.document) == (None, None)
    spans = (Span(0, 7, "PER"), Span(12, 15, "LOC"))
    assert first.spans == (spans if key else None)
    assert second.spans == (() if key else None)
    counted = problems.counts
    assert counted["comment line passed over"] == 2  # the texts
    assert counted["range or empty node of CoNLL-U passed over"] == 1


def test_comments_that_look_like_rows_are_comments(tmp_path):
    """As many fields as columns, the last one a tag."""
    text, spans = "x B-PER", (Span(0, 1, "A"),)
    sentences = [Sentence(text, spans, "B-PER")] * 2
    write(tmp_path / "f", sentences, "conllu")
    found = list(read(tmp_path / "f"))
    assert [(one.text, one.spans, one.id) for one in found] == [
        (text, spans, "B-PER")
    ] * 2


def test_ids_and_documents_survive_or_are_counted(tmp_path):
    given = [("1", "a"), ("2", "a"), (None, None), ("4", "b"), (" 5", "c\n")]
    sentences = [Sentence("x", (), id=i, document=d) for i, d in given]
    problems = Problems()
    write(tmp_path / "f", sentences, "conllu", problems=problems)
    found = [(one.id, one.document) for one in read(tmp_path / "f")]
    assert found[:4] == given[:4]
    counted = [kind.split(" not ")[0] for kind in problems.counts]
    assert counted == ["newdoc id", "sent_id"]


def test_white_space_survives_misc():
    rng = random.Random(2)
    for _ in range(300):
        text = "".join(
            rng.choices(" \t\n\r|\\_=ab\u3000北", k=rng.randrange(1, 9))
        )
        start = rng.randrange(len(text))
        end = rng.randrange(start + 1, len(text) + 1)
        sentence = Sentence(text, (Span(start, end, "X"),))
        words = words_of(sentence)
        pairs = list(divide_by_misc(text, words))
        assert not any(
            mark in "".join(pair) for pair in pairs for mark in "\t\r\n"
        )
        assert join_by_misc(*zip(*pairs, strict=True)) == (text, tuple(words))


def test_layers_are_named_and_read_without_a_flag(tmp_path):
    spans = (Span(0, 7, "A"), Span(0, 3, "B"), Span(4, 7, "C"))
    problems = Problems()
    write(tmp_path / "f", [Sentence("abc def", spans)], "conllu", layers=2)
    (found,) = read(tmp_path / "f", problems=problems)
    assert sorted(found.spans) == sorted(spans)
    assert not [one for one in problems.counts if "tag_columns" in one]
    (found,) = read(tmp_path / "f", ReadOptions(tag_columns=(3,)))
    assert found.spans == spans[:1]
