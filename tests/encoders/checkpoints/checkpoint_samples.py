"""Small encoders of every family, their tensors, and files of them."""

import json
import pathlib

import numpy as np
import tensorflow as tf
import tiny

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.encoders.fused_encoder import FusedBertEncoder

CONFIGS = {
    "bert": tiny.encoder_config(),
    "electra": tiny.encoder_config(embedding_size=6),
    "albert": tiny.encoder_config(
        embedding_size=6, num_hidden_groups=1, hidden_act="gelu_new"
    ),
}
VOCABULARY = tiny.VOCABULARY


def ranged(shapes: dict[str, tuple[int, ...]], start: int = 0):
    """Tensors no two cells of which are equal."""
    tensors = {}
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        values = np.arange(start, start + size, dtype=np.float32)
        tensors[name] = values.reshape(shape)
        start += size
    return tensors


def random_tensors(shapes, *, seed=0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(name.endswith("gamma"), 0.5, shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def head_shapes(config: EncoderConfig, head: str):
    return {
        "none": {},
        "mlm": names.mlm_shapes(config),
        "rtd": names.rtd_shapes(config),
    }[head]


def built_encoder(config: EncoderConfig, **options) -> FusedBertEncoder:
    encoder = build_encoder(config, **options)
    one = tf.ones([1, 2], tf.int32)
    encoder(
        {"input_word_ids": one, "input_mask": one, "input_type_ids": one * 0}
    )
    return encoder


def batch(vocab_size: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Ids, mask and types of three sentences, two of them padded."""
    rng = np.random.default_rng(seed)
    mask = np.arange(9) < np.array([[9], [6], [2]])
    ids = rng.integers(1, vocab_size, mask.shape) * mask
    types = rng.integers(0, 2, mask.shape) * mask
    return {"word_ids": ids, "mask": mask.astype(int), "type_ids": types}


def vectors(encoder: FusedBertEncoder, inputs: dict[str, np.ndarray]):
    """`[B, L, H]` of a batch."""
    feed = {f"input_{k}": tf.constant(v, tf.int32) for k, v in inputs.items()}
    return encoder(feed)["sequence_output"]


def write_tf1(prefix, tensors: dict[str, np.ndarray]) -> str:
    """A checkpoint by name, as TF1's Saver writes."""
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=list(tensors.values()),
    )
    return str(prefix)


def write_config(path: pathlib.Path, config: EncoderConfig) -> str:
    path.write_text(json.dumps(config.to_dict()))
    return str(path)


def huggingface_directory(
    folder, family="bert", head="none", *, seed=0
) -> pathlib.Path:
    """A small encoder with random weights."""
    config = CONFIGS[family]
    shapes = names.encoder_shapes(config) | head_shapes(config, head)
    write(
        "huggingface",
        folder,
        config,
        random_tensors(shapes, seed=seed),
        tokenizer=checkpoints.TokenizerSettings(
            kind="wordpiece", do_lower_case=True
        ),
    )
    return pathlib.Path(folder)


def write(to, folder, config=CONFIGS["bert"], tensors=None, **options):
    """Writes an encoder for "tf" or "huggingface"; returns its tensors."""
    if tensors is None:
        tensors = random_tensors(names.encoder_shapes(config))
    options = {"vocabulary": VOCABULARY} | options
    make = {
        "tf": checkpoints.write_tf1,
        "huggingface": checkpoints.write_huggingface,
    }[to]
    make(str(folder), config, tensors, **options)
    return tensors


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)
        assert value.dtype == np.float32
