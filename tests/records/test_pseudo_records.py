"""Records of sentences with gold and with pseudo labels."""

import numpy as np
import pytest
import tiny

from biaffine_tf import formats
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.pseudo_labels import with_weight
from biaffine_tf.records.augmentation import Augmentation
from biaffine_tf.records.span_batches import make_buckets, training_batches
from biaffine_tf.records.span_records import prepare_records
from biaffine_tf.records.span_shards import RecordOptions


@pytest.mark.slow
def test_weights_reach_the_batches_and_counts_stay_apart(tmp_path):
    gold = tiny.sentences(20, seed=1)
    pseudo = [
        with_weight(one, 0.5 + number / 20)
        for number, one in enumerate(tiny.sentences(8, seed=2))
    ]
    paths = [str(tmp_path / name) for name in ("gold.jsonl", "pseudo.jsonl")]
    formats.write(paths[0], gold, "span_jsonl")
    formats.write(paths[1], pseudo, "span_jsonl")
    made = [
        prepare_records(
            Corpus((paths[0],)),
            str(tmp_path),
            tiny.tokenizer(tmp_path),
            RecordOptions(max_tokens=40),
            pseudo=more,
            progress=False,
        )
        for more in (None, Corpus((paths[1],)))
    ]
    plain, both = made
    assert plain.fingerprint != both.fingerprint and plain.pseudo is None
    assert both.counts == plain.counts and both.widths == plain.widths
    assert both.pseudo.sentences == 8
    assert both.pseudo.spans == sum(len(one.spans) for one in pseudo)
    assert sum(both.lengths.values()) == 28
    cells = sum(both.cells.values()) - sum(plain.cells.values())
    assert cells == both.pseudo.cells
    buckets = make_buckets(both.lengths, num_buckets=2, batch_size=4)
    batches = training_batches(both, buckets, seed=0, epochs=range(1))
    found = np.concatenate([batch["pseudo"] for batch in batches])
    want = [0.0] * 20 + [0.5 + number / 20 for number in range(8)]
    np.testing.assert_allclose(sorted(found), want)
    _check_nothing_is_glued_to_other_weights(both, buckets, pseudo)
    batches = training_batches(
        plain,
        make_buckets(plain.lengths, num_buckets=2, batch_size=4),
        seed=0,
        epochs=range(1),
    )
    assert all("pseudo" not in batch for batch in batches)


def _check_nothing_is_glued_to_other_weights(records, buckets, pseudo):
    batches = training_batches(
        records,
        buckets,
        seed=0,
        epochs=range(1),
        augmentation=Augmentation(gluing=1.0, max_tokens=40),
    )
    lengths, glued = [], 0
    for batch in batches:
        own = (batch["input_ids"].numpy() > 0).sum(axis=1) - 2
        lengths += own[batch["pseudo"] > 0].tolist()
        glued += sum(own[batch["pseudo"] == 0])
    # All weights differ, so these sentences stay alone.
    assert sorted(lengths) == sorted(len(one.text) for one in pseudo)
    total = sum(length * n for length, n in records.lengths.items())
    assert glued > total - sum(lengths)  # the others do not
