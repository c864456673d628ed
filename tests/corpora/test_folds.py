"""Folds of a corpus: disjoint, complete, alike."""

import collections
import dataclasses

import pytest
import tiny

from biaffine_tf import formats
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import split_fold
from biaffine_tf.errors import ConfigError, DataError

FOLDS = 4


def _corpus(folder, sentences):
    path = str(folder / "train.jsonl")
    formats.write(path, sentences, "span_jsonl")
    return Corpus((path,))


def _folds(corpus, seed=1, folds=FOLDS):
    return [
        split_fold(corpus, number=number, folds=folds, seed=seed)
        for number in range(1, folds + 1)
    ]


def _labels(sentences):
    return collections.Counter(
        span.label for one in sentences for span in one.spans
    )


@pytest.mark.slow
@pytest.mark.parametrize("documents", [False, True])
def test_folds_are_disjoint_complete_and_stratified(tmp_path, documents):
    made = tiny.sentences(120, seed=5)
    made[7] = dataclasses.replace(made[7], text=f" {made[90].text}", spans=())
    if documents:
        made = [
            dataclasses.replace(one, document=str(number // 3))
            for number, one in enumerate(made)
        ]
    corpus = _corpus(tmp_path, made)
    folds = _folds(corpus)
    parts = [fold.dev.part.chosen for fold in folds]
    assert [sum(own) for own in zip(*parts, strict=True)] == [1] * 120
    whole = _labels(made)
    fold_of = {}
    for number, fold in enumerate(folds):
        dev, train = list(fold.dev.read()), list(fold.train.read())
        assert len(dev) + len(train) == 120
        assert not {one.id for one in dev} & {one.id for one in train}
        assert abs(len(dev) - 30) <= 4
        for label, count in _labels(dev).items():
            assert count == pytest.approx(whole[label] / FOLDS, rel=0.25)
        for one in dev:
            for key in ("".join(one.text.split()), one.document):
                assert fold_of.setdefault(key, number) == number or key is None
                if key is None:
                    fold_of.pop(key)
        name = f"--fold={number + 1}/{FOLDS} --seed=1"
        assert fold.lines[0].startswith(name)
        assert name in fold.dev.part.name
    again = [fold.dev.part.chosen for fold in _folds(corpus)]
    assert again == parts
    assert [fold.dev.part.chosen for fold in _folds(corpus, seed=2)] != parts


def test_folds_that_cannot_be_are_refused(tmp_path):
    corpus = _corpus(tmp_path, tiny.sentences(3))
    for number, folds in ((0, 3), (4, 3), (1, 1)):
        with pytest.raises(ConfigError, match="is no fold"):
            split_fold(corpus, number=number, folds=folds, seed=0)
    with pytest.raises(DataError, match="leaves no sentence"):
        split_fold(corpus, number=1, folds=5, seed=0)
