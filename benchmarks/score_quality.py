"""Whether entities can be trusted: decoders, long texts, scores, thresholds.

python benchmarks/score_quality.py --runs=DIR [--json=FILE]

Takes the models that three recipes make, each a few minutes to half an hour of
training, from DIR: cluener_small (flat), cmeee_small (nested), genia_minilm
(nested, English, from pretrained weights; benchmarks/pretraining.py makes it).
Takes the dev set of each corpus, which the best epoch was chosen on.

- decoders: the same candidates decoded by each; seconds are those of decoding
  alone, medians of five passes.
- long: CLUENER's sentences joined by line ends into documents of 5 000
  characters, read line by line and in windows over all of it, against the
  sentences one by one.
- confidence: expected calibration error before and after, and precision and
  recall with thresholds for a target, all of folds that neither the calibration
  nor the thresholds were fitted to.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import report
from benchmarks.data import DATA, ROOT, require
from biaffine_tf import evaluation, formats
from biaffine_tf.calibration.fitting import fit_confidence
from biaffine_tf.calibration.objectives import (
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.calibration.scaling import Scaling
from biaffine_tf.config import Decoder, LongText
from biaffine_tf.decoding import decode
from biaffine_tf.inference.postprocessing import decoder_of
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import Sentence, Span

CORPORA = {
    "cluener": ("cluener_small", "cluener/dev.json"),
    "cmeee": ("cmeee_small", "cmeee_v2/dev.jsonl"),
    "genia": ("genia_minilm", "genia/dev.jsonlines"),
}
DOCUMENT = 5_000  # characters
MAX_LOST = 0.005  # micro F1, by long documents
PRECISIONS = (0.8, 0.9)
_PASSES = 5

Rows = list[dict[str, Any]]


def main() -> int:
    """Measures all, and says whether the goals are met."""
    parser = report.parser("score_quality", __doc__)
    parser.add_argument("--runs", type=pathlib.Path, default=ROOT / "runs")
    options = parser.parse_args()
    require()
    tables: dict[str, Rows] = {"decoders": [], "long": [], "confidence": []}
    goals: list[report.Goal] = []
    for corpus, (run, file) in CORPORA.items():
        sentences = list(formats.read(str(DATA / "ner" / file)))
        predictor = Predictor.from_directory(
            options.runs / run, calibrated=False
        )
        decoders = measure_decoders(predictor, sentences)
        tables["decoders"] += [{"corpus": corpus, **row} for row in decoders]
        rows = list(measure_confidence(predictor, sentences))
        tables["confidence"] += [{"corpus": corpus, **row} for row in rows]
        goals.append(
            report.Goal.at_most(
                f"{corpus}: calibration error, held out",
                rows[0]["error"],
                rows[0]["calibrated"],
            )
        )
        goals += [
            report.Goal.at_least(
                f"{corpus}: precision for {row['target']}, held out",
                row["target"],
                row["precision"],
            )
            for row in rows
        ]
    run, file = CORPORA["cluener"]
    sentences = list(formats.read(str(DATA / "ner" / file)))
    for long_text in (LongText.WINDOW, LongText.LINE):
        predictor = Predictor.from_directory(
            options.runs / run, long_text=long_text
        )
        row = measure_documents(predictor, sentences)
        tables["long"].append({"long_text": str(long_text), **row})
    goals.append(
        report.Goal.at_most(
            "CLUENER in documents: micro F1 lost",
            MAX_LOST,
            row["sentences"] - row["documents"],
        )
    )
    return report.publish(
        options.json, "score_quality.py --runs=RUNS", goals, tables
    )


def measure_decoders(
    predictor: Predictor, sentences: Sequence[Sentence]
) -> Iterator[dict[str, Any]]:
    """Micro scores and seconds of each decoder on the same candidates."""
    candidates = [
        [one for one in found if one.margin > 0]
        for found in predictor.candidates(sentences)
    ]
    nested = predictor.decoding.nested
    for decoder in (Decoder.GREEDY, Decoder.EXACT):
        seconds = []
        for _ in range(_PASSES):
            begun = time.perf_counter()
            kept = [
                decode(found, decoder=decoder, nested=nested)
                for found in candidates
            ]
            seconds.append(time.perf_counter() - begun)
        predicted = [
            sentence.replace_spans(
                Span(one.start, one.end, one.label) for one in entities
            )
            for sentence, entities in zip(sentences, kept, strict=True)
        ]
        scores = evaluation.score(zip(sentences, predicted, strict=True))
        yield {
            "nested": nested,
            "decoder": str(decoder),
            "precision": round(scores.micro.precision, 4),
            "recall": round(scores.micro.recall, 4),
            "f1": round(scores.micro.f1, 4),
            "seconds": round(statistics.median(seconds), 4),
            "candidates": sum(map(len, candidates)),
            "entities": sum(map(len, kept)),
        }


def measure_documents(
    predictor: Predictor, sentences: Sequence[Sentence]
) -> dict[str, Any]:
    """Micro F1 of sentences one by one, and of documents made of them."""
    documents = list(_join(sentences))
    found = {}
    for name, texts in (("sentences", sentences), ("documents", documents)):
        scores = evaluation.score(
            zip(texts, predictor.predict(texts), strict=True)
        )
        found[name] = round(scores.micro.f1, 4)
    return {
        "texts": len(sentences),
        "joined": len(documents),
        "window": predictor.windowing.max_tokens,
        "overlap": predictor.windowing.overlap,
        **found,
    }


def _join(sentences: Sequence[Sentence]) -> Iterator[Sentence]:
    """Documents of DOCUMENT characters, a sentence a line."""
    text, spans = "", list[Span]()
    for sentence in sentences:
        spans += [
            span._replace(
                start=span.start + len(text), end=span.end + len(text)
            )
            for span in sentence.spans or ()
        ]
        text += sentence.text + "\n"
        if len(text) >= DOCUMENT:
            yield Sentence(text, tuple(spans))
            text, spans = "", []
    if text:
        yield Sentence(text, tuple(spans))


def measure_confidence(
    predictor: Predictor, sentences: Sequence[Sentence]
) -> Iterator[dict[str, Any]]:
    """Calibration error, and what thresholds for a precision hold."""
    pairs = [
        (
            sentence,
            sentence.replace_spans(
                Span(one.start, one.end, one.label, one.score) for one in found
            ),
        )
        for sentence, found in zip(
            sentences, predictor.candidates(sentences), strict=True
        )
    ]
    decoder = decoder_of(predictor.decoding)
    temperature = fit_confidence(pairs, decode=decoder)
    for target in PRECISIONS:
        begun = time.perf_counter()
        fit = fit_confidence(
            pairs,
            decode=decoder,
            objective=ThresholdObjective(
                metric=ThresholdMetric.PRECISION, target=target
            ),
            scaling=Scaling.PLATT,
        )
        assert fit.held_out_scores is not None
        plain, held_out = fit.plain_scores.micro, fit.held_out_scores.micro
        found = sum(s.predicted for s in fit.held_out_scores.labels.values())
        yield {
            "error": round(fit.before.error, 4),
            "temperature": round(temperature.held_out.error, 4),
            "calibrated": round(fit.held_out.error, 4),
            "plain_precision": round(plain.precision, 4),
            "plain_recall": round(plain.recall, 4),
            "target": target,
            "precision": round(held_out.precision, 4),
            "recall": round(held_out.recall, 4),
            "entities": found,
            "candidates": fit.candidates,
            "seconds": round(time.perf_counter() - begun, 1),
        }


if __name__ == "__main__":
    sys.exit(main())
