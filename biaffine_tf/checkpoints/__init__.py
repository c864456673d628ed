"""Alias of `biaffine_tf.encoders.checkpoints`."""

from __future__ import annotations

from biaffine_tf.encoders.checkpoints import (
    Component,
    Format,
    LoadReport,
    Source,
    Start,
    TokenizerSettings,
    check,
    choose_start,
    choose_tokenizer,
    encoder_shapes,
    encoder_variables,
    load,
    open_parts,
    open_source,
    read_config,
    read_vocabulary,
    read_vocabulary_file,
    tensors_of,
    write_huggingface,
    write_tf1,
)

__all__ = [
    "Component",
    "Format",
    "LoadReport",
    "Source",
    "Start",
    "TokenizerSettings",
    "check",
    "choose_start",
    "choose_tokenizer",
    "encoder_shapes",
    "encoder_variables",
    "load",
    "open_parts",
    "open_source",
    "read_config",
    "read_vocabulary",
    "read_vocabulary_file",
    "tensors_of",
    "write_huggingface",
    "write_tf1",
]
