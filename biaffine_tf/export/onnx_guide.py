"""Writes SERVING.md of an ONNX export, with its inputs and outputs."""

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
        name: Final name of the folder.
        predictor: Predictor of the model.
        manifest: Manifest of the export.
        example: Text that fits in one window.
    """
    tokenizer, config = predictor.tokenizer, predictor.model.config
    tokens = list(map(int, tokenizer.encode(example).ids))
    write_page(
        folder,
        "ONNX.md.jinja",
        name=name,
        precision=manifest.precision,
        example=json.dumps(example, ensure_ascii=False),
        max_tokens=manifest.max_tokens,
        cls_id=tokenizer.cls_id,
        sep_id=tokenizer.sep_id,
        pad_id=tokenizer.pad_id,
        has_context=config.context_tokens > 0,
        outputs=onnx_form(
            config.head.name, multi_label=config.head.multi_label
        ).OUTPUTS,
        ids=[tokenizer.cls_id, *tokens, tokenizer.sep_id],
        parity=describe(manifest),
    )
