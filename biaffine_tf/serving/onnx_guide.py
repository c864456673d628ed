"""The page in an ONNX export that says what goes in and comes out."""

from __future__ import annotations

import json
import os

from biaffine_tf import __version__
from biaffine_tf.files import atomic_write
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.model_directory.manifest import Manifest

GUIDE = "SERVING.md"


def write_onnx_guide(
    folder: str,
    *,
    name: str,
    predictor: Predictor,
    manifest: Manifest,
    example: str,
    parity: str,
) -> None:
    """Writes `SERVING.md`.

    Args:
        folder: Of the export.
        name: Name that it will have.
        predictor: Of the model that it is of.
        manifest: What it says of itself.
        example: A text in one window.
        parity: How it compares with the model, in words.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    tokenizer, config = predictor.tokenizer, predictor.model.config
    pieces = list(map(int, tokenizer.encode(example).ids))
    page = environment.get_template("ONNX.md.jinja").render(
        name=name,
        version=__version__,
        precision=manifest.precision,
        example=json.dumps(example, ensure_ascii=False),
        most=manifest.max_pieces,
        cls_id=tokenizer.cls_id,
        sep_id=tokenizer.sep_id,
        pad_id=tokenizer.pad_id,
        has_context=config.context_pieces > 0,
        width=config.head.max_span_width,
        ids=[tokenizer.cls_id, *pieces, tokenizer.sep_id],
        parity=parity,
    )
    with atomic_write(os.path.join(folder, GUIDE)) as file:
        file.write(page + "\n")
