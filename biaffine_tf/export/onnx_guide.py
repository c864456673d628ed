"""Writes SERVING.md of an ONNX export: inputs and outputs of the network."""

from __future__ import annotations

import json

from biaffine_tf.export.guide import describe, write_page
from biaffine_tf.heads import onnx_form
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.model_directory.manifest import Manifest


def write_onnx_guide(
    folder: str,
    *,
    name: str,
    predictor: Predictor,
    manifest: Manifest,
    example: str,
) -> None:
    """Writes `SERVING.md`.

    Args:
        folder: Folder of the export.
        name: Name that it will have.
        predictor: Predictor of the model.
        manifest: Description of the export.
        example: A text in one window.
    """
    tokenizer, config = predictor.tokenizer, predictor.model.config
    tokens = list(map(int, tokenizer.encode(example).ids))
    write_page(
        folder,
        "ONNX.md.jinja",
        name=name,
        precision=manifest.precision,
        example=json.dumps(example, ensure_ascii=False),
        most=manifest.max_tokens,
        cls_id=tokenizer.cls_id,
        sep_id=tokenizer.sep_id,
        pad_id=tokenizer.pad_id,
        has_context=config.context_tokens > 0,
        outputs=onnx_form(config.head.name).OUTPUTS,
        ids=[tokenizer.cls_id, *tokens, tokenizer.sep_id],
        parity=describe(manifest),
    )
