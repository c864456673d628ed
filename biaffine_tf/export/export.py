"""Writes exports, after a check that they answer as the model does."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.config import (
    ExportFormat,
    ExportPrecision,
    LongText,
    Precision,
)
from biaffine_tf.errors import BiaffineError, ConfigError
from biaffine_tf.export import parity
from biaffine_tf.export.guide import example_text, write_guide
from biaffine_tf.export.model import BATCHED, SERVE, ServingModel
from biaffine_tf.export.onnx_export import write_onnx
from biaffine_tf.export.onnx_guide import write_onnx_guide
from biaffine_tf.files import SCRATCH, temporary_folder
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.model_directory.description import read_subword_tokenizer
from biaffine_tf.model_directory.manifest import Manifest, check_export_dir
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL
from biaffine_tf.spans import Entity, Sentence, Span
from biaffine_tf.tokenization import Tokenizer

_ANSWERING = pathlib.Path(__file__).with_name("answering.py")
_ANSWERING_ONNX = pathlib.Path(__file__).with_name("answering_onnx.py")
_BESIDE_SAVED_MODEL = (
    model_directory.LABELS,
    model_directory.VOCABULARY,
    model_directory.SUBWORDS,
)
_SHORT = 9  # bytes; texts below it fit every model

Answer = list[tuple[int, int, str, float]]


def export(
    model_dir: str,
    output_dir: str,
    *,
    format: ExportFormat = ExportFormat.SAVED_MODEL,
    precision: ExportPrecision = ExportPrecision.FLOAT32,
    xla: bool = False,
    gold: Sequence[Sentence] | None = None,
    tolerance: parity.Tolerance | None = None,
    **options: Any,
) -> Manifest:
    """Exports a model directory.

    Writes it only if it answers as the predictor does on some hundred
    sentences of the dev set and on hostile texts: a SavedModel in a process
    without biaffine_tf, an ONNX model in one without TensorFlow.

    Args:
        model_dir: Model directory, from `run_classifier.py`.
        output_dir: Folder to write, which must be missing or empty.
        format: Format of the export.
        precision: Precision of weights and matrix products.
        xla: Whether to compile the encoder of a SavedModel with XLA, once for
            each of a few shapes.
        gold: Labelled sentences to measure the loss of F1 in a lower
            precision; None to measure none.
        tolerance: Allowed differences; None for those of the precision.
        **options: See `Predictor.from_directory`.

    Returns:
        Manifest of the export.

    Raises:
        ConfigError: If the model directory or an option is wrong, or the
            output directory is not empty.
        ParityError: If answers differ; nothing is written then.
    """
    check_export_dir(output_dir)
    tolerance = tolerance or parity.TOLERANCES[precision]
    if xla and format is ExportFormat.ONNX:
        raise ConfigError(
            "XLA compiles no ONNX model", remedy="leave out --xla"
        )
    with model_directory.intact(model_dir):
        predictor = Predictor.from_directory(model_dir, **options)
    texts = _test_texts(model_dir, predictor, gold)
    if precision is ExportPrecision.FLOAT32:
        gold = None  # gives the same F1, or is not written
    with _staged(output_dir) as folder:
        _write(
            model_dir,
            folder,
            format=format,
            precision=precision,
            xla=xla,
            **options,
        )
        if format is ExportFormat.SAVED_MODEL:
            for name in _BESIDE_SAVED_MODEL:
                path = os.path.join(model_dir, name)
                if os.path.exists(path):
                    shutil.copyfile(path, os.path.join(folder, name))
        # Runs everything in one process, which is slow to start.
        example = example_text(predictor)
        own = [sentence.text.encode() for sentence in gold or ()]
        requests = {SERVE: [*texts, *own, example.encode()]}
        if format is ExportFormat.SAVED_MODEL:
            requests[BATCHED] = texts
        results = answers_by_signature(folder, requests)
        compared = _compare(predictor, texts, results, tolerance)
        manifest = Manifest(
            format=format,
            precision=precision,
            xla=xla,
            labels=tuple(predictor.labels.names),
            decoding=predictor.decoding,
            long_text=predictor.windowing.long_text,
            max_tokens=predictor.windowing.max_tokens,
            source=model_directory.model_fingerprints(model_dir),
            parity=compared.metrics(),
            cost=_cost(predictor, gold, results[SERVE][len(texts) : -1])
            if gold
            else None,
        )
        manifest.write(folder)
        if format is ExportFormat.SAVED_MODEL:
            write_guide(
                folder,
                output_dir,
                predictor,
                manifest,
                (example, results[SERVE][-1]),
            )
        else:
            write_onnx_guide(
                folder,
                name=os.path.basename(os.path.realpath(output_dir)),
                predictor=predictor,
                manifest=manifest,
                example=example,
            )
        model_directory.seal(folder)
    return manifest


@contextlib.contextmanager
def _staged(directory: str) -> Iterator[str]:
    """Yields a folder that gets its name only once it is complete."""
    directory = os.path.realpath(directory)
    parent, name = os.path.split(directory)
    os.makedirs(parent, exist_ok=True)
    with temporary_folder(parent, name) as folder:
        yield folder
        os.chmod(folder, 0o755)
        if os.path.isdir(directory):
            os.rmdir(directory)
        os.rename(folder, directory)


def _write(
    model_dir: str,
    folder: str,
    *,
    format: ExportFormat,
    precision: ExportPrecision,
    xla: bool = False,
    **options: Any,
) -> None:
    """Writes the files that predict, without a check.

    Args:
        model_dir: See `export`, as for the others.
        folder: Empty folder.
        format: Format of the export.
        precision: Precision of weights and matrix products.
        xla: Whether to compile the encoder of a SavedModel with XLA.
        **options: See `Predictor.from_directory`.
    """
    is_half = precision is ExportPrecision.BFLOAT16
    is_onnx = format is ExportFormat.ONNX
    # A predictor of its own, since exporting changes it.
    source = Predictor.from_directory(
        model_dir,
        precision=Precision.BFLOAT16
        if is_half and not is_onnx
        else Precision.FLOAT32,
        xla=xla,
        **options,
    )
    if is_onnx:
        write_onnx(
            folder,
            model=source.model,
            config=model_directory.read_config(model_dir),
            labels=source.labels,
            tokenizer=source.tokenizer,
            decoding=source.decoding,
            windowing=source.windowing,
            confidence=source.confidence,
            precision=precision,
        )
        return
    ServingModel(
        source.model,
        source.tokenizer,
        source.labels,
        decoding=source.decoding,
        confidence=source.confidence,
        windowing=source.windowing,
        int8=precision is ExportPrecision.INT8,
    ).save(folder)


def _test_texts(
    model_dir: str, predictor: Predictor, gold: Sequence[Sentence] | None
) -> list[bytes]:
    """Returns sentences of the dev set, if known, and hostile texts."""
    path = os.path.join(model_dir, model_directory.PREDICTIONS)
    known: Iterable[Sentence] = gold or ()
    if gold is None and os.path.exists(path):
        known = formats.read(path)
    real = [sentence.text.encode() for sentence in known]
    if predictor.windowing.long_text is LongText.ERROR:
        hostile = [text for text in parity.HOSTILE if len(text) < _SHORT]
    else:
        hostile = parity.HOSTILE
    return [*parity.some_of(real), *hostile]


def _compare(
    predictor: Predictor,
    encoded: Sequence[bytes],
    results: Mapping[str, Sequence[Answer]],
    tolerance: parity.Tolerance,
) -> parity.Parity:
    """Compares the answers of all signatures; returns the result of `SERVE`.

    Raises:
        ParityError: If answers differ beyond the tolerance.
    """
    texts = [text.decode("utf-8", "replace") for text in encoded]
    expected = _one_by_one(predictor, texts)
    compared = {
        signature: parity.compare(
            texts, expected, rows[: len(texts)], tolerance
        )
        for signature, rows in results.items()
    }
    for comparison in compared.values():
        comparison.check(tolerance)
    return compared[SERVE]


def _one_by_one(
    predictor: Predictor, texts: Sequence[str]
) -> list[list[Entity]]:
    """Predicts each text as a separate document, without context."""
    sentences = predictor.predict(
        Sentence(text, document=str(number))
        for number, text in enumerate(texts)
    )
    return [
        [
            Entity(s.start, s.end, s.label, sentence.surface(s), s.score or 0.0)
            for s in sentence.spans or ()
        ]
        for sentence in sentences
    ]


def answers(
    folder: str, texts: Sequence[bytes], *, python: str = sys.executable
) -> list[Answer]:
    """Returns the answers of an export, run in a process of its own.

    Args:
        folder: Folder of the export. A SavedModel is run without biaffine_tf,
            an ONNX model without TensorFlow.
        texts: Texts, in UTF-8 or not.
        python: Path of the interpreter.

    Raises:
        BiaffineError: If the process fails, with the end of its output.
    """
    return answers_by_signature(folder, {SERVE: texts}, python=python)[SERVE]


def answers_by_signature(
    folder: str,
    texts: Mapping[str, Sequence[bytes]],
    *,
    python: str = sys.executable,
) -> dict[str, list[Answer]]:
    """Returns the answers of each signature, as `answers` does.

    Args:
        folder: Folder of the export.
        texts: Texts for each signature: `SERVE` and, for a SavedModel,
            `BATCHED`.
        python: Path of the interpreter.

    Raises:
        BiaffineError: If the process fails, with the end of its output.
    """
    is_onnx = os.path.exists(os.path.join(folder, ONNX_MODEL))
    tokenizer = None if is_onnx else read_subword_tokenizer(folder)
    encoded = {
        signature: [_request(one, tokenizer, is_onnx) for one in some]
        for signature, some in texts.items()
    }
    program = _ANSWERING_ONNX if is_onnx else _ANSWERING
    with temporary_folder(tempfile.gettempdir(), SCRATCH) as scratch:
        requests, answers_file = (
            os.path.join(scratch, name) for name in ("requests", "answers")
        )
        with open(requests, "w", encoding="ascii") as file:
            json.dump(encoded, file)
        done = run_program(
            program, folder, requests, answers_file, python=python, cwd=scratch
        )
        if done.returncode:
            raise BiaffineError(
                f"the export cannot be run: {done.stderr[-1000:]}",
                remedy="nothing was written; report this",
            )
        with open(answers_file, encoding="utf-8") as file:
            results = json.load(file)
    return {
        signature: [[tuple(row) for row in rows] for rows in some]
        for signature, some in results.items()
    }


def run_program(
    program: pathlib.Path, *arguments: str, python: str, cwd: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program that has nothing of this process.

    Args:
        program: File of the program; its folder is no place to import from.
        *arguments: Its arguments.
        python: Path of the interpreter.
        cwd: Folder to run it in.
    """
    return subprocess.run(
        [python, "-P", str(program), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def _request(
    text: bytes, tokenizer: Tokenizer | None, is_onnx: bool
) -> str | list[Any]:
    """A text as the programs that answer read it."""
    encoded = base64.b64encode(text).decode()
    if is_onnx:
        return encoded
    if tokenizer is None:
        return [encoded]
    tokens = tokenizer.encode(text.decode("utf-8", "replace"))
    starts, ends = ([one[i] for one in tokens.offsets] for i in (0, 1))
    return [encoded, list(tokens.ids), starts, ends]


def _cost(
    predictor: Predictor, gold: Sequence[Sentence], answers: Sequence[Answer]
) -> dict[str, float]:
    exported = (
        sentence.replace_spans(Span(*row) for row in rows)
        for sentence, rows in zip(gold, answers, strict=True)
    )
    return {
        name: evaluation.score(zip(gold, predicted, strict=True)).micro.f1
        for name, predicted in (
            ("model", predictor.predict(gold)),
            ("export", exported),
        )
    }
