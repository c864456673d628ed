"""Scores of teachers against a plain reading of all their logits."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf import formats, model_directory
from biaffine_tf.config import ExperimentConfig, LongText, TokenizerConfig
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.decoding.candidates import to_probability
from biaffine_tf.errors import ConfigError
from biaffine_tf.formats import ReadOptions
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference import teachers
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.records import teacher_scores
from biaffine_tf.records.features import Counts, SoftCounts, featurize
from biaffine_tf.records.teacher_scores import TeacherScores
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import Vocabulary, Windowing, make_tokenizer

LABELS = tiny.LABELS
OTHER_LABELS = LabelMap(["both", "letter"])
PIECES = Vocabulary(
    [
        *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        *("a", "b", "ab", "c", "d", "efg", "##c", "##d", "##ab", "##efg"),
        *("天", "地", ",", "。"),
    ]
)


def _write(
    folder, *, labels=LABELS, vocabulary=tiny.VOCABULARY, seed, **changes
):
    """Writes a teacher whose probabilities are neither 0 nor 1."""
    config = tiny.model_config(
        encoder={"vocab_size": len(vocabulary)}, dropout=0.0, **changes
    )
    if vocabulary is PIECES:
        config = dataclasses.replace(
            config, tokenizer=TokenizerConfig(kind="wordpiece")
        )
    model = SpanModel(config, num_classes=labels.num_classes)
    model.build_weights()
    rng = np.random.default_rng(seed)
    for weight in model.saved_weights().values():
        weight.assign(rng.normal(size=weight.shape) * 0.3)
    model.head.bilinear.assign(model.head.bilinear * 0.4)
    model_directory.write_description(
        str(folder), ExperimentConfig(model=config), labels, vocabulary
    )
    model_directory.save_weights(str(folder), model)
    return str(folder)


def _corpus(folder, name, count, seed=0):
    path = str(folder / f"{name}.jsonl")
    formats.write(path, tiny.sentences(count, seed=seed), "span_jsonl")
    return Corpus((path,))


def _scores(folder, unlabelled=None, name="scores"):
    return TeacherScores(
        path=str(folder / name), fingerprint="f" * 64, unlabelled=unlabelled
    )


def _brute_force(predictor, text):
    """Probabilities of at least 0.01 by characters, one pair at a time."""
    tokens = predictor.tokenizer.encode(text)
    ids = [predictor.tokenizer.cls_id, *tokens.ids, predictor.tokenizer.sep_id]
    logits = predictor.model(tf.constant([ids])).numpy()[0].astype(float)
    found = {}
    for first, last in np.ndindex(len(tokens), len(tokens)):
        odds = np.exp(logits[first, last])
        odds /= odds.sum()
        for label, name in enumerate(predictor.labels, 1):
            if first <= last and odds[label] >= 0.01:
                start, end = tokens.offsets[first][0], tokens.offsets[last][1]
                key = start, end, name
                found[key] = max(found.get(key, 0), odds[label])
    return found


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two teachers, with other labels, tokenizers and windows."""
    folder = tmp_path_factory.mktemp("teachers")
    return [
        _write(folder / "characters", seed=1),
        _write(
            folder / "pieces",
            labels=OTHER_LABELS,
            vocabulary=PIECES,
            seed=2,
            max_seq_length=30,
        ),
    ]


@pytest.mark.slow
def test_it_is_the_average_of_all_labels_of_all_teachers(pair, tmp_path):
    train = _corpus(tmp_path, "train", 12)
    more = dataclasses.replace(
        _corpus(tmp_path, "more", 5, seed=7),
        options=ReadOptions(ignore_labels=True),
    )
    scores = _scores(tmp_path, more)
    teachers.score(pair, scores, train, progress=False)
    texts = [one.text for one in scores.sentences(train)]
    found = list(scores.read())
    assert len(found) == len(texts) == 17
    predictors = [*map(Predictor.from_directory, pair)]
    shared = several = 0
    for text, spans in zip(texts, found, strict=True):
        opinions = [_brute_force(one, text) for one in predictors]
        want = {
            key: sum(one.get(key, 0) for one in opinions) / 2
            for key in {**opinions[0], **opinions[1]}
        }
        got = {span.key: span.score for span in spans}
        for key in got.keys() ^ want.keys():  # at the bound
            assert got.get(key, want.get(key)) == pytest.approx(0.005, abs=1e-4)
        for key in got.keys() & want.keys():
            assert got[key] == pytest.approx(want[key], abs=1e-5)
        shared += len(opinions[0].keys() & opinions[1].keys())
        several += len(want) - len({key[:2] for key in want})
    assert shared and several


class _Killed(Exception):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("context_tokens", [0, 6])
def test_a_killed_pass_goes_on_and_ends_in_the_same_bytes(
    tmp_path, monkeypatch, context_tokens
):
    teacher = _write(
        tmp_path / "teacher",
        seed=3,
        context_tokens=context_tokens,
        long_text=LongText.TRUNCATE,
        max_seq_length=20,
    )
    train = _corpus(tmp_path, "train", 23)
    monkeypatch.setattr(teachers, "_PART", 5)
    whole, killed = _scores(tmp_path, name="w"), _scores(tmp_path, name="k")
    teachers.score([teacher], whole, train, progress=False)
    written = 0
    write = teachers.write_scores

    def write_or_die(*arguments):
        nonlocal written
        written += 1
        if written == 3:
            raise _Killed
        write(*arguments)

    monkeypatch.setattr(teachers, "write_scores", write_or_die)
    with pytest.raises(_Killed):
        teachers.score([teacher], killed, train, progress=False)
    assert not killed.is_complete()
    teachers.score([teacher], killed, train, progress=False)
    assert written == 6, "two parts were there"
    with open(whole.path, "rb") as one, open(killed.path, "rb") as two:
        assert one.read() == two.read()
    assert not (tmp_path / "k.parts").exists()
    teachers.score(["absent"], killed, train, progress=False)  # not again
    # Contexts cross the parts, and what training truncated has scores, too.
    with Predictor.from_directory(teacher, long_text=LongText.WINDOW) as plain:
        best = list(plain.candidates(train.read(), min_score=0.02))
    for candidates, spans in zip(best, killed.read(), strict=True):
        odds = {span.key: span.score for span in spans}
        for one in candidates:
            assert odds[one[:3]] == pytest.approx(
                to_probability(one.log_odds), abs=1e-5
            )


def test_damaged_scores_are_refused(tmp_path):
    scores = _scores(tmp_path)
    part = str(tmp_path / "part")
    rows = [[Span(0, 2, "sky", 0.25)], []]
    teacher_scores.write_scores(part, rows)
    teacher_scores.join_scores(scores, [part], sentences=2)
    assert list(scores.read()) == rows
    with open(scores.path, encoding="utf-8") as file:
        lines = file.readlines()
    for damaged in (lines[:2], ["{}\n", *lines[1:]], [*lines[:2], "[[1"]):
        with open(scores.path, "w", encoding="utf-8") as file:
            file.writelines(damaged)
        with pytest.raises(ConfigError, match="not the scores") as error:
            list(scores.read())
        assert "\n" not in str(error.value)


def _soft_spans(text, rng):
    """Spans of all ranges of characters, some of several labels."""
    return [
        Span(start, end, label, float(np.round(rng.uniform(0.01, 0.3), 3)))
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
        for label in LABELS
        if rng.random() < 0.3
    ]


@pytest.mark.parametrize("kind", ["char", "wordpiece"])
@pytest.mark.parametrize("most", [3, 6, 50])
def test_spans_become_cells_by_their_characters(kind, most):
    tokenizer = make_tokenizer(kind, PIECES)
    windowing = Windowing(max_tokens=most, window_overlap=2)
    rng = np.random.default_rng(most)
    lost = 0
    for text in ("abc,天地 efgab", "ab", " ", "efgefgefg,,,天"):
        soft, counts = _soft_spans(text, rng), SoftCounts()
        tokens = tokenizer.encode(text)
        windows = windowing.divide(Sentence(text), tokens)
        featurized, _ = featurize(
            Sentence(text),
            tokenizer,
            LABELS,
            windowing=windowing,
            counts=Counts(),
            soft=soft,
            soft_counts=counts,
        )
        assert len(featurized) == len(windows)
        covered = set()
        for (begin, end), features in zip(windows, featurized, strict=True):
            offsets = tokens.offsets[begin:end]
            want = []
            for first, last in np.ndindex(len(offsets), len(offsets)):
                if first > last:
                    continue
                key = offsets[first][0], offsets[last][1]
                own = [span for span in soft if span[:2] == key]
                covered |= {span.key for span in own}
                want += [
                    (first, last, LABELS.id(span.label), span.score)
                    for span in own
                ]
            assert features.soft == sorted(want)
            assert not features.is_labelled
            assert not features.cells
        assert counts.spans == len(soft)
        assert counts.unaligned + counts.split == len(soft) - len(covered)
        lost += counts.unaligned
        sizes = [len(one.soft) for one in featurized]
        assert counts.max_cells == max(sizes, default=0)
        assert counts.widths.total() == sum(sizes)
    assert (lost > 0) == (kind == "wordpiece")
