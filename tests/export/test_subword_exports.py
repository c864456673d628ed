"""Exports of a model that reads SentencePiece or byte-level BPE."""

import hostile
import pytest
import subword_samples
import tensorflow as tf

import biaffine_tf
from biaffine_tf.config import DecodingConfig, ExportFormat, TokenizerKind
from biaffine_tf.export import export

pytestmark = [
    pytest.mark.slow,  # saves models
    pytest.mark.usefixtures("answered_in_copies"),
]

TEXTS = [*hostile.HOSTILE, "中文 ab the <s>！" * 6, "", " a b "]


@pytest.fixture(scope="module")
def model_dir(request, tmp_path_factory):
    vocabulary = subword_samples.vocabulary(request.param)
    made = hostile.model(TokenizerKind.SUBWORD, vocabulary=vocabulary, seed=5)
    return hostile.write_model(
        tmp_path_factory.mktemp("model"),
        made,
        decoding=DecodingConfig(nested=True),
        vocabulary=vocabulary,
    )


# The tokens come with the texts: one graph serves both kinds.
@pytest.mark.parametrize(
    ("model_dir", "format"),
    [
        ("unigram", ExportFormat.SAVED_MODEL),
        ("unigram", ExportFormat.ONNX),
        ("bpe", ExportFormat.ONNX),
    ],
    indirect=["model_dir"],
)
def test_exports_answer_as_the_model(model_dir, tmp_path, format):
    folder = str(tmp_path / "exported")
    manifest = export.export(model_dir, folder, format=format)
    assert manifest.parity["differing"] == 0
    want = biaffine_tf.load(model_dir)(TEXTS)
    with biaffine_tf.load(folder, batch_size=3) as ner:
        found = ner(TEXTS)
    assert sum(map(len, want)) > 30
    for ours, theirs in zip(want, found, strict=True):
        assert [one[:4] for one in ours] == [one[:4] for one in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-5)
    for entities, text in zip(want, TEXTS, strict=True):
        for one in entities:
            assert one.text == text[one.start : one.end]
    if format is ExportFormat.SAVED_MODEL:
        served = tf.saved_model.load(folder).signatures["serving_default"]
        assert {"texts", "ids", "starts", "ends"} == set(
            served.structured_input_signature[1]
        )
        guide = (tmp_path / "exported" / "SERVING.md").read_text()
        assert "`ids`" in guide and "subwords.json" in guide
