"""Serialised records of a chunk of text."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from biaffine_tf.config import DataConfig, Masking
from biaffine_tf.records.masking import Masked, mask_batch
from biaffine_tf.records.packing import TokenRun, pack, split_line
from biaffine_tf.records.teacher_tokens import (
    TeacherRun,
    TeacherTokenizer,
    count_targets,
    with_special_tokens,
)
from biaffine_tf.records.text_records import (
    MASK,
    Counts,
    Split,
    special_ids,
)
from biaffine_tf.records.text_schema import serialize
from biaffine_tf.records.text_words import find_word_starts
from biaffine_tf.records.texts import Chunk
from biaffine_tf.tokenization import Tokenizer, Tokens


@dataclasses.dataclass
class Examples:
    """Records of a chunk.

    Attributes:
        records: Serialised records of each split, in order.
        lengths: Number of records by number of tokens, of each split.
        counts: Counts of tokenized and dropped text.
    """

    records: dict[Split, list[bytes]]
    lengths: dict[Split, collections.Counter[int]]
    counts: Counts


def make_examples(
    chunk: Chunk,
    *,
    tokenizer: Tokenizer,
    config: DataConfig,
    teacher: TeacherTokenizer | None = None,
) -> Examples:
    """Tokenizes, packs, masks if configured, and serialises a chunk.

    Args:
        chunk: Chunk of text.
        tokenizer: Tokenizer of the text.
        config: Settings of packing and masking. Masks depend on its seed and
            the number of the chunk.
        teacher: Teacher whose tokens to store too.
    """
    made = Examples({}, {}, Counts())
    rng = np.random.default_rng([config.seed, chunk.number])
    packed = _pack_documents(chunk, tokenizer, config, teacher, made.counts)
    for split, sequences in packed.items():
        copies = 1
        if split is Split.TRAIN and config.masking is not None:
            copies = config.dupe_factor
        made.records[split] = list(
            _records(sequences * copies, tokenizer, config, teacher, rng)
        )
        made.lengths[split] = collections.Counter(
            len(sequence.ids) for sequence in sequences * copies
        )
    return made


def _pack_documents(
    chunk: Chunk,
    tokenizer: Tokenizer,
    config: DataConfig,
    teacher: TeacherTokenizer | None,
    counts: Counts,
) -> dict[Split, list[TokenRun]]:
    """Packs documents into the sequences of each split; drops short ones."""
    packed: dict[Split, list[TokenRun]] = {split: [] for split in Split}
    documents = _documents(chunk, tokenizer, config, teacher, counts)
    max_teacher_tokens = teacher.max_tokens if teacher else 0
    for split, runs in documents:
        for sequence in pack(runs, config.max_tokens, max_teacher_tokens):
            if len(sequence.ids) < config.min_tokens:
                counts.dropped_sequences += 1
                counts.dropped_tokens += len(sequence.ids)
                continue
            packed[split].append(sequence)
            if sequence.teacher is not None:
                targets, repeated = count_targets(sequence.teacher)
                counts.targets += targets
                counts.repeated_targets += repeated
    return packed


def _documents(
    chunk: Chunk,
    tokenizer: Tokenizer,
    config: DataConfig,
    teacher: TeacherTokenizer | None,
    counts: Counts,
) -> Iterator[tuple[Split, list[TokenRun]]]:
    texts = [line.text for line in chunk.lines]
    encoded = tokenizer.encode_batch(texts)
    of_teacher: Sequence[Tokens | None] = [None] * len(texts)
    if teacher is not None:
        of_teacher = teacher.tokenizer.encode_batch(texts)
    for tokens in encoded:
        counts.tokens += len(tokens.ids)
        counts.unknown_tokens += tokens.ids.count(tokenizer.unk_id)
        counts.empty_lines += not tokens.ids
    for (_, held_out), lines in itertools.groupby(
        zip(chunk.lines, encoded, of_teacher, strict=True),
        key=lambda each: (each[0].document, each[0].held_out),
    ):
        runs: list[TokenRun] = []
        for line, tokens, others in lines:
            starts = find_word_starts(line.text, tokens.offsets, config.words)
            runs += split_line(
                line.text, tokens, starts, config.max_tokens, others
            )
        yield (Split.HELD_OUT if held_out else Split.TRAIN), runs


def _records(
    sequences: Sequence[TokenRun],
    tokenizer: Tokenizer,
    config: DataConfig,
    teacher: TeacherTokenizer | None,
    rng: np.random.Generator,
) -> Iterator[bytes]:
    if config.masking is not None:
        masked = _mask(sequences, tokenizer, config, config.masking, rng)
        yield from _masked_records(sequences, masked, teacher)
        return
    for sequence in sequences:
        yield serialize(
            [tokenizer.cls_id, *sequence.ids, tokenizer.sep_id],
            _with_ends(sequence.word_starts),
            teacher=_of_teacher(sequence, teacher),
        )


def _of_teacher(
    sequence: TokenRun, teacher: TeacherTokenizer | None
) -> TeacherRun | None:
    if teacher is None or sequence.teacher is None:
        return None
    return with_special_tokens(sequence.teacher, teacher.tokenizer)


def _mask(
    sequences: Sequence[TokenRun],
    tokenizer: Tokenizer,
    config: DataConfig,
    masking: Masking,
    rng: np.random.Generator,
) -> Masked:
    shape = len(sequences), config.max_seq_length
    input_ids = np.full(shape, tokenizer.pad_id, np.int32)
    word_starts = np.ones(shape, np.uint8)
    for row, sequence in enumerate(sequences):
        end = len(sequence.ids) + 1
        input_ids[row, 0] = tokenizer.cls_id
        input_ids[row, 1:end] = sequence.ids
        input_ids[row, end] = tokenizer.sep_id
        word_starts[row, 1:end] = np.frombuffer(sequence.word_starts, np.uint8)
    return mask_batch(
        input_ids,
        word_starts,
        masking=masking,
        special_ids=special_ids(tokenizer.vocabulary),
        mask_id=tokenizer.vocabulary.id(MASK),
        vocab_size=tokenizer.vocab_size,
        max_predictions=config.max_predictions_per_seq,
        rng=rng,
    )


def _masked_records(
    sequences: Sequence[TokenRun],
    masked: Masked,
    teacher: TeacherTokenizer | None,
) -> Iterator[bytes]:
    numbers = masked.weights.sum(axis=1).astype(int)
    for row, (sequence, number) in enumerate(
        zip(sequences, numbers, strict=True)
    ):
        yield serialize(
            masked.input_ids[row, : len(sequence.ids) + 2].tolist(),
            _with_ends(sequence.word_starts),
            positions=masked.positions[row, :number].tolist(),
            labels=masked.labels[row, :number].tolist(),
            teacher=_of_teacher(sequence, teacher),
        )


def _with_ends(word_starts: bytearray) -> bytes:
    """Adds [CLS] and [SEP] as words."""
    return b"\1" + bytes(word_starts) + b"\1"
