"""Reading encoders from every checkpoint format, and writing them.

Tensors travel under canonical names; see `names`. TensorFlow is loaded only for
TensorFlow checkpoints.

Example:
    >>> source = open_source("chinese_wwm_ext_L-12_H-768_A-12")
    >>> encoder = build_encoder(source.config)
    >>> print(load(source, encoder_variables(encoder), config=source.config))
"""

from __future__ import annotations

from biaffine_tf.encoders.checkpoints.assign import (
    check,
    encoder_variables,
    load,
    tensors_of,
)
from biaffine_tf.encoders.checkpoints.configs import read_config
from biaffine_tf.encoders.checkpoints.initialization import (
    Initialization,
    choose_initialization,
    open_parts,
)
from biaffine_tf.encoders.checkpoints.layout import Component, Format
from biaffine_tf.encoders.checkpoints.names import encoder_shapes
from biaffine_tf.encoders.checkpoints.report import LoadReport
from biaffine_tf.encoders.checkpoints.source import Source, open_source
from biaffine_tf.encoders.checkpoints.tokenizers import choose_tokenizer
from biaffine_tf.encoders.checkpoints.vocabularies import (
    TokenizerSettings,
    read_vocabulary,
    read_vocabulary_file,
)
from biaffine_tf.encoders.checkpoints.write import (
    write_huggingface,
    write_tf1,
)

__all__ = [
    "Component",
    "Format",
    "Initialization",
    "LoadReport",
    "Source",
    "TokenizerSettings",
    "check",
    "choose_initialization",
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
