"""Writes SERVING.md, which explains how to call a SavedModel."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text

from biaffine_tf import __version__
from biaffine_tf.config import DecodingConfig, LongText, TokenizerKind
from biaffine_tf.export.model import BATCHED, PADDING
from biaffine_tf.files import atomic_write
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.model_directory.manifest import Manifest
from biaffine_tf.tokenization import Tokenizer, WordRule

GUIDE = "SERVING.md"

_SCORES = {
    True: "the model's probability of the label, in [0, 1]",
    False: "calibrated, in [0, 1]: how often such entities are correct",
}
_LONG_TEXTS = {
    LongText.WINDOW: "Texts of more than {max_tokens} tokens are read in "
    "windows that overlap by at least {overlap} tokens.",
    LongText.LINE: "Texts of more than {max_tokens} tokens are read line by "
    "line, long lines in windows that overlap by at least {overlap} tokens.",
    LongText.TRUNCATE: "Texts are truncated to {max_tokens} tokens.",
    LongText.ERROR: "A text of more than {max_tokens} tokens is an error.",
}


def write_guide(
    folder: str,
    output_dir: str,
    predictor: Predictor,
    manifest: Manifest,
    example: tuple[str, Sequence[tuple[int, int, str, float]]],
) -> None:
    """Writes SERVING.md.

    Args:
        folder: Folder to write to.
        output_dir: Final path of the folder.
        predictor: Predictor of the model.
        manifest: Manifest of the export.
        example: A text and the export's answer.
    """
    text, rows = example
    tokens = _token_columns(predictor.tokenizer, text)
    instance: object = text
    if tokens:
        instance = {"texts": text, **{k: v[0] for k, v in tokens.items()}}
    flat = {**_columns(rows), "row_lengths": [len(rows)]}
    row = {**_columns(rows or [[*PADDING.values()]]), "count": len(rows)}
    write_page(
        folder,
        "SERVING.md.jinja",
        name=os.path.basename(os.path.realpath(output_dir)),
        tensorflow=tf.__version__,
        tensorflow_text=tensorflow_text.__version__,
        precision=manifest.precision,
        xla=manifest.xla,
        labels=", ".join(f"`{label}`" for label in manifest.labels),
        scores=_SCORES[predictor.confidence.is_plain],
        nested=manifest.decoding.nested,
        takes_tokens=predictor.tokenizer.kind is TokenizerKind.SUBWORD,
        word_rule=_word_rule(manifest.decoding),
        long_texts=_LONG_TEXTS[manifest.long_text].format(
            max_tokens=manifest.max_tokens, overlap=predictor.windowing.overlap
        ),
        pad_id=predictor.tokenizer.pad_id,
        head_scores=predictor.model.head.describe_scores(
            predictor.model.config.head, predictor.labels.num_classes
        ),
        example=_json(text),
        request=_json({"inputs": {"texts": [text], **tokens}}),
        response=_json({"outputs": flat}),
        row_request=_json({"signature_name": BATCHED, "instances": [instance]}),
        row_response=_json({"predictions": [row]}),
        parity=describe(manifest),
    )


def write_page(folder: str, template: str, **values: object) -> None:
    """Writes SERVING.md from a template and its values."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template).render(
        version=__version__, **values
    )
    with atomic_write(os.path.join(folder, GUIDE)) as file:
        file.write(page + "\n")


def _columns(rows: Sequence[Sequence[object]]) -> dict[str, list]:
    return {name: [row[i] for row in rows] for i, name in enumerate(PADDING)}


def _token_columns(
    tokenizer: Tokenizer, text: str
) -> dict[str, list[list[int]]]:
    """Tokens of a text, where a graph takes them."""
    if tokenizer.kind is not TokenizerKind.SUBWORD:
        return {}
    tokens = tokenizer.encode(text)
    starts, ends = ([one[i] for one in tokens.offsets] for i in (0, 1))
    return {"ids": [list(tokens.ids)], "starts": [starts], "ends": [ends]}


def _word_rule(decoding: DecodingConfig) -> str:
    """Lists the pairs of the word rule in Markdown; empty for none."""
    rule = WordRule.of(decoding)
    pairs = rule.pairs if rule else ()
    return ", ".join(f"`{pair}`" for pair in sorted(pairs))


def describe(manifest: Manifest) -> str:
    """Describes the comparison of an export with its model."""
    metrics = manifest.parity
    lines = [
        f"{metrics['sentences']} texts were compared: "
        f"{metrics['entities'] - metrics['differing']} entities are equal, "
        f"{metrics['differing']} differ; scores differ by at most "
        f"{metrics['score_difference']:.1g}.",
    ]
    if manifest.cost is not None:
        model, export = manifest.cost["model"], manifest.cost["export"]
        lines.append(
            f"Micro F1 on the labelled data: {model:.4f} for the model, "
            f"{export:.4f} for the export."
        )
    return " ".join(lines)


def example_text(predictor: Predictor) -> str:
    """Returns a text that the vocabulary covers, in one window."""
    chinese = "小明在北京上学"
    unknown = predictor.tokenizer.unk_id
    ids = predictor.tokenizer.encode(chinese).ids
    text = chinese if unknown not in ids else "Alice lives in Paris."
    return text[: predictor.windowing.max_tokens]


def _json(values: object) -> str:
    return json.dumps(values, ensure_ascii=False)
