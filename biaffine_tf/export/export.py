"""Writes exports, behind a gate: what answers otherwise is not written."""

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
_SHORT = 9  # bytes, which no model is too short for

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

    It is written only if it answers as the predictor does, some hundred
    sentences of the dev set and hostile ones: a SavedModel in a process
    without code of ours, an ONNX model in one without TensorFlow.

    Args:
        model_dir: Written by `run_classifier.py`.
        output_dir: Folder to write, which must not exist or be empty.
        format: What to write.
        precision: Of weights and matrix products.
        xla: Whether XLA compiles the encoder, once for each of a few shapes.
            Not of ONNX.
        gold: Labelled sentences: what another precision costs in F1 is
            measured on them. None for no figure.
        tolerance: How far answers may differ; None for what is right for the
            precision.
        **options: As for `Predictor.from_directory`.

    Returns:
        What was written.

    Raises:
        ConfigError: If the model directory or an option is wrong, or the
            output directory is not empty.
        ParityError: If it answers otherwise; nothing is written then.
    """
    check_export_dir(output_dir)
    tolerance = tolerance or parity.TOLERANCES[precision]
    if xla and format is ExportFormat.ONNX:
        raise ConfigError(
            "XLA compiles no ONNX model", remedy="leave out --xla"
        )
    with model_directory.intact(model_dir):
        predictor = Predictor.from_directory(model_dir, **options)
    questions = _questions(model_dir, predictor, gold)
    if precision is ExportPrecision.FLOAT32:
        gold = None  # it answers as the model does, or is not written
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
        # One process for all: it takes its time to start.
        example = example_text(predictor)
        own = [sentence.text.encode() for sentence in gold or ()]
        asked = {SERVE: [*questions, *own, example.encode()]}
        if format is ExportFormat.SAVED_MODEL:
            asked[BATCHED] = questions
        answered = answers_by_signature(folder, asked)
        found = answered[SERVE]
        compared = _compare(predictor, questions, answered, tolerance)
        manifest = Manifest(
            format=format,
            precision=precision,
            xla=xla,
            labels=tuple(predictor.labels.names),
            decoding=predictor.decoding,
            long_text=predictor.windowing.long_text,
            max_tokens=predictor.windowing.max_tokens,
            source=model_directory.model_fingerprints(model_dir),
            parity=compared.figures(),
            cost=_cost(predictor, gold, found[len(questions) : -1])
            if gold
            else None,
        )
        manifest.write(folder)
        if format is ExportFormat.SAVED_MODEL:
            write_guide(
                folder, output_dir, predictor, manifest, (example, found[-1])
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
    """A folder that appears under its name only when it is complete."""
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
    """Writes what an export predicts with, whatever it answers.

    Args:
        model_dir: As for `export`, like the rest.
        folder: An empty folder.
        format: What to write.
        precision: Of weights and matrix products.
        xla: Whether XLA compiles the encoder of a SavedModel.
        **options: As for `Predictor.from_directory`.
    """
    is_half = precision is ExportPrecision.BFLOAT16
    is_onnx = format is ExportFormat.ONNX
    # One of its own, as it does not stay what it is.
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


def _questions(
    model_dir: str, predictor: Predictor, gold: Sequence[Sentence] | None
) -> list[bytes]:
    """Sentences of the dev set, as far as it is known, and hostile texts."""
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
    questions: Sequence[bytes],
    answered: Mapping[str, Sequence[Answer]],
    tolerance: parity.Tolerance,
) -> parity.Parity:
    """How `SERVE` compares, if every signature answers as it must.

    Raises:
        ParityError: If one does not.
    """
    texts = [one.decode("utf-8", "replace") for one in questions]
    wanted = _one_by_one(predictor, texts)
    compared = {
        signature: parity.compare(texts, wanted, found[: len(texts)], tolerance)
        for signature, found in answered.items()
    }
    for one in compared.values():
        one.check(tolerance)
    return compared[SERVE]


def _one_by_one(
    predictor: Predictor, texts: Sequence[str]
) -> list[list[Entity]]:
    """Each text as a document of its own, also where context is read."""
    found = predictor.predict(
        Sentence(text, document=str(number))
        for number, text in enumerate(texts)
    )
    return [
        [
            Entity(s.start, s.end, s.label, one.surface(s), s.score or 0.0)
            for s in one.spans or ()
        ]
        for one in found
    ]


def answers(
    folder: str, texts: Sequence[bytes], *, python: str = sys.executable
) -> list[Answer]:
    """What an export answers in a process of its own.

    Args:
        folder: The export. A SavedModel is asked where there is no code of
            ours, an ONNX model where there is no TensorFlow.
        texts: What is asked, in UTF-8 or not.
        python: The interpreter of that process.

    Raises:
        BiaffineError: If the process fails; with its last words.
    """
    return answers_by_signature(folder, {SERVE: texts}, python=python)[SERVE]


def answers_by_signature(
    folder: str,
    texts: Mapping[str, Sequence[bytes]],
    *,
    python: str = sys.executable,
) -> dict[str, list[Answer]]:
    """As `answers`, of each signature.

    Args:
        folder: The export.
        texts: What each signature is asked: `SERVE` and, of a SavedModel,
            `BATCHED`.
        python: The interpreter of that process.

    Raises:
        BiaffineError: If the process fails; with its last words.
    """
    is_onnx = os.path.exists(os.path.join(folder, ONNX_MODEL))
    tokenizer = None if is_onnx else read_subword_tokenizer(folder)
    encoded = {
        signature: [_request(one, tokenizer, is_onnx) for one in some]
        for signature, some in texts.items()
    }
    program = _ANSWERING_ONNX if is_onnx else _ANSWERING
    with temporary_folder(tempfile.gettempdir(), SCRATCH) as scratch:
        requests, found = (
            os.path.join(scratch, name) for name in ("requests", "answers")
        )
        with open(requests, "w", encoding="ascii") as file:
            json.dump(encoded, file)
        done = subprocess.run(
            [python, "-P", str(program), folder, requests, found],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BiaffineError(
                f"the export cannot be run: {done.stderr[-1000:]}",
                remedy="nothing was written; report this",
            )
        with open(found, encoding="utf-8") as file:
            found = json.load(file)
    return {
        signature: [[tuple(row) for row in rows] for rows in some]
        for signature, some in found.items()
    }


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
    predictor: Predictor, gold: Sequence[Sentence], found: Sequence[Answer]
) -> dict[str, float]:
    """Micro F1 of the model and of what is exported."""
    exported = (
        sentence.replace_spans(Span(*row) for row in rows)
        for sentence, rows in zip(gold, found, strict=True)
    )
    return {
        name: evaluation.score(zip(gold, predicted, strict=True)).micro.f1
        for name, predicted in (
            ("model", predictor.predict(gold)),
            ("export", exported),
        )
    }
