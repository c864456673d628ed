"""Models that an earlier version trained and exported answer the same.

tests/fixtures/models_0.1.0_67a5bf0.tar.xz was made by commit 67a5bf0 from the
corpus of `tiny_runs`: a model directory with thresholds, its exports, dev.jsonl
and what that version predicted (run_predict.py --output_score).
"""

import pathlib
import tarfile

import pytest

import biaffine_tf
from biaffine_tf import formats

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
TOLERANCE = 1e-6


@pytest.fixture(scope="module", params=sorted(FIXTURES.glob("*.tar.xz")))
def earlier(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(request.param) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["model", "saved_model", "onnx"])
def test_entities_and_scores_are_the_same(earlier, kind):
    texts = [one.text for one in formats.read(earlier / "dev.jsonl")]
    wanted = [
        one.spans for one in formats.read(earlier / "predicted_model.jsonl")
    ]
    assert sum(map(len, wanted)) == 137
    with biaffine_tf.load(str(earlier / kind)) as ner:
        found = ner(texts)
    for entities, spans in zip(found, wanted, strict=True):
        assert [(e.start, e.end, e.label) for e in entities] == [
            (s.start, s.end, s.label) for s in spans
        ]
        assert [e.score for e in entities] == pytest.approx(
            [s.score for s in spans], abs=TOLERANCE
        )
