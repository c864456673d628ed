"""A tiny model, and texts that try everything that texts can do to it."""

import dataclasses

import numpy as np
import tiny
from hypothesis import strategies as st

from biaffine_tf import model_directory
from biaffine_tf.config import ExperimentConfig, TokenizerConfig
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Vocabulary

LABELS = LabelMap(["letter", "sky", "both"])
VOCABULARY = Vocabulary(
    [
        *["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "##a", "##b", "天"],
        *["地", "i", "##i", "e", "é", "İ", "！", "Ａ", "😀", "，", " "],
        *["the", "cat"],
        # What a Korean syllable falls apart into when accents are stripped:
        # three tokens that share one character.
        *["\u1112", "##\u1161", "##\u11ab"],
    ]
)
FRAGMENTS = [
    *["a", "b", "ab", "天", "地", "the", "cat", "é", "e\u0301", "\u0301"],
    *["İ", "😀", "👩‍👩‍👧", "Ａ", "！", "，", " ", "　", "\t", "\n", "\u200b"],
    *["한", "한한", "龘", "[SEP]", "[PAD]", "\x00", "\ufeff"],
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
LONG = "天地ab ， " * 20
HOSTILE = ["", " ", "\u0301", "한", "a한b", "İ", "😀天", LONG, "龘龘", "[SEP]"]


def config(kind, *, vocabulary=VOCABULARY, **changes):
    made = tiny.model_config(encoder={"vocab_size": len(vocabulary)})
    folds = vocabulary.subwords is None
    return dataclasses.replace(
        made,
        tokenizer=TokenizerConfig(kind=kind, do_lower_case=folds),
        max_seq_length=20,
        **changes,
    )


def model(kind, *, none=3.9, seed=5, **changes):
    """Random weights, and so much "none" that some texts hold no entity."""
    return random_model(config(kind, **changes), none=none, seed=seed)


def random_model(model_config, *, none=3.9, seed=5):
    """As `model`, of any config."""
    made = SpanModel(model_config, num_classes=LABELS.num_classes)
    made.build_weights()
    rng = np.random.default_rng(seed)
    for name, weight in made.saved_weights().items():
        value = rng.normal(size=weight.shape) * 0.3
        if name.endswith("bilinear"):
            value *= 12
            value[-1, :, -1] = [none, 0, 0, 0]  # the biases of the classes
        weight.assign(value)
    return made


def write_model(folder, made, *, vocabulary=VOCABULARY, **settings) -> str:
    """Writes a model directory; `settings` are of the experiment."""
    model_directory.write_description(
        str(folder),
        ExperimentConfig(model=made.config, **settings),
        LABELS,
        vocabulary,
    )
    model_directory.save_weights(str(folder), made)
    return str(folder)
