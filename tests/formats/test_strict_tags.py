"""Strict tags against seqeval's strict mode, well-formed and malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval import scheme as seqeval

from biaffine_tf.formats import ReadOptions, read
from biaffine_tf.formats.options import TagScheme
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.strict_tags import decode_strict
from biaffine_tf.formats.tags import TagError, decode

SCHEMES = [
    (TagScheme.IOB1, "BI", seqeval.IOB1),
    (TagScheme.BIO, "BI", seqeval.IOB2),
    (TagScheme.IOE1, "IE", seqeval.IOE1),
    (TagScheme.IOE2, "IE", seqeval.IOE2),
    (TagScheme.BIOES, "BIES", seqeval.IOBES),
    (TagScheme.BILOU, "BILU", seqeval.BILOU),
]


def sequences(letters):
    tags = st.builds("{}-{}".format, st.sampled_from(letters), labels())
    return st.lists(st.just("O") | tags, max_size=14)


def labels():
    return st.sampled_from(["x", "y"])


def spans_of(entities):
    return [(one.start, one.end, one.tag) for one in entities]


@pytest.mark.parametrize(("scheme", "letters", "reference"), SCHEMES)
@given(data=st.data())
def test_any_sequence_is_read_as_seqeval_reads_it(
    scheme, letters, reference, data
):
    tags = data.draw(sequences(letters))
    expected = seqeval.Tokens(tags, reference).entities
    assert decode_strict(tags, scheme) == spans_of(expected)


@given(sequences("BMES"))
def test_bmes_is_bioes_by_other_letters(tags):
    renamed = [tag.replace("M-", "I-") for tag in tags]
    expected = seqeval.Tokens(renamed, seqeval.IOBES).entities
    assert decode_strict(tags, TagScheme.BMES) == spans_of(expected)


@pytest.mark.parametrize("scheme", [TagScheme.BIO, TagScheme.BIOES])
@given(data=st.data())
def test_well_formed_tags_mark_the_same_in_both_ways(scheme, data):
    letters = {"bio": "BI", "bioes": "BIES"}[scheme]
    tags = data.draw(sequences(letters))
    problems = []
    spans = decode(tags, scheme, lambda *problem: problems.append(problem))
    if not problems:
        assert decode_strict(tags, scheme) == spans
    else:
        assert decode_strict(tags, scheme) != spans


def test_a_tag_of_another_scheme_is_an_error():
    with pytest.raises(TagError, match="none of O, B-label, I-label"):
        decode_strict(["B-x", "E-x"], TagScheme.BIO)


def write(path, *sentences):
    path.write_text(
        "".join(
            "".join(f"w{i}\t{tag}\n" for i, tag in enumerate(tags.split()))
            + "\n"
            for tags in sentences
        )
    )
    return path


def test_spans_of_malformed_tags_are_left_out_and_counted(tmp_path):
    file = write(tmp_path / "a.conll", "B-x I-x O I-y", "B-y I-x O")
    problems = Problems()
    found = list(read(file, ReadOptions(strict_tags=True), problems))
    assert [[span.label for span in one.spans] for one in found] == [
        ["x"],
        ["y"],
    ]
    assert problems.counts["span of malformed bio tags left out"] == 2
    assert problems.examples["span of malformed bio tags left out"] == [
        f"{file}:4: I-y",
        f"{file}:7: I-x",
    ]
    repaired = list(read(file, ReadOptions()))
    assert sum(len(one.spans) for one in repaired) == 4


def test_malformed_bio_does_not_pass_for_iob1(tmp_path):
    """Half of these spans begin with I-, which auto takes for IOB1."""
    file = write(tmp_path / "a.conll", "I-x O I-x O I-x O B-x")
    (sentence,) = read(file, ReadOptions(strict_tags=True))
    assert len(sentence.spans) == 1
    named = ReadOptions(strict_tags=True, tag_scheme="iob1")
    (sentence,) = read(file, named)
    assert len(sentence.spans) == 3
