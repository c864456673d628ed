"""Word vectors against slow truth, and the encoders that they are put into."""

import dataclasses
import itertools
import json

import forked
import numpy as np
import pretraining_texts
import pytest
import scipy.sparse
import tiny

from biaffine_tf.encoders import checkpoints, word_vectors
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.embedding_transfer import transfer_embeddings
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.text_records import Split
from biaffine_tf.records.text_token_ids import (
    log_frequencies,
    num_parts,
    token_counts,
    token_ids,
)
from biaffine_tf.tokenization import Vocabulary

CLS, SEP = 2, 3


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return pretraining_texts.make(
        tmp_path_factory.mktemp("text"), pretraining_texts.documents(80)
    )


def made_of(records, config, **changes):
    settings = {"source": None, "min_count": 1, "window": 3, "seed": 0}
    return transfer_embeddings(
        config, records, progress=False, **settings | changes
    )


def random_counts(size: int, *, seed: int = 0) -> scipy.sparse.csr_matrix:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, (size, size)) * rng.random((size, size))
    counts[:, 0] += 1  # so that no row is empty
    counts[0] += 1
    return scipy.sparse.csr_matrix(counts)


def test_ids_are_those_of_the_records_to_train_on(records):
    read = pretraining_texts.read(records, Split.TRAIN)
    sequences = sorted(record["input_ids"] for record in read)
    parts = list(token_ids(records))
    assert len(parts) == num_parts(records)
    flat = np.concatenate(parts)
    starts = np.flatnonzero(flat == records.tokenizer.cls_id)
    parts = np.split(flat, starts[1:])
    assert sorted(part.tolist() for part in parts) == sequences
    few = np.concatenate(list(token_ids(records, max_records=7)))
    assert (few == records.tokenizer.cls_id).sum() == 7


def test_frequencies(records):
    counts = np.zeros(len(records.tokenizer.vocabulary), int)
    for record in pretraining_texts.read(records, Split.TRAIN):
        for token in record["input_ids"]:
            counts[token] += token not in records.special_ids
    found = token_counts(records)
    np.testing.assert_array_equal(found, counts)
    logits = log_frequencies(found)
    assert np.exp(logits).sum() == pytest.approx(1, rel=1e-5)
    a, b = np.argsort(counts)[[-1, 0]]
    assert np.exp(logits[a] - logits[b]) == pytest.approx(
        (counts[a] + 1) / (counts[b] + 1), rel=1e-4
    )


def test_neighbours_by_a_loop():
    rng = np.random.default_rng(0)
    row_of = np.full(30, -1)
    counted = rng.permutation(np.arange(4, 30))[:20]
    row_of[counted] = np.arange(20)
    texts = [
        [[CLS, *rng.integers(4, 30, rng.integers(0, 9)), SEP] for _ in range(9)]
        for _ in range(3)
    ]
    window = 3
    expected = np.zeros((20, 20))
    for sequence in itertools.chain(*texts):
        for (i, a), (j, b) in itertools.combinations(enumerate(sequence), 2):
            if j - i <= window and row_of[a] >= 0 and row_of[b] >= 0:
                expected[row_of[a], row_of[b]] += (window + 1 - j + i) / window
    found = word_vectors.count_neighbours(
        [np.concatenate(text) for text in texts],
        row_of,
        cls_id=CLS,
        window=window,
    )
    assert expected.sum() > 50
    np.testing.assert_allclose(found.toarray(), expected)


def test_information_by_a_loop():
    counts = random_counts(12)
    dense = counts.toarray()
    columns = dense.sum(axis=0) ** 0.75
    expected = np.zeros_like(dense)
    for i, j in zip(*np.nonzero(dense), strict=True):
        joint = dense[i, j] / dense.sum()
        apart = dense[i].sum() / dense.sum() * columns[j] / columns.sum()
        expected[i, j] = max(0.0, np.log(joint / apart))
    assert 0 < (expected > 0).mean() < 0.9
    found = word_vectors.positive_information(counts).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_vectors_against_a_whole_decomposition():
    counts = random_counts(40)
    both = np.hstack(
        [
            word_vectors.positive_information(c.tocsr()).toarray()
            for c in (counts, counts.T)
        ]
    )
    u, s, _ = np.linalg.svd(both)
    expected = u[:, :5] * np.sqrt(s[:5])
    found = word_vectors.vectors(counts, size=5, seed=0)
    # Components may differ in sign, and so not in their products.
    np.testing.assert_allclose(
        found @ found.T, expected @ expected.T, atol=0.05 * s[0]
    )
    np.testing.assert_allclose(
        np.linalg.norm(found, axis=0), np.sqrt(s[:5]), rtol=0.03
    )
    again = word_vectors.vectors(counts, size=5, seed=0)
    np.testing.assert_array_equal(found, again)


def test_vectors_are_distributed_like_the_others():
    rng = np.random.default_rng(0)
    own = rng.normal(size=(60, 6)) @ rng.normal(size=(6, 6)) + 3
    other = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6)) - 1
    found = word_vectors.match_covariance(own, other)
    np.testing.assert_allclose(found.mean(axis=0), other.mean(axis=0))
    np.testing.assert_allclose(
        np.cov(found.T, bias=True), np.cov(other.T, bias=True)
    )
    # Linear: what lay on a line still does.
    middle = word_vectors.match_covariance(
        np.vstack([own, own.mean(axis=0)]), other
    )[-1]
    np.testing.assert_allclose(middle, other.mean(axis=0))


def foreign_encoder(folder, *, head: bool):
    """An encoder whose vocabulary shares but a few tokens with the text's."""
    tokens = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "a", "zz", "天"]
    tokens += [f"p{i}" for i in range(40)]
    config = tiny.encoder_config(vocab_size=len(tokens))
    shapes = names.encoder_shapes(config)
    if head:
        shapes |= names.mlm_shapes(config)
    rng = np.random.default_rng(1)
    tensors = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    checkpoints.write_huggingface(
        str(folder),
        config,
        tensors,
        Vocabulary(tokens),
        tokenizer=checkpoints.TokenizerSettings(do_lower_case=True),
    )
    return checkpoints.open_source(str(folder)), tensors


@pytest.mark.parametrize("head", [False, True])
def test_layers_stay_and_embeddings_are_new(records, tmp_path, head):
    source, tensors = foreign_encoder(tmp_path / "e", head=head)
    counts = token_counts(records)
    min_count = int(np.sort(counts)[-19])  # all but a few of those that occur
    made = made_of(
        records, source.require_config(), source=source, min_count=min_count
    )
    vocabulary = records.tokenizer.vocabulary
    assert made.config == dataclasses.replace(
        source.require_config(), vocab_size=len(vocabulary)
    )
    assert made.tensors.keys() == tensors.keys()
    for name, value in made.tensors.items():
        if name == names.WORD_EMBEDDINGS:
            continue
        if name == names.MLM_BIAS:
            np.testing.assert_array_equal(value, log_frequencies(counts))
            continue
        np.testing.assert_array_equal(value, tensors[name], err_msg=name)
    old = tensors[names.WORD_EMBEDDINGS]
    new = made.tensors[names.WORD_EMBEDDINGS]
    assert new.shape == (len(vocabulary), old.shape[1])
    assert new.dtype == np.float32
    counted = new[counts >= min_count]
    np.testing.assert_allclose(
        counted.mean(axis=0), old.mean(axis=0), atol=1e-4
    )
    theirs = source.require_vocabulary()
    shared = [
        token
        for i, token in enumerate(vocabulary.tokens)
        if token in theirs and counts[i] < min_count
    ]
    assert {"[CLS]", "[MASK]"} <= set(shared)
    for token in shared:
        np.testing.assert_array_equal(
            new[vocabulary.id(token)], old[theirs.id(token)], err_msg=token
        )
    assert made.counted == (counts >= min_count).sum()
    assert made.copied == len(shared)
    assert made.counted + made.copied + made.drawn == len(vocabulary)


def test_random_layers(records):
    config = tiny.encoder_config(num_hidden_layers=1)
    made = made_of(records, config)
    shapes = {name: value.shape for name, value in made.tensors.items()}
    assert shapes == names.encoder_shapes(made.config)
    kernel = made.tensors["transformer/layer_0/intermediate/kernel"]
    assert kernel.std() == pytest.approx(config.initializer_range, rel=0.1)
    assert (made.tensors["transformer/layer_0/output/bias"] == 0).all()
    assert (made.tensors["embeddings/layer_norm/gamma"] == 1).all()
    counted = made.tensors[names.WORD_EMBEDDINGS][token_counts(records) >= 1]
    assert counted.std() == pytest.approx(config.initializer_range, rel=1e-3)


def test_too_little_text(records):
    with pytest.raises(ConfigError, match=r"tokens occur .*--min_count"):
        made_of(records, tiny.encoder_config(), min_count=10**6)


def test_tokens_that_stand_together_become_alike(tmp_path):
    """Two letters in the same places are neighbours among the vectors."""
    texts = [[f"天{x}地。"] for x in "ab" * 40]
    texts += [[f"山{x}水，"] for x in "cd" * 40]
    records = pretraining_texts.make(tmp_path, texts, held_out=0.0)
    made = made_of(records, tiny.encoder_config(hidden_size=4))
    vocabulary = records.tokenizer.vocabulary
    a, b, c = (
        made.tensors[names.WORD_EMBEDDINGS][vocabulary.id(x)] for x in "abc"
    )
    assert np.linalg.norm(a - b) < 0.2 * np.linalg.norm(a - c)


@pytest.mark.slow
def test_the_command_writes_an_encoder(records, tmp_path):
    output = tmp_path / "start"
    shape = tmp_path / "bert_config.json"
    shape.write_text(json.dumps(tiny.encoder_config().to_dict()))
    arguments = [
        f"--records_dir={records.directory}",
        f"--bert_config_file={shape}",
        f"--output_dir={output}",
        "--min_count=1",
    ]
    done = forked.check("pretrain/create_embeddings.py", *arguments)
    counts = token_counts(records)
    assert f"{(counts > 0).sum()} from {counts.sum():,} in the text" in (
        done.stdout
    )
    source = checkpoints.open_source(str(output))
    assert source.require_vocabulary() == records.tokenizer.vocabulary
    assert source.tokenizer.kind == records.tokenizer.kind
    assert source.tokenizer.do_lower_case == records.tokenizer.do_lower_case
    made = made_of(records, source.require_config(), window=5, seed=42)
    for name, value in source.read().items():
        np.testing.assert_array_equal(value, made.tensors[name], err_msg=name)
    again = forked.check("pretrain/create_embeddings.py", *arguments, code=2)
    assert "not an empty folder" in again.stderr
