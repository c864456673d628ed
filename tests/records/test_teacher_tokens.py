"""Tokens of a teacher: all of them, and aligned as a loop aligns them."""

import dataclasses
import itertools
import json
import pathlib
import random

import pretraining_texts
import pytest
import subword_samples
import tensorflow as tf
import tiny
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.config import DataConfig, Masking
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.packing import pack, split_line
from biaffine_tf.records.teacher_tokens import TeacherTokenizer, count_targets
from biaffine_tf.records.text_building import check_targets, create_records
from biaffine_tf.records.text_records import Counts, Records, Split
from biaffine_tf.records.text_schema import parse
from biaffine_tf.tokenization import Tokens, Vocabulary, make_tokenizer

SUBWORD = make_tokenizer("subword", subword_samples.vocabulary("unigram"))
RNG = random.Random(0)
DOCUMENTS = [["".join(RNG.choices("ab中 ", k=20))] for _ in range(40)]


@st.composite
def tokens(draw, length):
    """Tokens of any text of a length: gaps, and shared characters."""
    cuts = st.integers(0, length - 1)
    starts = sorted(draw(st.lists(cuts, max_size=length)))
    ends, last = [], 0
    for start in starts:
        last = draw(st.integers(max(start + 1, last), length))
        ends.append(last)
    offsets = tuple(zip(starts, ends, strict=True))
    return Tokens(ids=tuple(range(100, 100 + len(offsets))), offsets=offsets)


@st.composite
def lines(draw):
    text = draw(st.text("ab天。 ", min_size=1, max_size=20))
    return text, draw(tokens(len(text))), draw(tokens(len(text)))


def overlapping(offset, others: Tokens) -> set[int]:
    """Ids of the tokens that hold one of the characters."""
    return {
        other
        for other, (start, end) in zip(others.ids, others.offsets, strict=True)
        for character in range(*offset)
        if start <= character < end
    }


@given(st.lists(lines(), min_size=1, max_size=5), st.integers(1, 9))
def test_as_a_loop_over_characters(made, most):
    runs, want, texts = [], [], []
    for text, own, teacher in made:
        starts = b"\1" * len(own)
        runs += split_line(text, own, starts, most, teacher)
        want += [overlapping(offset, teacher) for offset in own.offsets]
        texts += own.ids
    sequences = list(pack(runs, most, 1000))
    assert [i for s in sequences for i in s.ids] == texts
    found = []
    for sequence in sequences:
        ids, begins, ends = sequence.teacher
        assert len(begins) == len(ends) == len(sequence.ids) <= most
        found += [set(ids[b:e]) for b, e in zip(begins, ends, strict=True)]
        targets, repeated = count_targets(sequence.teacher)
        pairs = list(zip(begins, ends, strict=True))
        assert targets == sum(b < e for b, e in pairs)
        again = itertools.pairwise(pairs)
        assert repeated == sum(p == q and p[0] < p[1] for p, q in again)
    assert found == want


@given(lines())
def test_the_teacher_reads_all_of_a_line(line):
    text, own, teacher = line
    for run in split_line(text, own, b"\1" * len(own), 99, teacher):
        assert run.teacher.ids == list(teacher.ids)


@given(st.lists(lines(), max_size=5), st.integers(1, 9), st.integers(1, 9))
def test_no_sequence_is_too_long_for_the_teacher(made, most, most_of_teacher):
    runs = [
        run
        for text, own, teacher in made
        for run in split_line(text, own, b"\1" * len(own), most, teacher)
    ]
    sequences = list(pack(runs, most, most_of_teacher))
    assert sum(len(s.ids) for s in sequences) == sum(len(r.ids) for r in runs)
    for sequence in sequences:
        ids, begins, ends = sequence.teacher
        assert len(ids) <= most_of_teacher
        assert all(
            0 <= b <= e <= len(ids) for b, e in zip(begins, ends, strict=True)
        )


def make(folder, teacher=None, *, texts=DOCUMENTS, **changes):
    config = DataConfig(**pretraining_texts.CONFIG.to_dict() | changes)
    return create_records(
        [pretraining_texts.write(folder / "texts.txt", texts)],
        str(folder / "records"),
        tiny.tokenizer(folder),
        config,
        teacher=teacher,
        progress=False,
    )


@pytest.mark.parametrize(
    "changes", [{}, {"dupe_factor": 2, "masking": Masking()}]
)
def test_records_hold_them(tmp_path, changes):
    made = make(tmp_path, TeacherTokenizer(SUBWORD, 30), **changes)
    stored = made.teacher
    assert stored == Records.open(made.directory).teacher
    assert stored.fingerprint == SUBWORD.fingerprint
    assert (stored.pad_id, stored.max_seq_length) == (SUBWORD.pad_id, 32)
    again = make_tokenizer(vocabulary=SUBWORD.vocabulary, **stored.tokenizer)
    assert again.fingerprint == SUBWORD.fingerprint
    has_masks = made.config.masking is not None
    targets = 0
    paths = tf.data.TFRecordDataset(made.paths(Split.TRAIN))
    for record in paths.take(20):
        values = {
            name: value.numpy().tolist()
            for name, value in parse(
                record, has_masks=has_masks, with_teacher=True
            ).items()
        }
        ids = values["teacher_ids"]
        assert (ids[0], ids[-1]) == (SUBWORD.cls_id, SUBWORD.sep_id)
        pairs = [
            *zip(values["target_begins"], values["target_ends"], strict=True)
        ]
        assert len(pairs) == len(values["input_ids"])
        assert (pairs[0], pairs[-1]) == ((0, 1), (len(ids) - 1, len(ids)))
        targets += sum(b < e for b, e in pairs[1:-1])
        # Records are read without them, too.
        assert "teacher_ids" not in parse(record, has_masks=has_masks)
    assert targets > 0


def test_they_belong_to_the_records(tmp_path):
    without = make(tmp_path)
    assert without.teacher is None
    text = pathlib.Path(without.directory, "info.json").read_text("utf-8")
    assert "teacher" not in json.loads(text)["made_from"]
    with pytest.raises(ConfigError, match=r"differs in .*teacher\.fingerprint"):
        make(tmp_path, TeacherTokenizer(SUBWORD, 30))


def words(tokens):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return make_tokenizer("wordpiece", Vocabulary([*special, *tokens]))


def test_too_little_to_learn_is_refused(tmp_path):
    texts = [["abc abc"]] * 20
    with pytest.raises(ConfigError, match=r"66\.7% of the tokens lie in "):
        make(tmp_path, TeacherTokenizer(words(["abc"]), 30), texts=texts)
    assert not (tmp_path / "records").exists()
    # One of three characters is the second of its token.
    teacher = words(["ab", "##c"])
    made = make(tmp_path, TeacherTokenizer(teacher, 30), texts=texts)
    assert (made.counts.targets, made.counts.repeated_targets) == (120, 40)


def test_too_few_targets_are_refused():
    counts = Counts(tokens=110, dropped_tokens=10, targets=49)
    with pytest.raises(ConfigError, match=r"only 49.0% of the tokens over"):
        check_targets(counts)
    check_targets(dataclasses.replace(counts, targets=50))
