"""A small corpus, and what its records must hold."""

import functools
import random

import slow_packing
import tensorflow as tf
import tiny

from biaffine_tf.config import DataConfig
from biaffine_tf.records.text_building import create_records
from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.records.text_schema import parse
from biaffine_tf.records.texts import is_held_out

CONFIG = DataConfig(max_seq_length=12, min_tokens=1, held_out=0.2)


def documents(number, *, seed=0, longest=30) -> list[list[str]]:
    """Documents of a few lines, which the tokenizer of `tiny` knows."""
    rng = random.Random(seed)
    characters = tiny.CHARACTERS.replace(" ", "") + "天地人。"
    return [
        [
            "".join(rng.choices(characters, k=rng.randint(1, longest)))
            for _ in range(rng.randint(1, 4))
        ]
        for _ in range(number)
    ]


def write(path, texts) -> str:
    """Writes documents with blank lines between them."""
    path.write_bytes(content(texts))
    return str(path)


def content(texts) -> bytes:
    return "\n".join(f"{line}\n" for line in map("\n".join, texts)).encode()


def make(folder, texts, *, output="records", **changes) -> Records:
    """Records of documents."""
    config = CONFIG.to_dict() | changes
    return create_records(
        [write(folder / "texts.txt", texts)],
        str(folder / output),
        tiny.tokenizer(folder),
        DataConfig(**config),
        progress=False,
    )


def expected(texts, split, config=CONFIG) -> list[str]:
    """The sequences of a split, as a loop packs them."""
    held_out = split is Split.HELD_OUT
    return [
        sequence
        for number, lines in enumerate(texts)
        if is_held_out(number, share=config.held_out, seed=config.seed)
        == held_out
        for sequence in slow_packing.pack(lines, config.max_tokens)
        if len(sequence) >= config.min_tokens
    ]


def read(records, split) -> list[dict]:
    """The records of a split, in the order of its files."""
    has_masks = records.config.masking is not None
    parsed = tf.data.TFRecordDataset(records.paths(split)).map(
        functools.partial(parse, has_masks=has_masks)
    )
    return [
        {name: value.tolist() for name, value in record.items()}
        for record in parsed.as_numpy_iterator()
    ]


def text_of(records, input_ids) -> str:
    """The text of a sequence, [CLS] and [SEP] cut off."""
    tokenizer = records.tokenizer
    assert input_ids[0] == tokenizer.cls_id
    assert input_ids[-1] == tokenizer.sep_id
    tokens = tokenizer.vocabulary.tokens
    return "".join(tokens[i] for i in input_ids[1:-1])
